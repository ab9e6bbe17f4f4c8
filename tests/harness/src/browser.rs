//! A real browser without a screen: Chromium, by its driver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client as Browser, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::process::directory_for;
use crate::skip::is_installed;

/// How long a page may take before the test fails: far more than it needs.
const PAGE_TIMEOUT: Duration = Duration::from_secs(60);

/// Chromium's driver, which opens windows and ends with this value.
#[derive(Debug)]
pub struct Driver {
    child: Child,
    address: SocketAddr,
    /// Kept open: the driver writes to it later, too.
    _output: BufReader<ChildStdout>,
    /// For the temporary files of the driver and of the browser.
    _directory: Option<TempDir>,
}

impl Driver {
    /// Starts chromedriver; `None` if it or Chromium is not installed.
    pub fn start() -> Option<Self> {
        let install = "install it (Debian and Ubuntu: apt-get install chromium chromium-driver)";
        let are_here = ["chromium", "chromedriver"]
            .iter()
            .all(|program| is_installed(program, "--version", install));
        if !are_here {
            return None;
        }
        // The driver takes a free port itself and says which. One that was free a moment ago may be
        // another test's by now, and then two tests would share that test's driver, and its end.
        let mut command = Command::new("chromedriver");
        let directory = directory_for(&mut command);
        let mut child = command
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().expect("a pipe"));
        let port = output
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, port) = line.split_once("started successfully on port ")?;
                port.trim_end_matches('.').parse().ok()
            });
        let driver = Self {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], port.expect("chromedriver says its port"))),
            _output: output,
            _directory: directory,
        };
        Some(driver)
    }

    /// Opens a page in a window of its own, `width` pixels wide.
    pub async fn open(&self, width: u32, page: &str) -> Window {
        let window = self.window(width).await;
        window.browser.goto(page).await.unwrap();
        window
    }

    /// Opens an empty window, `width` pixels wide.
    pub async fn window(&self, width: u32) -> Window {
        let flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            &format!("--window-size={width},900"),
        ];
        let capabilities = Map::from_iter([
            ("browserName".to_owned(), json!("chrome")),
            ("goog:chromeOptions".to_owned(), json!({ "args": flags })),
            ("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" })),
        ]);
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities);
        let browser = builder
            .connect(&format!("http://{}", self.address))
            .await
            .unwrap();
        let session = browser.session_id().await.unwrap().expect("a session");
        Window {
            driver: self.address,
            session,
            browser,
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One window of the browser, with the page in it. It is closed when it is dropped.
#[derive(Debug)]
pub struct Window {
    driver: SocketAddr,
    session: String,
    /// For what fantoccini can do: find an element, click, go back.
    pub browser: Browser,
}

impl Drop for Window {
    fn drop(&mut self) {
        // A driver that ends leaves its browsers behind, so each session is deleted, also when the
        // test has failed; then a second panic would hide the first.
        let Self {
            driver, session, ..
        } = self;
        if let Ok(mut stream) = TcpStream::connect(*driver) {
            let _ = write!(
                stream,
                "DELETE /session/{session} HTTP/1.1\r\nHost: {driver}\r\n\r\n"
            );
            let _ = stream.set_read_timeout(Some(PAGE_TIMEOUT));
            let _ = stream.read_exact(&mut [0]);
        }
    }
}

impl Window {
    /// The value of a JavaScript expression in the page.
    pub async fn js(&self, expression: &str) -> Value {
        self.browser
            .execute(&format!("return {expression}"), Vec::new())
            .await
            .expect(expression)
    }

    /// Evaluates the expression again and again until it is `true`.
    pub async fn until(&self, expression: &str) {
        let deadline = Instant::now() + PAGE_TIMEOUT;
        while self.js(expression).await != json!(true) {
            if Instant::now() > deadline {
                panic!(
                    "never came true: {expression}; the page shows {}",
                    self.js("document.body.innerText").await
                );
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the element with this id contains the text.
    pub async fn until_says(&self, id: &str, text: &str) {
        self.until(&format!(
            "document.getElementById({id:?}).textContent.includes({text:?})"
        ))
        .await;
    }

    /// Runs the body of an async function in the page, where it can import the page's modules.
    pub async fn run(&self, body: &str) -> Value {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {body} }})().then(done, (error) => done(`${{error}}`));"
        );
        self.browser
            .execute_async(&script, Vec::new())
            .await
            .expect(body)
    }

    /// Runs a script in every page that is opened from now on, before the page's own scripts.
    pub fn run_first(&self, script: &str) {
        self.ask(
            "goog/cdp/execute",
            &json!({ "cmd": "Page.addScriptToEvaluateOnNewDocument", "params": { "source": script } }),
        );
    }

    /// Blocks requests to addresses of this pattern, as an ad blocker does.
    pub fn block(&self, pattern: &str) {
        for (cmd, params) in [
            ("Network.enable", json!({})),
            ("Network.setBlockedURLs", json!({ "urls": [pattern] })),
        ] {
            self.ask("goog/cdp/execute", &json!({ "cmd": cmd, "params": params }));
        }
    }

    /// Sets `prefers-color-scheme` to `dark` or `light`.
    pub fn prefer(&self, colours: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": colours });
        self.ask(
            "goog/cdp/execute",
            &json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": [feature] } }),
        );
    }

    /// Emulates a screen of this width: a window cannot be narrower than 500 pixels, a phone is.
    pub fn resize(&self, width: u32) {
        let screen =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.ask(
            "goog/cdp/execute",
            &json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": screen }),
        );
    }

    /// Presses keys in the element that has the focus.
    pub async fn press(&self, keys: &str) {
        self.browser
            .active_element()
            .await
            .unwrap()
            .send_keys(keys)
            .await
            .unwrap();
    }

    /// The entries of the browser's console since the last call.
    pub fn console(&self) -> Vec<Value> {
        let entries = self.ask("se/log", &json!({ "type": "browser" }));
        entries.as_array().expect("a list").clone()
    }

    /// Panics if there is anything in the console.
    #[track_caller]
    pub fn complains_of_nothing(&self) {
        assert_eq!(self.console(), Vec::<Value>::new(), "in the console");
    }

    /// Panics if there is anything in the console except failed connections and error statuses: the
    /// browser itself logs those, and a page cannot prevent it.
    #[track_caller]
    pub fn complains_of_the_network_only(&self) {
        for entry in self.console() {
            let text = entry["message"].as_str().expect("a text");
            assert!(
                text.contains("net::ERR_")
                    || text.contains("WebSocket connection to")
                    || text.contains("responded with a status of"),
                "in the console: {entry}"
            );
        }
    }

    /// Sends the driver a command that only Chromium's has, and returns its value.
    pub fn ask(&self, what: &str, body: &Value) -> Value {
        let Self {
            driver, session, ..
        } = self;
        let body = body.to_string();
        let mut stream = TcpStream::connect(driver).unwrap();
        stream.set_read_timeout(Some(PAGE_TIMEOUT)).unwrap();
        write!(
            stream,
            "POST /session/{session}/{what} HTTP/1.1\r\nHost: {driver}\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        // The driver keeps the connection open, so the body ends where its head says.
        let mut answer = BufReader::new(stream);
        let mut length = 0;
        for line in answer.by_ref().lines().map(Result::unwrap) {
            match line.to_ascii_lowercase().strip_prefix("content-length:") {
                Some(bytes) => length = bytes.trim().parse().unwrap(),
                None if line.is_empty() => break,
                None => {}
            }
        }
        let mut answer: Value = serde_json::from_reader(answer.take(length)).unwrap();
        answer["value"].take()
    }
}
