//! A client that plays games, and repeats each request that was not answered.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use game::Game;
use rand::rngs::StdRng;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

use super::balancer::Balancer;
use super::tally::Tally;

/// After every fifth move a spectator reads the game, from any server.
const READ_EVERY: usize = 5;

/// How long one server may take to answer a request.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// How long an unanswered request is repeated before the demonstration fails.
const RETRY_FOR: Duration = Duration::from_secs(20);

/// The pause before the next attempt, so that retries do not overload the servers that are left.
const PAUSE: Duration = Duration::from_millis(20);

/// A request that no server answered.
#[derive(Debug, thiserror::Error)]
#[error("no server answers any more; the last error: {last}")]
pub struct NoServer {
    last: String,
}

/// Plays games one after the other, each request to a server at random.
pub(super) struct Player {
    http: Client,
    balancer: Arc<Balancer>,
    tally: Arc<Tally>,
    pace: Pace,
    random: StdRng,
}

/// When the next request may be sent, for all players together.
#[derive(Clone)]
pub(super) struct Pace {
    /// An async lock, because it is held while waiting for the tick.
    ticks: Option<Arc<Mutex<Interval>>>,
    stopped: watch::Receiver<bool>,
}

/// How many requests playing a game takes.
pub(super) fn requests_for(game: &Game) -> u64 {
    (1 + game.moves.len() + game.moves.len() / READ_EVERY) as u64
}

impl Player {
    pub(super) fn new(
        balancer: Arc<Balancer>,
        tally: Arc<Tally>,
        pace: Pace,
        random: StdRng,
    ) -> Self {
        Self {
            http: client(),
            balancer,
            tally,
            pace,
            random,
        }
    }

    /// Plays all `games`, and returns what was sent: all of it, unless it was stopped.
    pub(super) async fn play(mut self, games: Vec<Game>) -> Result<Vec<Game>, NoServer> {
        let mut sent = Vec::new();
        for game in games {
            if !self.pace.next().await {
                break;
            }
            let mut so_far = game.at_its_start();
            self.add_game(&so_far).await?;
            for played in game.moves {
                if !self.pace.next().await {
                    break;
                }
                so_far.moves.push(played);
                self.add_last_move(&so_far).await?;
                if so_far.moves.len() % READ_EVERY == 0 && self.pace.next().await {
                    self.read(&so_far).await?;
                }
            }
            sent.push(so_far);
        }
        Ok(sent)
    }

    async fn add_game(&mut self, game: &Game) -> Result<(), NoServer> {
        let answer = self.post("/games", &json!(game)).await?;
        self.note(answer.status());
        Ok(())
    }

    /// The number makes this safe to send twice: a game has one move 7, so a server that already has
    /// this move answers 200 and does not play it again.
    async fn add_last_move(&mut self, game: &Game) -> Result<(), NoServer> {
        let path = format!("/games/{}/moves", game.id);
        let new = json!({ "move": game.moves.last(), "number": game.moves.len() });
        let answer = self.post(&path, &new).await?;
        self.note(answer.status());
        Ok(())
    }

    async fn read(&mut self, game: &Game) -> Result<(), NoServer> {
        let path = format!("/games/{}", game.id);
        let answer = self
            .send(|http, url| http.get(format!("{url}{path}")))
            .await?;
        match answer.status() {
            StatusCode::OK => {
                if answer.json::<Game>().await.ok().as_ref() != Some(game) {
                    self.tally.change(|counts| counts.read_without += 1);
                }
            }
            status => self.note(status),
        }
        Ok(())
    }

    async fn post(&mut self, path: &str, body: &Value) -> Result<Response, NoServer> {
        self.send(|http, url| http.post(format!("{url}{path}")).json(body))
            .await
    }

    /// Sends a request to a server at random, and to another one if that does not answer.
    ///
    /// The client cannot know whether the first server had executed the request before it failed, so every
    /// request must be harmless if it is executed twice.
    async fn send(
        &mut self,
        request: impl Fn(&Client, &str) -> RequestBuilder,
    ) -> Result<Response, NoServer> {
        let give_up = Instant::now() + RETRY_FOR;
        let mut failed = None;
        let mut last = "no server is left".to_owned();
        while let Some(server) = self.balancer.pick(&mut self.random, failed) {
            match request(&self.http, &server.url).send().await {
                Ok(answer) if answer.status() != StatusCode::SERVICE_UNAVAILABLE => {
                    self.tally.answer_from(server.number);
                    return Ok(answer);
                }
                Ok(unavailable) => last = unavailable.text().await.unwrap_or_default(),
                Err(error) => {
                    if error.is_connect() {
                        self.balancer.remove(server.number);
                    }
                    last = innermost(&error);
                }
            }
            self.tally.no_answer_from(server.number);
            if Instant::now() > give_up {
                break;
            }
            failed = Some(server.number);
            sleep(PAUSE).await;
        }
        Err(NoServer { last })
    }

    fn note(&self, status: StatusCode) {
        self.tally.change(|counts| match status {
            StatusCode::CREATED => {}
            StatusCode::OK => counts.found_done += 1,
            StatusCode::NOT_FOUND => counts.unknown_game += 1,
            StatusCode::CONFLICT => counts.not_next += 1,
            _ => counts.other += 1,
        });
    }
}

/// An HTTP client that talks to this machine only, past any proxy that the machine may use.
pub(super) fn client() -> Client {
    let client = Client::builder().no_proxy().timeout(ANSWER_TIMEOUT).build();
    client.expect("a client without TLS needs nothing that could be missing")
}

/// The message of the innermost error, which is the system's.
fn innermost(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => innermost(source),
        None => error.to_string(),
    }
}

impl From<reqwest::Error> for NoServer {
    fn from(error: reqwest::Error) -> Self {
        Self {
            last: innermost(&error),
        }
    }
}

impl Pace {
    pub(super) fn new(every: Duration, stop: impl Future<Output = ()> + Send + 'static) -> Self {
        let (sender, stopped) = watch::channel(false);
        tokio::spawn(async move {
            stop.await;
            sender.send_replace(true);
        });
        let ticks = (!every.is_zero()).then(|| {
            let mut ticks = interval(every);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            Arc::new(Mutex::new(ticks))
        });
        Self { ticks, stopped }
    }

    /// Waits for the next tick; false when no more is to be sent.
    async fn next(&self) -> bool {
        if let Some(ticks) = &self.ticks {
            ticks.lock().await.tick().await;
        }
        !*self.stopped.borrow()
    }
}
