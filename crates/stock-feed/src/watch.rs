//! `stock-feed watch`: prices in a terminal, whatever happens to the server.

use std::collections::{HashMap, HashSet};
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use backon::{BackoffBuilder, ExponentialBuilder};
use clap::builder::styling::{AnsiColor, Style};
use futures_util::{SinkExt, StreamExt};
use pubsub_manager::Stock;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::http::header::CONTENT_TYPE;
use tokio_tungstenite::tungstenite::http::{Response, StatusCode};
use tokio_tungstenite::tungstenite::{Bytes, Error, Message};
use tokio_tungstenite::{WebSocketStream, connect_async};
use url::Url;

use crate::cli::Watch;

/// The waits before it comes back: half a second to one at first, then twice as long each time, up to
/// 15 s. The random half is there so that the users of a server that fell over do not all come back in
/// the same moment.
const WAITS: ExponentialBuilder = ExponentialBuilder::new()
    .with_min_delay(Duration::from_millis(500))
    .with_max_delay(Duration::from_millis(7_500))
    .with_jitter()
    .without_max_times();

/// How much of what answered instead of a feed is shown, in characters.
const SHOWN: usize = 200;

/// How long a server may take to accept a connection and to shake hands.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// After so long without a word the server is asked for a sign of life, and after as long again it
/// is given up. A server that hangs, or whose cable was pulled, closes nothing: its connection
/// looks like that of a stock which is not traded.
const SILENCE: Duration = Duration::from_secs(10);

/// A connection that lived so long was good: the next wait is a short one again.
const GOOD_AFTER: Duration = Duration::from_secs(5);

/// What a status without a stock is about.
const ALL_PRICES: &str = "all prices";

/// What the server says; see the wire protocol in the lesson.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum FeedMessage {
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
        printed = come_back_again_and_again(&url, &watch.stocks, &mut screen) => {
            // The reader of our output has seen enough, as with `| head`.
            printed.or_else(|error| match error.kind() {
                io::ErrorKind::BrokenPipe => Ok(()),
                _ => Err(error).context("cannot print"),
            })?;
        }
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// The address of a feed. One that ends with a slash is a page's, and its feed is `ws` beside it.
fn address(text: &str) -> Result<Url, String> {
    let wrong = |reason: &str| {
        format!("{text:?} is not a server: {reason}; write for instance ws://127.0.0.1:3000/ws")
    };
    let mut url = Url::parse(text).map_err(|error| wrong(&format!("{error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        // What was given is not quoted: it has a password in it.
        return Err("a server's address has no name and no password in it".to_owned());
    }
    match url.scheme() {
        "ws" => {}
        "wss" => return Err(wrong("this client speaks no TLS, leave that to a proxy")),
        _ => return Err(wrong("it has to begin with ws://")),
    }
    url.set_fragment(None);
    if url.path().ends_with('/') {
        let path = format!("{}ws", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

async fn come_back_again_and_again(
    url: &Url,
    stocks: &[Stock],
    screen: &mut Screen,
) -> io::Result<()> {
    let mut waits = WAITS.build();
    loop {
        let began = Instant::now();
        let reason = follow(url, stocks, screen).await?;
        if began.elapsed() > GOOD_AFTER {
            waits = WAITS.build();
        }
        let wait = waits.next().expect("the waits have no end");
        screen.note(&format!(
            "{reason}; trying again in {:.1} s",
            wait.as_secs_f64()
        ));
        sleep(wait).await;
    }
}

/// One connection, from its beginning to its end; says how it ended.
async fn follow(url: &Url, stocks: &[Stock], screen: &mut Screen) -> io::Result<String> {
    let cannot = |why: String| Ok(format!("cannot connect to {url}: {why}"));
    let socket = match timeout(CONNECT_WITHIN, connect_async(url.as_str())).await {
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
                Ok(message) => screen.show(message)?,
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

/// Why a handshake failed, in one line.
fn in_words(error: &Error) -> String {
    match error {
        Error::Http(answer) => answered(answer),
        error => error.to_string(),
    }
}

/// What an answer that is no handshake's says: this server's own is a line of text, and anything else
/// answered in place of a feed.
fn answered(answer: &Response<Option<Vec<u8>>>) -> String {
    let status = answer.status();
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let body = String::from_utf8_lossy(answer.body().as_deref().unwrap_or_default());
    let line = body.lines().next().unwrap_or_default().trim();
    // A stranger's text does not get to paint this terminal.
    let line: String = line
        .chars()
        .filter(|char| !char.is_control())
        .take(SHOWN)
        .collect();
    let what = match kind {
        kind if kind.starts_with("text/html") => ", a page and not a feed",
        _ if status.is_success() => ", which is not a feed",
        kind if kind.starts_with("text/plain") && !line.is_empty() => {
            return format!("{status}: {line}");
        }
        _ => "",
    };
    let advice = match status {
        status if status.is_success() || status == StatusCode::NOT_FOUND => ": look at the path",
        _ => "",
    };
    format!("{status}{what}{advice}")
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

    fn show(&mut self, message: FeedMessage) -> io::Result<()> {
        match message {
            FeedMessage::Price {
                stock,
                price,
                last,
                missed,
            } => self.price(stock, &price, last, missed)?,
            FeedMessage::Status { feed, stock } => self.status(&feed, stock.as_deref()),
            FeedMessage::Error { message } => self.note(&message),
            FeedMessage::Other => {}
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
        for (text, url) in [
            ("ws://127.0.0.1:3000", "ws://127.0.0.1:3000/ws"),
            ("ws://127.0.0.1:3000/", "ws://127.0.0.1:3000/ws"),
            ("ws://127.0.0.1:3000/ws", "ws://127.0.0.1:3000/ws"),
            ("ws://127.0.0.1:3000/#APPL", "ws://127.0.0.1:3000/ws"),
            ("ws://feed.example/?x=1", "ws://feed.example/ws?x=1"),
            ("ws://feed.example/feed/", "ws://feed.example/feed/ws"),
            ("WS://[::1]:80/feed/ws", "ws://[::1]/feed/ws"),
        ] {
            assert_eq!(address(text).unwrap().as_str(), url);
        }
        for text in ["127.0.0.1:3000", "http://a", "wss://a", "ws://", ""] {
            let said = address(text).unwrap_err();
            assert!(said.contains("write for instance ws://"), "{said}");
        }
    }

    #[test]
    fn a_password_in_an_address_is_not_printed() {
        let said = address("ws://me:hunter2@feed.example").unwrap_err();
        assert!(!said.contains("hunter2"), "{said}");
    }

    #[test]
    fn what_answers_instead_of_a_feed_is_named_in_one_line() {
        let answer = |status, kind: &str, body: &str| {
            let answer = Response::builder()
                .status(status)
                .header(CONTENT_TYPE, kind);
            answered(&answer.body(Some(body.as_bytes().to_vec())).unwrap())
        };
        assert_eq!(
            answer(200, "text/html; charset=utf-8", "<!doctype html>\n<p>"),
            "200 OK, a page and not a feed: look at the path"
        );
        assert_eq!(
            answer(502, "text/html", "<html>"),
            "502 Bad Gateway, a page and not a feed"
        );
        assert_eq!(
            answer(503, "text/plain", "all 5 seats are taken\n"),
            "503 Service Unavailable: all 5 seats are taken"
        );
        assert_eq!(answer(404, "", ""), "404 Not Found: look at the path");
        assert_eq!(
            answer(200, "application/json", "{}"),
            "200 OK, which is not a feed: look at the path"
        );
        let long = format!("\x1b[31m{}\nmore", "x".repeat(10_000));
        let said = answer(403, "text/plain", &long);
        assert_eq!(said, format!("403 Forbidden: [31m{}", "x".repeat(196)));
    }

    #[test]
    fn waits_double_and_differ_and_have_an_end() {
        let most = [1.0, 2.0, 4.0, 8.0, 15.0, 15.0];
        for _ in 0..100 {
            for (wait, most) in WAITS.build().zip(most) {
                let wait = wait.as_secs_f64();
                assert!((most / 2.0..=most).contains(&wait), "{wait} of {most}");
            }
        }
        let [one, other] = [WAITS, WAITS].map(|waits| waits.build().take(4).collect::<Vec<_>>());
        assert_ne!(one, other, "chance has a part in it");
    }
}
