//! One connection to a server, from the handshake to its end.

use std::io;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use hub::Stock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, connect_async};

use crate::feed_url::FeedUrl;
use crate::handshake_answer::why_refused;
use crate::screen::Screen;

/// How long a server may take to accept a connection and to shake hands.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long nothing may arrive before the server is pinged, and then how long the answer may take. A
/// server that hangs, or whose cable was pulled, closes nothing: its connection looks like that of a
/// stock that is not traded.
const MAX_SILENCE: Duration = Duration::from_secs(10);

/// One connection, from its beginning to its end; returns in words how it ended.
pub(crate) async fn connect_and_print(
    feed: &FeedUrl,
    stocks: &[Stock],
    screen: &mut Screen,
) -> io::Result<String> {
    let cannot = |why: String| Ok(format!("cannot connect to {feed}: {why}"));
    let socket = match timeout(CONNECT_TIMEOUT, connect_async(feed.as_str())).await {
        Ok(Ok((socket, _))) => socket,
        Ok(Err(error)) => return cannot(why_refused(&error)),
        Err(_) => return cannot(format!("no answer for {} s", CONNECT_TIMEOUT.as_secs())),
    };
    screen.note(&format!("connected to {feed}"));
    screen.forget_stale_stocks();
    receive(socket, stocks, screen).await
}

/// Subscribes, and prints what the server sends.
async fn receive<S>(
    mut socket: WebSocketStream<S>,
    stocks: &[Stock],
    screen: &mut Screen,
) -> io::Result<String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if let Err(reason) = send(&mut socket, stocks.iter().map(subscribe)).await {
        return Ok(reason);
    }
    // Set by a ping that nothing has answered yet: the second silence in a row ends the connection.
    let mut is_pinged = false;
    loop {
        let Ok(received) = timeout(MAX_SILENCE, socket.next()).await else {
            if is_pinged {
                return Ok(format!(
                    "no sign of life for {} s",
                    2 * MAX_SILENCE.as_secs()
                ));
            }
            is_pinged = true;
            let ping = Message::Ping(Bytes::new());
            if let Err(reason) = send(&mut socket, [ping]).await {
                return Ok(reason);
            }
            continue;
        };
        is_pinged = false;
        match received {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(message) => screen.show(message)?,
                Err(error) => screen.note(&format!("the server sent something else: {error}")),
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

/// Sends messages, with a deadline: a server that does not read fills its socket, and a write to it
/// would wait for hours.
async fn send<S>(
    socket: &mut WebSocketStream<S>,
    messages: impl IntoIterator<Item = Message>,
) -> Result<(), String>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let sent = timeout(MAX_SILENCE, async {
        for message in messages {
            socket.feed(message).await?;
        }
        socket.flush().await
    });
    match sent.await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(format!("the connection was lost: {error}")),
        Err(_) => Err("the server does not read what it is sent".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{DuplexStream, duplex};
    use tokio::net::TcpListener;
    use tokio::time::{Instant, sleep};
    use tokio_tungstenite::accept_async;
    use tokio_tungstenite::tungstenite::protocol::Role;

    use super::*;
    use crate::screen::ALL_PRICES;

    /// Both ends of a connection whose handshake is done.
    async fn pair() -> (WebSocketStream<DuplexStream>, WebSocketStream<DuplexStream>) {
        let (here, there) = duplex(1024);
        (
            WebSocketStream::from_raw_socket(here, Role::Client, None).await,
            WebSocketStream::from_raw_socket(there, Role::Server, None).await,
        )
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_falls_silent_is_pinged_and_then_the_connection_ends() {
        let (client, mut server) = pair().await;
        let started = Instant::now();
        let reason = receive(client, &[], &mut Screen::new(&[])).await.unwrap();
        assert_eq!(reason, "no sign of life for 20 s");
        assert_eq!(started.elapsed(), 2 * MAX_SILENCE);
        let asked = server.next().await.unwrap().unwrap();
        assert!(asked.is_ping(), "{asked:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_answers_pings_may_send_no_price_for_an_hour() {
        let (client, mut server) = pair().await;
        // Reading is all that it takes: the library answers pings by itself.
        let answers = async { while let Some(Ok(_)) = server.next().await {} };
        let mut screen = Screen::new(&[]);
        let watch = receive(client, &[], &mut screen);
        let an_hour = sleep(Duration::from_secs(3600));
        tokio::select! {
            ended = watch => panic!("{ended:?}"),
            () = answers => panic!("the client left"),
            () = an_hour => {}
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_reads_nothing_does_not_block_the_client() {
        let (client, _server) = pair().await;
        let stocks = vec!["APPL".parse().unwrap(); 100];
        let mut screen = Screen::new(&stocks);
        let reason = receive(client, &stocks, &mut screen).await.unwrap();
        assert_eq!(reason, "the server does not read what it is sent");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_never_shakes_hands_is_not_waited_for() {
        // Nobody accepts: the kernel does, and that is what a server that hangs looks like.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let feed = format!("ws://{there}").parse().unwrap();
        let reason = connect_and_print(&feed, &[], &mut Screen::new(&[]))
            .await
            .unwrap();
        assert!(reason.ends_with("no answer for 10 s"), "{reason}");
    }

    #[tokio::test]
    async fn a_stocks_stale_mark_ends_with_the_connection_that_brought_it() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = listener.local_addr().unwrap();
        let feed = format!("ws://{there}").parse().unwrap();
        let serve = async {
            let (stream, _) = listener.accept().await.unwrap();
            drop(accept_async(stream).await.unwrap());
        };
        let mut screen = Screen::new(&[]);
        screen.status("stale", None);
        screen.status("stale", Some("APPL"));
        let (_, ended) = tokio::join!(serve, connect_and_print(&feed, &[], &mut screen));
        ended.unwrap();
        assert_eq!(screen.stale(), [ALL_PRICES]);
    }
}
