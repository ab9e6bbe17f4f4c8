//! What a server with its copies in a Redis answers while that Redis is well, frozen, killed or slow.
//!
//! ```text
//! cargo build --release -p memory-cache
//! cargo run --release -p memory-cache --example redis_in_trouble
//! ```
//!
//! It starts a Redis and a server of its own for each line, and sends 100 requests a second for ten
//! seconds, of which every twentieth is a move. `redis_in_trouble PROGRAM` measures another build.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use game::famous;
use harness::{Process, RedisServer, program_of_this_build};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{interval, sleep};

const REQUESTS: usize = 1_000;
const BETWEEN_REQUESTS: Duration = Duration::from_millis(10);
const REQUESTS_A_MOVE: usize = 20;
/// A slow Redis answers after twice this.
const EACH_WAY: Duration = Duration::from_millis(150);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    None,
    Frozen,
    Killed,
    Slow,
}

#[tokio::main]
async fn main() -> Result<()> {
    let program = match env::args_os().nth(1) {
        Some(program) => PathBuf::from(program),
        None => program_of_this_build("memory-cache"),
    };
    println!("Redis is   answered   503  other   p50 ms  p99 ms  slowest ms   moves kept");
    for trouble in [
        Trouble::None,
        Trouble::Frozen,
        Trouble::Killed,
        Trouble::Slow,
    ] {
        let Some(redis) = RedisServer::start() else {
            bail!("this measures with a redis-server of its own");
        };
        measure(&program, redis, trouble).await?;
    }
    Ok(())
}

async fn measure(program: &Path, mut redis: RedisServer, trouble: Trouble) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let address = match trouble {
        Trouble::Slow => slow_line(&redis).await?,
        _ => redis.url(),
    };
    let server = Process::start(
        Command::new(program)
            .args(["serve", "--listen=127.0.0.1:0", "--ttl=1h", "--database"])
            .arg(directory.path().join("games.db"))
            .env("REDIS_URL", address)
            .stdin(Stdio::null()),
    );
    let games = format!("{}/games", server.url());
    let http = Client::builder().no_proxy().build()?;
    let game = famous().swap_remove(0).at_its_start();
    http.post(&games)
        .json(&game)
        .send()
        .await?
        .error_for_status()?;
    let game = format!("{games}/{}", game.id);
    http.get(&game).send().await?.error_for_status()?;

    let answers = if trouble == Trouble::Frozen {
        let _frozen = redis.freeze();
        send(&http, &game).await
    } else {
        if trouble == Trouble::Killed {
            redis.kill_9();
        }
        send(&http, &game).await
    };
    print(&http, &game, trouble, answers).await
}

type Answer = (Option<StatusCode>, Duration);

async fn send(http: &Client, game: &str) -> Vec<Answer> {
    let mut sent = JoinSet::new();
    let mut tick = interval(BETWEEN_REQUESTS);
    for number in 0..REQUESTS {
        tick.tick().await;
        let request = match number % REQUESTS_A_MOVE {
            0 => http
                .post(format!("{game}/moves"))
                .json(&json!({ "move": "e2e4" })),
            _ => http.get(game),
        };
        sent.spawn(async move {
            let began = Instant::now();
            let answer = request.send().await;
            (answer.ok().map(|answer| answer.status()), began.elapsed())
        });
    }
    sent.join_all().await
}

async fn print(http: &Client, game: &str, trouble: Trouble, answers: Vec<Answer>) -> Result<()> {
    let count = |is: &dyn Fn(&StatusCode) -> bool| {
        let statuses = answers.iter().filter_map(|(status, _)| status.as_ref());
        statuses.filter(|status| is(status)).count()
    };
    let good = count(&StatusCode::is_success);
    let unavailable = count(&|status| *status == StatusCode::SERVICE_UNAVAILABLE);
    let mut times: Vec<u128> = answers.iter().map(|(_, time)| time.as_millis()).collect();
    times.sort_unstable();
    let at = |share: f64| times[(times.len() as f64 * share) as usize];
    let kept: Value = http.get(game).send().await?.json().await?;
    let kept = kept["moves"].as_array().map_or(0, Vec::len);
    let name = match trouble {
        Trouble::None => "well",
        Trouble::Frozen => "frozen",
        Trouble::Killed => "killed",
        Trouble::Slow => "slow",
    };
    println!(
        "{name:<9}  {good:>8} {unavailable:>5} {:>6} {:>8} {:>7} {:>11}   {kept:>3} of {}",
        REQUESTS - good - unavailable,
        at(0.5),
        at(0.99),
        times[times.len() - 1],
        REQUESTS / REQUESTS_A_MOVE,
    );
    Ok(())
}

/// Lets everything to and from Redis arrive late.
async fn slow_line(redis: &RedisServer) -> Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("redis://{}", listener.local_addr()?);
    let redis = redis.address();
    tokio::spawn(async move {
        while let Ok((ours, _)) = listener.accept().await {
            let Ok(to) = TcpStream::connect(redis).await else {
                return;
            };
            let (from_us, to_us) = ours.into_split();
            let (from_redis, to_redis) = to.into_split();
            tokio::spawn(pass_on_late(from_us, to_redis));
            tokio::spawn(pass_on_late(from_redis, to_us));
        }
    });
    Ok(url)
}

async fn pass_on_late(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        sleep(EACH_WAY).await;
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
