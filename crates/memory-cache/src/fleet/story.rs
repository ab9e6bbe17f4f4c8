//! What the example prints.

use std::io::{self, Write};
use std::time::Duration;

use game::GameId;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until};

use super::{Answer, CommonCache, Database, FleetServer, Plan, Settings};

const SERVERS: u64 = 50;
/// How long the database takes for an answer.
const LOAD: Duration = Duration::from_millis(200);
const TIME_TO_LIVE: Duration = Duration::from_secs(2);
/// How often each server reads each game: while one load takes, every server reads once.
const BETWEEN_READS: Duration = Duration::from_millis(200);
/// Games whose copies end in the first table: chance decides about an early refresh, so one says little.
const COPIES: usize = 10;
/// Games in the second table, each read by one server.
const GAMES: usize = 200;
const JITTER: f64 = 0.25;

/// Counts the loads of a fleet, table by table.
pub struct Story<C> {
    cache: C,
}

/// What one reader has seen.
#[derive(Default)]
struct Seen {
    waited: u64,
    longest: Duration,
    /// Reads that were answered with "no such game" after it was made, and until when.
    old: u64,
    old_for: Duration,
}

impl Seen {
    fn and(mut self, other: &Self) -> Self {
        self.waited += other.waited;
        self.longest = self.longest.max(other.longest);
        self.old += other.old;
        self.old_for = self.old_for.max(other.old_for);
        self
    }
}

impl<C: CommonCache> Story<C> {
    /// A story in which all servers share this cache.
    pub fn new(cache: C) -> Self {
        Self { cache }
    }

    /// Tells it.
    ///
    /// It is long because it is in the order of what it prints.
    ///
    /// # Errors
    /// The output cannot be written.
    pub async fn show(&self, out: &mut impl Write) -> io::Result<()> {
        let (load, live) = (LOAD.as_millis(), TIME_TO_LIVE.as_secs());
        let each = BETWEEN_READS.as_millis();
        writeln!(
            out,
            "{SERVERS} servers share one cache; a load takes {load} ms, a copy lives {live} s"
        )?;
        writeln!(
            out,
            "each server reads {COPIES} games every {each} ms, and their copies end:"
        )?;
        writeln!(
            out,
            "                      loads  for each copy  reads over 100 ms  longest"
        )?;
        let mut loads = Vec::new();
        for (plan, name) in [
            (Plan::Nothing, "nothing"),
            (Plan::Lease, "a lease"),
            (Plan::Early, "an early refresh"),
        ] {
            let (counted, seen) = self.copies_end(plan).await;
            let for_each = counted as f64 / COPIES as f64;
            writeln!(
                out,
                "  {name:<18}{counted:>7} {for_each:>14} {:>18} {:>5} ms",
                seen.waited,
                seen.longest.as_millis()
            )?;
            loads.push(for_each);
        }
        writeln!(
            out,
            "{GAMES} games are loaded at the same moment, and their copies end:"
        )?;
        writeln!(out, "                      loads        at once")?;
        let jittered = format!("after {live} s ± {} %", JITTER * 100.0);
        for (jitter, name) in [(0.0, format!("after {live} s")), (JITTER, jittered)] {
            let (loads, at_once) = self.many_copies_end(jitter).await;
            writeln!(out, "  {name:<18}{loads:>7} {at_once:>14}")?;
        }
        writeln!(
            out,
            "all read a game that does not exist, which is made after 1 s:"
        )?;
        writeln!(out, "                      loads     old answers  until")?;
        for (keeps, ends, name) in [
            (false, true, "not kept"),
            (true, false, "kept"),
            (true, true, "kept, and ended"),
        ] {
            let (loads, seen) = self.no_such_game(keeps, ends).await;
            writeln!(
                out,
                "  {name:<18}{loads:>7} {:>15} {:>5} ms",
                seen.old,
                seen.old_for.as_millis()
            )?;
        }
        let [nothing, lease, early] = loads[..] else {
            unreachable!("there are three plans")
        };
        writeln!(
            out,
            "verdict: a copy ends: {nothing} loads; {lease} with a lease, {early} with an early refresh"
        )
    }

    /// From half of their time to live on, until they must have ended.
    async fn copies_end(&self, plan: Plan) -> (u64, Seen) {
        let (database, settings) = (Database::new(LOAD), settings(plan));
        let servers = self.servers(&database, settings);
        let ids: Vec<_> = (0..COPIES)
            .map(|number| id(&format!("{plan:?}-{number}")))
            .collect();
        self.load_all(&database, settings, &ids).await;
        sleep(TIME_TO_LIVE / 2).await;
        database.forget_loads();
        let mut reading = JoinSet::new();
        for id in ids {
            let servers = servers.clone();
            let time = TIME_TO_LIVE * 3 / 4;
            reading.spawn(async move { read_by_all(&servers, &id, time, None).await });
        }
        let seen = reading.join_all().await;
        let (loads, _) = database.loads();
        (loads, seen.iter().fold(Seen::default(), Seen::and))
    }

    async fn many_copies_end(&self, jitter: f64) -> (u64, u64) {
        let database = Database::new(LOAD);
        let settings = Settings {
            jitter,
            ..settings(Plan::Nothing)
        };
        let ids: Vec<_> = (0..GAMES)
            .map(|number| id(&format!("many-{}-{number}", jitter > 0.0)))
            .collect();
        self.load_all(&database, settings, &ids).await;
        sleep(TIME_TO_LIVE / 2).await;
        database.forget_loads();
        let servers = self.servers(&database, settings);
        let mut reading = JoinSet::new();
        for (number, (id, server)) in (0..).zip(ids.into_iter().zip(servers.iter().cycle())) {
            let server = server.clone();
            let begin = BETWEEN_READS * number / GAMES as u32;
            let time = TIME_TO_LIVE;
            reading.spawn(async move { reads(&server, &id, begin, time, None).await });
        }
        reading.join_all().await;
        database.loads()
    }

    /// All games are loaded at the same moment, as after a deployment.
    async fn load_all(&self, database: &Database, settings: Settings, ids: &[GameId]) {
        // A plan is for a copy that ends. All begin with the same copies.
        let settings = Settings {
            plan: Plan::Nothing,
            ..settings
        };
        let server = FleetServer::new(0, self.cache.clone(), database.clone(), settings);
        let mut loading = JoinSet::new();
        for id in ids {
            database.add(id);
            let (id, server) = (id.clone(), server.clone());
            loading.spawn(async move { server.read(&id).await });
        }
        loading.join_all().await;
    }

    async fn no_such_game(&self, keeps: bool, ends: bool) -> (u64, Seen) {
        let database = Database::new(LOAD);
        let settings = Settings {
            keeps_no_such_game: keeps,
            ..settings(Plan::Nothing)
        };
        let servers = self.servers(&database, settings);
        let id = id(&format!("none-{keeps}-{ends}"));
        let made = Instant::now() + Duration::from_secs(1);
        let reading = read_by_all(&servers, &id, Duration::from_secs(4), Some(made));
        let making = async {
            sleep_until(made).await;
            let (loads, _) = database.loads();
            if ends {
                servers[0].add(&id).await;
            } else {
                database.add(&id);
            }
            loads
        };
        let (seen, loads) = tokio::join!(reading, making);
        (loads, seen)
    }

    fn servers(&self, database: &Database, settings: Settings) -> Vec<FleetServer<C>> {
        let server =
            |number| FleetServer::new(number, self.cache.clone(), database.clone(), settings);
        (1..=SERVERS).map(server).collect()
    }
}

/// All servers read a game for this time, each at its own moment. From when it is made, "no such game" is old.
async fn read_by_all<C: CommonCache>(
    servers: &[FleetServer<C>],
    id: &GameId,
    time: Duration,
    made: Option<Instant>,
) -> Seen {
    let mut reading = JoinSet::new();
    for (number, server) in (0..).zip(servers) {
        let (server, id) = (server.clone(), id.clone());
        let begin = BETWEEN_READS * number / SERVERS as u32;
        reading.spawn(async move { reads(&server, &id, begin, time, made).await });
    }
    let seen = reading.join_all().await;
    seen.iter().fold(Seen::default(), Seen::and)
}

async fn reads<C: CommonCache>(
    server: &FleetServer<C>,
    id: &GameId,
    begin: Duration,
    time: Duration,
    made: Option<Instant>,
) -> Seen {
    let ends = Instant::now() + time;
    let mut tick = interval_at(Instant::now() + begin, BETWEEN_READS);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut seen = Seen::default();
    while tick.tick().await < ends {
        let asked = Instant::now();
        let answer = server.read(id).await;
        // A hit is answered sooner than any load.
        if asked.elapsed() >= LOAD / 2 {
            seen.waited += 1;
            seen.longest = seen.longest.max(asked.elapsed());
        }
        if let Some(made) = made
            && asked > made
            && answer == Ok(Answer::NoSuchGame)
        {
            seen.old += 1;
            seen.old_for = seen.old_for.max(asked - made);
        }
    }
    seen
}

fn settings(plan: Plan) -> Settings {
    Settings {
        plan,
        time_to_live: TIME_TO_LIVE,
        jitter: 0.0,
        keeps_no_such_game: true,
        lease: 10 * LOAD,
    }
}

fn id(name: &str) -> GameId {
    name.to_lowercase().parse().expect("a short id")
}
