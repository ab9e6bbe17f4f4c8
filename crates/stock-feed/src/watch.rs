//! `stock-feed watch`: prices in a terminal, whatever happens to the server.

use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::builder::styling::{AnsiColor, Style};
use futures_util::{SinkExt, StreamExt};
use pubsub_manager::Stock;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message, http::Uri};
use tokio_tungstenite::{WebSocketStream, connect_async};

use crate::cli::Watch;

/// The first wait before it comes back, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(500);
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// How long a server may take to accept a connection and to shake hands.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// After so long without a word the server is asked for a sign of life, and after as long again it
/// is given up. A server that hangs, or whose cable was pulled, closes nothing: its connection
/// looks for ever like that of a stock nobody trades.
const SILENCE: Duration = Duration::from_secs(10);

/// A connection that lived so long was good: the next wait is a short one again.
const GOOD_AFTER: Duration = Duration::from_secs(5);

/// What a status without a stock is about.
const ALL_PRICES: &str = "all prices";

/// What the server says; see the wire protocol in the lesson.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Heard {
    Price {
        stock: String,
        price: String,
        #[serde(default)]
        last: bool,
        #[serde(default)]
        missed: u64,
    },
    Status {
        feed: String,
        stock: Option<String>,
    },
    Error {
        message: String,
    },
    #[serde(other)]
    Other,
}

/// Follows stocks until Ctrl-C, or until nobody reads what it prints.
///
/// # Errors
/// What was printed cannot be written. A URL that is not a server's ends it with code 2.
pub async fn run(watch: Watch) -> anyhow::Result<ExitCode> {
    let url = match address(&watch.url) {
        Ok(url) => url,
        Err(reason) => {
            writeln!(io::stderr(), "stock-feed: {reason}")?;
            return Ok(ExitCode::from(2));
        }
    };
    let mut screen = Screen::new(&watch.stocks);
    tokio::select! {
        printed = come_back_for_ever(&url, &watch.stocks, &mut screen) => {
            // Whoever read us has read enough, as `head` does.
            printed.or_else(|error| match error.kind() {
                io::ErrorKind::BrokenPipe => Ok(()),
                _ => Err(error).context("cannot print"),
            })?;
        }
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn address(text: &str) -> Result<Uri, String> {
    let wrong = |reason: &str| {
        format!("{text:?} is not a server: {reason}; write for instance ws://127.0.0.1:3000/ws")
    };
    let uri: Uri = text.parse().map_err(|error| wrong(&format!("{error}")))?;
    match uri.scheme_str() {
        Some("ws") if uri.host().is_some() => {}
        Some("wss") => return Err(wrong("this client speaks no TLS, leave that to a proxy")),
        _ => return Err(wrong("it has to begin with ws://")),
    }
    if uri.path() == "/" {
        return format!("{}/ws", text.trim_end_matches('/'))
            .parse()
            .map_err(|error| wrong(&format!("{error}")));
    }
    Ok(uri)
}

async fn come_back_for_ever(url: &Uri, stocks: &[Stock], screen: &mut Screen) -> io::Result<()> {
    let mut failures = 0;
    loop {
        let began = Instant::now();
        let reason = follow(url, stocks, screen).await?;
        failures = if began.elapsed() > GOOD_AFTER {
            1
        } else {
            failures + 1
        };
        let wait = wait(failures, fastrand::f64());
        screen.note(&format!(
            "{reason}; trying again in {:.1} s",
            wait.as_secs_f64()
        ));
        sleep(wait).await;
    }
}

/// Twice as long with each failure, and a random half of that, so that the users of a server
/// that fell over do not all come back in the same moment.
fn wait(failures: u32, random: f64) -> Duration {
    let most = FIRST_WAIT
        .saturating_mul(2_u32.saturating_pow(failures))
        .min(LONGEST_WAIT);
    most.mul_f64(0.5 + random / 2.0)
}

/// One connection, from its beginning to its end; says how it ended.
async fn follow(url: &Uri, stocks: &[Stock], screen: &mut Screen) -> io::Result<String> {
    let cannot = |why: String| Ok(format!("cannot connect to {url}: {why}"));
    let socket = match timeout(CONNECT_WITHIN, connect_async(url.clone())).await {
        Ok(Ok((socket, _))) => socket,
        Ok(Err(error)) => return cannot(in_words(&error)),
        Err(_) => return cannot(format!("no answer for {} s", CONNECT_WITHIN.as_secs())),
    };
    screen.note(&format!("connected to {url}"));
    screen.forget_stale_stocks();
    listen(socket, stocks, screen).await
}

async fn listen<S>(
    mut socket: WebSocketStream<S>,
    stocks: &[Stock],
    screen: &mut Screen,
) -> io::Result<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if let Err(reason) = say(&mut socket, stocks.iter().map(subscribe)).await {
        return Ok(reason);
    }
    let mut asked = false;
    loop {
        let Ok(said) = timeout(SILENCE, socket.next()).await else {
            if asked {
                return Ok(format!("no sign of life for {} s", 2 * SILENCE.as_secs()));
            }
            asked = true;
            let ping = Message::Ping(Bytes::new());
            if let Err(reason) = say(&mut socket, [ping]).await {
                return Ok(reason);
            }
            continue;
        };
        asked = false;
        match said {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(heard) => screen.hear(heard)?,
                Err(error) => screen.note(&format!("the server said something else: {error}")),
            },
            Some(Ok(Message::Close(Some(close)))) => {
                return Ok(format!(
                    "the server closed the connection ({}: {})",
                    u16::from(close.code),
                    close.reason
                ));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => return Ok(format!("the connection was lost: {error}")),
            None => return Ok("the server closed the connection".to_owned()),
        }
    }
}

fn subscribe(stock: &Stock) -> Message {
    Message::text(format!(r#"{{"type":"subscribe","stock":"{stock}"}}"#))
}

/// Sends messages; a server that does not even take them must not hold us up.
async fn say<S>(
    socket: &mut WebSocketStream<S>,
    messages: impl IntoIterator<Item = Message>,
) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let said = timeout(SILENCE, async {
        for message in messages {
            socket.feed(message).await?;
        }
        socket.flush().await
    });
    match said.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("the connection was lost: {error}")),
        Err(_) => Err("the server does not read what it is told".to_owned()),
    }
}

fn in_words(error: &Error) -> String {
    match error {
        Error::Http(answer) => {
            let body = answer
                .body()
                .as_deref()
                .map(String::from_utf8_lossy)
                .unwrap_or_default();
            format!("{} {}", answer.status(), body.trim())
        }
        error => error.to_string(),
    }
}

/// What is printed: prices to the standard output, everything else to the standard error.
struct Screen {
    colours: bool,
    width: usize,
    last: HashMap<String, f64>,
    stale: HashSet<String>,
}

impl Screen {
    fn new(stocks: &[Stock]) -> Self {
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|no| !no.is_empty());
        let width = stocks
            .iter()
            .map(|stock| stock.as_str().len())
            .max()
            .unwrap_or(0);
        let colours = io::stdout().is_terminal() && !no_colour;
        Self {
            colours,
            width,
            last: HashMap::new(),
            stale: HashSet::new(),
        }
    }

    fn note(&self, text: &str) {
        let _ = writeln!(io::stderr(), "stock-feed: {text}");
    }

    fn hear(&mut self, heard: Heard) -> io::Result<()> {
        match heard {
            Heard::Price {
                stock,
                price,
                last,
                missed,
            } => self.price(stock, &price, last, missed)?,
            Heard::Status { feed, stock } => self.status(&feed, stock.as_deref()),
            Heard::Error { message } => self.note(&message),
            Heard::Other => {}
        }
        Ok(())
    }

    /// What one server said of a stock says nothing of the next connection: a server names the stocks
    /// that are stale, and not those that are live.
    fn forget_stale_stocks(&mut self) {
        self.stale.retain(|of| of == ALL_PRICES);
    }

    fn status(&mut self, feed: &str, stock: Option<&str>) {
        let of = stock.unwrap_or(ALL_PRICES).to_owned();
        // Live is what one expects, and worth a line only after something else.
        let news = if feed == "live" {
            self.stale.remove(&of)
        } else {
            self.stale.insert(of.clone())
        };
        if news {
            self.note(&format!("{of}: {feed}"));
        }
    }

    fn price(&mut self, stock: String, price: &str, last: bool, missed: u64) -> io::Result<()> {
        // For the arrow alone; what is printed is the price as it was published.
        let now: f64 = price.parse().unwrap_or(0.0);
        let (sign, colour) = match self.last.get(&stock) {
            Some(before) if now > *before => ("+", Some(AnsiColor::Green)),
            Some(before) if now < *before => ("-", Some(AnsiColor::Red)),
            _ => (" ", None),
        };
        let style = colour
            .filter(|_| self.colours)
            .map_or(Style::new(), |colour| colour.on_default());
        let mut line = format!(
            "{stock:width$}  {style}{sign} {price:>12}{style:#}",
            width = self.width
        );
        if last {
            line.push_str("  the last known");
        }
        if missed > 0 {
            line.push_str(&format!("  {missed} skipped"));
        }
        self.last.insert(stock, now);
        writeln!(io::stdout(), "{line}")
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};
    use tokio::net::TcpListener;
    use tokio::time::Instant;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;

    /// Both ends of a connection whose handshake is done.
    async fn pair() -> (WebSocketStream<DuplexStream>, WebSocketStream<DuplexStream>) {
        let (here, there) = duplex(1024);
        (
            WebSocketStream::from_raw_socket(here, Role::Client, None).await,
            WebSocketStream::from_raw_socket(there, Role::Server, None).await,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_falls_silent_is_asked_for_a_sign_of_life_and_then_given_up() {
        let (client, mut server) = pair().await;
        let began = Instant::now();
        let reason = listen(client, &[], &mut Screen::new(&[])).await.unwrap();
        assert_eq!(reason, "no sign of life for 20 s");
        assert_eq!(began.elapsed(), 2 * SILENCE);
        let asked = server.next().await.unwrap().unwrap();
        assert!(asked.is_ping(), "{asked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_answers_may_have_no_news_for_as_long_as_it_likes() {
        let (client, mut server) = pair().await;
        // Reading is all that it takes: the library answers pings by itself.
        let answers = async { while let Some(Ok(_)) = server.next().await {} };
        let mut screen = Screen::new(&[]);
        let watch = listen(client, &[], &mut screen);
        let an_hour = sleep(Duration::from_secs(3600));
        tokio::select! {
            ended = watch => panic!("{ended:?}"),
            () = answers => panic!("the client left"),
            () = an_hour => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_reads_nothing_does_not_hold_the_client_up() {
        let (client, _server) = pair().await;
        let stocks = vec!["APPL".parse().unwrap(); 100];
        let mut screen = Screen::new(&stocks);
        let reason = listen(client, &stocks, &mut screen).await.unwrap();
        assert_eq!(reason, "the server does not read what it is told");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_shakes_hands_is_given_up() {
        // Nobody accepts: the kernel does, and that is what a server that hangs looks like.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let url = address(&format!("ws://{there}")).unwrap();
        let reason = follow(&url, &[], &mut Screen::new(&[])).await.unwrap();
        assert!(reason.ends_with("no answer for 10 s"), "{reason}");
    }

    #[tokio::test]
    async fn a_stocks_stale_mark_ends_with_the_connection_that_brought_it() {
        use tokio_tungstenite::accept_async;

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let url = address(&format!("ws://{there}")).unwrap();
        let serve = async {
            let (stream, _) = listener.accept().await.unwrap();
            drop(accept_async(stream).await.unwrap());
        };
        let mut screen = Screen::new(&[]);
        screen.status("stale", None);
        screen.status("stale", Some("APPL"));
        let (_, ended) = tokio::join!(serve, follow(&url, &[], &mut screen));
        ended.unwrap();
        assert_eq!(screen.stale, HashSet::from([ALL_PRICES.to_owned()]));
    }

    #[test]
    fn a_server_may_be_named_with_or_without_its_path() {
        for text in [
            "ws://127.0.0.1:3000",
            "ws://127.0.0.1:3000/",
            "ws://127.0.0.1:3000/ws",
        ] {
            assert_eq!(address(text).unwrap(), "ws://127.0.0.1:3000/ws");
        }
        for text in ["127.0.0.1:3000", "http://a", "wss://a", ""] {
            assert!(address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn waits_double_and_differ_and_have_an_end() {
        assert_eq!(wait(1, 0.0), FIRST_WAIT);
        assert_eq!(wait(1, 1.0), FIRST_WAIT * 2);
        assert_eq!(wait(2, 1.0), FIRST_WAIT * 4);
        assert_eq!(wait(40, 1.0), LONGEST_WAIT);
        assert_eq!(wait(40, 0.0), LONGEST_WAIT / 2);
    }
}
