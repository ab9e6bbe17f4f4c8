//! What answered in place of a Redis that serves us, in words.

use redis::{ConnectionAddr, ErrorKind, RedisError, Value, aio::MultiplexedConnection};
use std::{collections::HashMap, time::Duration};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

/// How long a Redis that refuses every client may take to say so.
const HANGS_UP_WITHIN: Duration = Duration::from_millis(200);

/// What the end of an encrypted connection means, and what to do about it.
const TLS_FAULTS: [(&str, &str); 3] = [
    (
        "CaUsedAsEndEntity",
        "its certificate is that of an authority (CA:TRUE, which openssl req -x509 makes unless it is told \
         otherwise), and a server must not show such a one; a good one is made by: \
         openssl req -x509 -newkey rsa:2048 -nodes -days 365 -keyout redis.key -out redis.crt \
         -subj /CN=localhost -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE",
    ),
    (
        "CertificateRequired",
        "it wants a certificate of ours, and this program has none: set tls-auth-clients to no or optional \
         in its redis.conf",
    ),
    (
        "UnknownIssuer",
        "no authority that is known here has signed its certificate; the variable SSL_CERT_FILE names a \
         file with the certificate of your own",
    ),
];

/// The commands that came with sharded pub/sub.
const SHARDED: [&str; 2] = ["SSUBSCRIBE", "SPUBLISH"];

/// The error in one sentence, without the names that the crate gives its kinds of errors.
pub fn in_words(error: &RedisError) -> String {
    let text = error.to_string();
    if text.contains("unknown command") && SHARDED.iter().any(|name| text.contains(name)) {
        return format!(
            "it has no sharded pub/sub, which a cluster needs and Redis has from version 7 on; the \
             address of one node alone works with an older one ({text})"
        );
    }
    // An error with a code is Redis's own; without one it is ours, and says all in its detail.
    match error.detail() {
        Some(detail) if error.kind() == ErrorKind::Extension && error.code().is_none() => {
            detail.to_owned()
        }
        _ => text,
    }
}

/// Whether Redis answered, and said no.
pub(crate) fn is_refusal(error: &RedisError) -> bool {
    matches!(error.kind(), ErrorKind::Server(_) | ErrorKind::Extension)
}

/// Whether a node of a cluster did not do what it was asked, and another master may do it, now or later.
#[cfg(feature = "cluster")]
pub fn is_redirected(error: &RedisError) -> bool {
    use redis::ServerErrorKind::{
        Ask, BusyLoading, ClusterDown, MasterDown, Moved, ReadOnly, TryAgain,
    };
    matches!(
        error.kind(),
        ErrorKind::Server(
            Ask | BusyLoading | ClusterDown | MasterDown | Moved | ReadOnly | TryAgain
        )
    )
}

/// Whether a master stores nothing for a moment, and may still publish: the cluster is down because
/// some other master is lost, or the slot is being moved and the key is at the next master already. What
/// subscribers have is moved last, so they are still at this one.
#[cfg(feature = "cluster")]
pub(crate) fn stores_nothing_now(error: &RedisError) -> bool {
    use redis::ServerErrorKind::{Ask, ClusterDown, TryAgain};
    matches!(
        error.kind(),
        ErrorKind::Server(Ask | ClusterDown | TryAgain)
    )
}

/// Refuses a Sentinel. It speaks Redis's protocol, confirms SUBSCRIBE and takes PUBLISH, but what is
/// published at the master never comes through it.
pub(crate) async fn of_a_sentinel(
    connection: &mut MultiplexedConnection,
) -> Result<(), RedisError> {
    let hello = redis::cmd("HELLO").arg(3).query_async(connection).await;
    // A server that has greeted us before and does not now is not a Sentinel, or is lost; the next
    // command finds out.
    let hello: HashMap<String, Value> = hello.unwrap_or_default();
    let mode = hello.get("mode").and_then(|mode| match mode {
        Value::BulkString(mode) => Some(mode.as_slice()),
        Value::SimpleString(mode) => Some(mode.as_bytes()),
        _ => None,
    });
    if mode != Some(b"sentinel") {
        return Ok(());
    }
    let masters = redis::cmd("SENTINEL")
        .arg("MASTERS")
        .query_async(connection)
        .await;
    let masters: Vec<HashMap<String, String>> = masters.unwrap_or_default();
    let masters: Vec<String> = masters.iter().filter_map(shown).collect();
    let instead = match masters.as_slice() {
        [] => "the address of the master that it watches".to_owned(),
        known => known.join(" or "),
    };
    Err(refused(format!(
        "it is a Sentinel, which knows where the master is and relays nothing; use {instead}"
    )))
}

fn shown(master: &HashMap<String, String>) -> Option<String> {
    let [name, ip, port] = ["name", "ip", "port"].map(|field| master.get(field));
    let (name, ip, port) = (name?, ip?, port?);
    let host = if ip.contains(':') {
        format!("[{ip}]")
    } else {
        ip.clone()
    };
    Some(format!("redis://{host}:{port} (its master {name})"))
}

/// What is behind the loss of a connection that was being made, if that can be seen.
pub(crate) async fn behind(error: &RedisError, address: &ConnectionAddr) -> Option<RedisError> {
    let text = error.to_string();
    let fault = TLS_FAULTS.iter().find(|(fault, _)| text.contains(fault));
    if let Some((_, words)) = fault {
        return Some(refused(format!("{words} ({text})")));
    }
    let ConnectionAddr::Tcp(host, port) = address else {
        return None;
    };
    // Redis says why it refuses every client (too many of them, or its protected mode) before it is
    // asked anything, and then hangs up. The crate asks at once, so it sees a reset and not the reason.
    let mut stream = TcpStream::connect((host.as_str(), *port)).await.ok()?;
    let mut said = [0; 512];
    match timeout(HANGS_UP_WITHIN, stream.read(&mut said)).await {
        Ok(Ok(length)) => {
            let reason = said[..length].strip_prefix(b"-")?;
            Some(refused(String::from_utf8_lossy(reason).trim().to_owned()))
        }
        Ok(Err(_)) => None,
        // It waits for us to begin, so it was our greeting that it did not like.
        Err(_) => Some(refused(format!(
            "it hung up when it was greeted by HELLO 3: it is no Redis from version 6 on, but an older one, \
             or a proxy that knows a few commands only, such as twemproxy ({text})"
        ))),
    }
}

/// An error that [`in_words`] shows as it is.
pub(crate) fn refused(why: String) -> RedisError {
    (ErrorKind::Extension, "Redis refuses the connection", why).into()
}
