//! Who may start something: a page of this server, opened by the user who started it.
//!
//! Every site that the reader has open can send a request to 127.0.0.1. Four checks refuse it: `Host` (a
//! name that was rebound to 127.0.0.1 is not ours), `Origin` and `Sec-Fetch-Site`, a JSON body, and a token in a
//! header, which only a page of this server can read. The last two need a CORS preflight, which is never
//! answered.
//!
//! Another user of this machine needs no browser and can write any header. Therefore a cookie carries a key
//! that is shown in the terminal and kept in a file that only its owner can read.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use axum::http::{HeaderMap, Method, header};

/// The header with the token.
const TOKEN: &str = "x-lessons-token";

/// The reason for a refusal that the reader can change.
pub(super) const NO_KEY: &str = "open the address that the terminal shows";

/// What a request is compared with.
#[derive(Debug)]
pub(super) struct Guard {
    hosts: [String; 2],
    token: String,
    key: String,
    cookie: String,
}

impl Guard {
    /// A guard for a server at this address, or `None` if other machines can reach the address. The key is
    /// kept in `file`, so that a browser needs it only once.
    pub(super) fn at(address: SocketAddr, file: &Path) -> io::Result<Option<Self>> {
        if !address.ip().is_loopback() {
            return Ok(None);
        }
        let key = match fs::read_to_string(file) {
            Ok(key) if key.len() == random()?.len() => key,
            _ => random()?,
        };
        write_for_owner(file, &key)?;
        Ok(Some(Self {
            hosts: [address.to_string(), format!("localhost:{}", address.port())],
            token: random()?,
            // The ports of a host share their cookies, so the name has the port in it.
            cookie: format!("lessons-{}={key}", address.port()),
            key,
        }))
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The `Set-Cookie` for a browser that knows the key.
    pub(super) fn cookie(&self) -> String {
        format!(
            "{}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000",
            self.cookie
        )
    }

    /// For a page's JSON and never for a script file: any site may load a script, and none may read JSON.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Why a request is refused, if it is.
    pub(super) fn refuses(&self, method: &Method, headers: &HeaderMap) -> Option<&'static str> {
        let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let host = value(header::HOST.as_str()).unwrap_or_default();
        if !self.hosts.iter().any(|ours| ours == host) {
            return Some("the Host is not this server's");
        }
        if value("sec-fetch-site").is_some_and(|site| site != "same-origin") {
            return Some("the request comes from another site");
        }
        let cookies = headers.get_all(header::COOKIE).iter();
        let cookies = cookies.filter_map(|value| value.to_str().ok());
        let mut cookies = cookies.flat_map(|value| value.split("; "));
        if !cookies.any(|cookie| cookie == self.cookie) {
            return Some(NO_KEY);
        }
        if method == Method::GET {
            return None;
        }
        let origin = value(header::ORIGIN.as_str()).unwrap_or_default();
        if origin.strip_prefix("http://") != Some(host) {
            return Some("the Origin is not this server's");
        }
        if value(TOKEN) != Some(&self.token) {
            return Some("the book was restarted: load the page again");
        }
        None
    }
}

/// Writes a file that only its owner can read, whatever was there before.
pub(super) fn write_for_owner(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o600);
    let mut file = options.open(path)?;
    // Before the text is in it: the mode above is for a new file only.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())
}

/// 128 random bits.
fn random() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
