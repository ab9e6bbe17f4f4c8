//! A real browser without a screen: Chromium, by its driver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use fantoccini::{Client as Browser, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

/// How long a page may take before the test fails: far more than it needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A driver of browsers, and how to reach it.
pub(crate) struct Driver {
    child: Child,
    address: SocketAddr,
    /// Kept open, for whatever it may say later.
    _output: BufReader<ChildStdout>,
}

impl Driver {
    pub(crate) fn start() -> Option<Self> {
        for program in ["chromium", "chromedriver"] {
            if !installed(program) {
                let notice = format!(
                    "{program} is not on the PATH: install it (Debian and Ubuntu: apt install \
                     chromium chromium-driver)"
                );
                assert!(std::env::var_os("CI").is_none(), "{notice}");
                // libtest swallows eprintln!, and a skipped test must not look like a passed one.
                writeln!(std::io::stderr(), "SKIPPED: {notice}").expect("stderr takes a line");
                return None;
            }
        }
        // The driver takes a free port itself and says which. One that was free a moment ago may be
        // another test's by now, and then two tests would share that test's driver, and its end.
        let mut child = Command::new("chromedriver")
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
        };
        Some(driver)
    }

    /// Opens a page in a window of its own, so wide.
    pub(crate) async fn open(&self, width: u32, page: &str) -> Window {
        let window = self.window(width).await;
        window.browser.goto(page).await.unwrap();
        window
    }

    /// Opens an empty window.
    pub(crate) async fn window(&self, width: u32) -> Window {
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

fn installed(program: &str) -> bool {
    let mut version = Command::new(program);
    version
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// One window of the browser, with the page in it.
pub(crate) struct Window {
    driver: SocketAddr,
    session: String,
    pub(crate) browser: Browser,
}

impl Drop for Window {
    fn drop(&mut self) {
        // A driver that ends leaves its browsers behind, so each is told to go, also when a
        // test has failed; then a second panic would hide the first.
        let Self {
            driver, session, ..
        } = self;
        if let Ok(mut stream) = TcpStream::connect(*driver) {
            let _ = write!(
                stream,
                "DELETE /session/{session} HTTP/1.1\r\nHost: {driver}\r\n\r\n"
            );
            let _ = stream.set_read_timeout(Some(PATIENCE));
            let _ = stream.read(&mut [0]);
        }
    }
}

impl Window {
    pub(crate) async fn js(&self, expression: &str) -> Value {
        self.browser
            .execute(&format!("return {expression}"), Vec::new())
            .await
            .expect(expression)
    }

    /// Asks the page again and again, until it says yes.
    pub(crate) async fn until(&self, expression: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.js(expression).await != json!(true) {
            if Instant::now() > deadline {
                panic!(
                    "never came true: {expression}; the page says {}",
                    self.js("document.body.innerText").await
                );
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// What an element says, by its id.
    pub(crate) async fn until_says(&self, id: &str, text: &str) {
        self.until(&format!(
            "document.getElementById({id:?}).textContent.includes({text:?})"
        ))
        .await;
    }

    /// Runs the body of an async function in the page, where it can import the page's modules.
    pub(crate) async fn run(&self, body: &str) -> Value {
        let script = format!(
            "const done = arguments[0]; (async () => {{ {body} }})().then(done, (error) => done(`${{error}}`));"
        );
        self.browser
            .execute_async(&script, Vec::new())
            .await
            .expect(body)
    }

    /// Runs a script in each page to come, before the page's own.
    pub(crate) fn run_first(&self, script: &str) {
        self.ask(
            "goog/cdp/execute",
            &json!({ "cmd": "Page.addScriptToEvaluateOnNewDocument", "params": { "source": script } }),
        );
    }

    /// Keeps addresses like this one from every page, as an ad blocker does.
    pub(crate) fn block(&self, pattern: &str) {
        for (cmd, params) in [
            ("Network.enable", json!({})),
            ("Network.setBlockedURLs", json!({ "urls": [pattern] })),
        ] {
            self.ask("goog/cdp/execute", &json!({ "cmd": cmd, "params": params }));
        }
    }

    /// Has the browser say that its reader likes dark pages, or light ones.
    pub(crate) fn prefer(&self, colours: &str) {
        let feature = json!({ "name": "prefers-color-scheme", "value": colours });
        self.ask(
            "goog/cdp/execute",
            &json!({ "cmd": "Emulation.setEmulatedMedia", "params": { "features": [feature] } }),
        );
    }

    /// Makes the screen so wide; a window can be no narrower than 500 pixels, a phone's screen can.
    pub(crate) fn resize(&self, width: u32) {
        let screen =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.ask(
            "goog/cdp/execute",
            &json!({ "cmd": "Emulation.setDeviceMetricsOverride", "params": screen }),
        );
    }

    pub(crate) async fn press(&self, keys: &str) {
        self.browser
            .active_element()
            .await
            .unwrap()
            .send_keys(keys)
            .await
            .unwrap();
    }

    /// What the browser's console holds since it was asked last.
    pub(crate) fn console(&self) -> Vec<Value> {
        let entries = self.ask("se/log", &json!({ "type": "browser" }));
        entries.as_array().expect("a list").clone()
    }

    #[track_caller]
    pub(crate) fn complains_of_nothing(&self) {
        assert_eq!(self.console(), Vec::<Value>::new(), "in the console");
    }

    /// The browser itself notes each connection that fails and each answer that is no yes, and no page
    /// can keep it from that.
    /// Whatever else it notes is the page's own fault.
    #[track_caller]
    pub(crate) fn complains_of_the_network_only(&self) {
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

    /// Asks the driver for what only Chromium's can do.
    pub(crate) fn ask(&self, what: &str, body: &Value) -> Value {
        let Self {
            driver, session, ..
        } = self;
        let body = body.to_string();
        let mut stream = TcpStream::connect(driver).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
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
