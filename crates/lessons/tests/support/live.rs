//! The book as its reader starts it, and requests to it.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use lessons::cargo::{forget_this_package, offline};
use lessons::page::workspace;
use serde_json::Value;
use tempfile::TempDir;

/// How long a test waits; the first build of a crate takes most of it.
const BUILD_TIMEOUT: Duration = Duration::from_secs(180);

/// A running book; it is killed when this is dropped.
pub(crate) struct Book {
    pub(crate) child: Child,
    /// The address in the terminal, with the key.
    pub(crate) url: String,
    pub(crate) address: SocketAddr,
    _output: BufReader<ChildStdout>,
    /// Its `TMPDIR`: a book that is killed does not remove its pages.
    _directory: TempDir,
}

impl Book {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_lessons"))
            .args(["--listen", "127.0.0.1:0"])
            .env("TMPDIR", directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let url = line.split(' ').nth(1).unwrap().to_owned();
        let address = url.trim_start_matches("http://");
        let address = address.split('/').next().unwrap().parse().unwrap();
        Self {
            child,
            url,
            address,
            _output: output,
            _directory: directory,
        }
    }

    /// What the browser sends with each request once it has opened [`Book::url`].
    pub(crate) fn cookie(&self) -> String {
        let (_, key) = self.url.split_once('?').unwrap();
        format!("lessons-{}={key}", self.address.port())
    }

    /// The headers of a page of the book.
    pub(crate) fn headers(&self) -> Vec<(&'static str, String)> {
        let token = self.offers("index.html")["token"].clone();
        vec![
            ("host", self.address.to_string()),
            ("origin", format!("http://{}", self.address)),
            ("content-type", "application/json".to_owned()),
            ("cookie", self.cookie()),
            (
                "x-lessons-token",
                token.as_str().unwrap_or_default().to_owned(),
            ),
        ]
    }

    /// What a page offers.
    pub(crate) fn offers(&self, page: &str) -> Value {
        let headers = [
            ("host", self.address.to_string()),
            ("cookie", self.cookie()),
        ];
        let answer = self.request("GET", &format!("/live?page={page}"), &headers, "");
        serde_json::from_str(&answer.1).unwrap()
    }

    /// Sends a request and returns its connection.
    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(BUILD_TIMEOUT)).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("content-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).unwrap();
        // A server that refuses the head may have closed already.
        let _ = stream.write_all(body.as_bytes());
        BufReader::new(stream)
    }

    /// The status and the body of an answer.
    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &str,
    ) -> (u16, String) {
        let mut lines = self.send(method, path, headers, body).lines();
        let status = lines.next().unwrap().unwrap();
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        let rest = lines.map_while(Result::ok);
        let body: Vec<String> = rest.skip_while(|line| !line.is_empty()).skip(1).collect();
        (status, body.join("\n"))
    }

    /// Starts something as a page of the book does, and returns the lines of its answer as they arrive.
    pub(crate) fn start_live(&self, what: &str, body: &Value) -> Lines {
        let path = format!("/live/{what}");
        let answer = self.send("POST", &path, &self.headers(), &body.to_string());
        Lines(answer)
    }
}

impl Drop for Book {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer that is streamed. Dropping it closes the connection, as a page that is left does.
pub(crate) struct Lines(BufReader<TcpStream>);

impl Lines {
    /// The next line of JSON.
    pub(crate) fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        while self.0.read_line(&mut line).unwrap() > 0 {
            if let Ok(value @ Value::Object(_)) = serde_json::from_str(&line) {
                return Some(value);
            }
            line.clear();
        }
        None
    }

    /// Reads until the output has this text, and returns the number of what runs.
    pub(crate) fn until(&mut self, text: &str) -> u64 {
        let (mut number, mut output) = (None, String::new());
        while let Some(line) = self.next() {
            number = number.or(line["number"].as_u64());
            output += line["text"].as_str().unwrap_or_default();
            if output.contains(text) {
                return number.unwrap();
            }
        }
        panic!("{text:?} is not in {output}");
    }

    /// All output, and the last line.
    pub(crate) fn end(mut self) -> (String, Value) {
        let (mut output, mut last) = (String::new(), Value::Null);
        while let Some(line) = self.next() {
            output += line["text"].as_str().unwrap_or_default();
            last = line;
        }
        (output, last)
    }
}

/// The processes of a program, by its path below the target folder.
pub(crate) fn processes(program: &str) -> Vec<PathBuf> {
    let program = workspace()
        .canonicalize()
        .unwrap()
        .join("target")
        .join(program);
    processes_by("exe", &program)
}

/// The processes whose link of this name in `/proc` leads to a path.
pub(crate) fn processes_by(link: &str, path: &Path) -> Vec<PathBuf> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    let all = all.map(|entry| entry.path());
    all.filter(|process| fs::read_link(process.join(link)).is_ok_and(|to| to == path))
        .collect()
}

pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + BUILD_TIMEOUT;
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a server for a challenge can be checked here: it takes Node, and the course's TypeScript. Builds the
/// checker, which may take longer than a test waits for a page.
pub(crate) fn checks_challenges() -> bool {
    let compiler = workspace().join("lessons/typescript/node_modules/typescript");
    let install = "apt-get install nodejs npm && npm ci --prefix lessons/typescript";
    if !compiler.exists() {
        harness::skip("the course's TypeScript is not installed", install);
        return false;
    }
    if !harness::is_installed("node", "--version", install) {
        return false;
    }
    let words = offline(&["build", "--quiet", "-p", "workbench", "--bins"]);
    let mut build = Command::new(&words[0]);
    build.args(&words[1..]).current_dir(workspace());
    forget_this_package(&mut build);
    assert!(build.status().unwrap().success());
    true
}

/// A right server for the challenge `relay`, as a reader would type it into the page.
pub(crate) fn right_relay() -> String {
    let file = workspace().join("crates/workbench/tests/servers/relay-first-and-last.mjs");
    let mut code = fs::read_to_string(file).unwrap();
    for (from, to) in [
        (
            "from \"../../typescript/workbench.js\";",
            "from \"./workbench.js\";\nimport type { Action, Event } from \"./relay-types.js\";",
        ),
        (
            "on(_now, event)",
            "on(_now: number, event: Event): Action[]",
        ),
        (
            "unsubscribe(user, stock)",
            "unsubscribe(user: string, stock: string): Action[]",
        ),
    ] {
        assert!(code.contains(from), "{from}");
        code = code.replace(from, to);
    }
    code
}
