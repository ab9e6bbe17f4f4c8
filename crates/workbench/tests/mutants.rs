//! How sharp are the rules? One change in a right server is a mutant, and the checker has to find it. The
//! ones that it may not find are named, with the reason.

mod support;

use std::fs;
use std::sync::LazyLock;

use support::{file, folder, has_node, workbench};

/// A right server, a piece of it, and what stands there instead.
type Mutant = (&'static str, &'static str, &'static str);

const FOUND: &[Mutant] = &[
    ("relay", "asked.clear(); ", ""),
    ("relay", "case \"connected\"", "case \"disconnected\""),
    ("relay", "stocks.delete(event.user); ", ""),
    ("relay", "stocks.get(event.user)?.delete(event.stock); ", ""),
    ("relay", "=> stocks.get(user).has(stock)", "=> true"),
    (
        "relay",
        "stocks.get(user).has(stock)",
        "stocks.get(user).size > 0",
    ),
    ("relay", ".filter((stock) => !asked.has(stock))", ""),
    (
        "relay",
        "...unsubscribe.map((stock) => ({ type: \"channel_unsubscribe\", stock })),",
        "",
    ),
    ("relay", "asked = wanted;", ""),
    ("relay", "return users.map", "return users.slice(0, 1).map"),
    (
        "relay",
        "user, stock, number })",
        "user, stock, number: number + 1 })",
    ),
    (
        "relay-first-and-last",
        "return [...this.users.keys()].map((stock) => ({ type: \"channel_subscribe\", stock }));",
        "return [];",
    ),
    ("relay-first-and-last", "users.add(user);", ""),
    // A lost connection never answers: what was under way has to be forgotten.
    ("relay-answers", "underWay.clear();", ""),
    ("relay-first-and-last", "users.size > 0", "users.size > 1"),
    ("relay-first-and-last", "this.users.delete(stock);", ""),
    (
        "relay-first-and-last",
        "return [...this.users.keys()].flatMap((stock) => this.unsubscribe(event.user, stock));",
        "return [];",
    ),
    (
        "moves",
        "{ type: \"append_if\", request, number, play }",
        "{ type: \"append\", request, play }",
    ),
    ("moves", "event.moves[number - 1] === play", "false"),
    ("moves", "event.moves[number - 1] === play", "true"),
    (
        "moves",
        "event.moves[number - 1] === play",
        "event.moves[number] === play",
    ),
    (
        "moves",
        "event.moves[number - 1] === play",
        "event.moves.at(-1) === play",
    ),
    ("moves", "played: true", "played: false"),
    ("moves", "this.asked.set(request, { number, play });", ""),
    (
        "moves",
        "request, number, play }];",
        "request, number: number + 1, play }];",
    ),
    ("cache", "now >= this.copy.until", "false"),
    ("cache", "now + 2000", "now + 3000"),
    ("cache", "now + 2000", "now + 100"),
    (
        "cache",
        "if (event.moves.length < this.stored) return [{ type: \"read\", request }];",
        "",
    ),
    ("cache", "this.copy.moves.length < this.stored", "false"),
    ("cache", "this.copy.moves.length < this.stored", "true"),
    (
        "cache",
        "return [{ type: \"reply_game\", request, moves: event.moves }];",
        "return [];",
    ),
    ("cache", "played: true", "played: true, request: 0"),
    (
        "rooms",
        "{ type: \"append_if\", request, number, play }",
        "{ type: \"append\", request, play }",
    ),
    ("rooms", "this.users.size === 1 ? this.look() : ", ""),
    ("rooms", "after: 1000", "after: 100000"),
    (
        "rooms",
        "return this.users.size > 0 ? this.look() : [];",
        "return [];",
    ),
    ("rooms", "sent + at + 1", "sent + at"),
    (
        "rooms",
        "this.moves.slice(sent)",
        "this.moves.slice(sent + 1)",
    ),
    (
        "rooms",
        "\"append_if\", request, number, play",
        "\"append_if\", request, number: this.moves.length + 1, play",
    ),
    (
        "instance",
        "{ type: \"set_add\", request, key: \"games\", member: event.game }",
        "{ type: \"map_add\", request, key: \"games\" }",
    ),
    (
        "instance",
        "return [{ type: \"set_add\"",
        "return [{ type: \"reply_added\", request }, { type: \"set_add\"",
    ),
    ("instance", "member: event.game", "member: String(request)"),
    ("instance", "games: event.size", "games: event.size - 1"),
    (
        "instance",
        "{ type: \"set_size\", request, key: \"games\" }",
        "{ type: \"set_size\", request, key: \"game\" }",
    ),
    ("slow", "user.full || ", ""),
    ("slow", "user.since === 0", "false"),
    ("slow", "user.since - 1", "0"),
    ("slow", "user.full = false;", ""),
    ("slow", "    user.since = 0;\n    return", "    return"),
    ("slow", "if (user.subscribed) {", "{"),
    ("slow", "if (user.subscribed !== subscribed) {", "{"),
    ("slow", "return this.send(event.user, user);", "return [];"),
    ("slow", "user.newest = event.number;", ""),
];

/// Mutants that hold, and why they may.
const ALLOWED: &[(&str, &str, &str, &str)] = &[
    (
        "relay-first-and-last",
        "!users?.delete(user) || users.size > 0",
        "!users || (users.delete(user), users.size > 0)",
        "the same: a user who was not in it cannot empty a set that is never empty",
    ),
    (
        "moves",
        "event.moves[number - 1] === play",
        "event.moves.includes(play)",
        "the same here: a play is sent by one player for one number only",
    ),
    (
        "cache",
        "now + 2000",
        "now + 1500",
        "a shorter time to live is allowed, as long as a copy is used for a second",
    ),
    (
        "cache",
        "Math.max(this.stored, event.number)",
        "event.number",
        "the same: answers of one connection come in order, so the numbers grow",
    ),
    (
        "rooms",
        "if (event.moves.length > this.moves.length) ",
        "",
        "the same: answers of one connection come in order, so the game grows",
    ),
    (
        "rooms",
        "this.users.set(user, this.moves.length);",
        "",
        "a page may be shown a move again: it knows the number",
    ),
    (
        "rooms",
        "this.users.delete(event.user);",
        "",
        "what is sent to a closed page is lost with its connection",
    ),
    (
        "instance",
        "this.adds.delete(request)",
        "this.adds.has(request)",
        "the same: an id is used once",
    ),
];

/// How much each mutant is searched: less than a user's run, so that all of them take a minute.
const SEARCH: [&str; 4] = ["--stories", "400", "--shorten", "1"];

fn mutant(at: usize, (server, from, to): Mutant) -> String {
    let path = file("tests/servers").join(format!("{server}.mjs"));
    let text = fs::read_to_string(&path).expect("a right server");
    assert!(text.contains(from), "{server} has no {from:?} any more");
    let helper = file("typescript/workbench.js").display().to_string();
    let text = text.replace("../../typescript/workbench.js", &helper);
    let path = folder().join(format!("mutant-{server}-{at}.mjs"));
    fs::write(&path, text.replacen(from, to, 1)).expect("the target folder can be written");
    path.display().to_string()
}

/// The mutants of a challenge that are not found.
fn survivors(challenge: &str) -> Vec<&'static Mutant> {
    let of = |server: &str| server.split('-').next() == Some(challenge);
    let mutants = FOUND.iter().enumerate().filter(|(_, mutant)| of(mutant.0));
    let found = |at, one: Mutant| {
        let path = mutant(at, one);
        let run = workbench(&[&[challenge], &SEARCH[..], &["--", "node", &path]].concat());
        assert_ne!(run.code, Some(2), "{one:?}: {run:?}");
        run.code == Some(1)
    };
    mutants
        .filter(|(at, mutant)| !found(*at, **mutant))
        .map(|(_, mutant)| mutant)
        .collect()
}

static NODE: LazyLock<bool> = LazyLock::new(has_node);

macro_rules! every_mutant_of {
    ($($name:ident: $challenge:literal;)*) => {$(
        #[test]
        fn $name() {
            if *NODE {
                assert_eq!(survivors($challenge), Vec::<&Mutant>::new());
            }
        }
    )*};
}

every_mutant_of! {
    every_mutant_of_the_relay_is_found: "relay";
    every_mutant_of_the_moves_is_found: "moves";
    every_mutant_of_the_cache_is_found: "cache";
    every_mutant_of_the_rooms_is_found: "rooms";
    every_mutant_of_the_instance_is_found: "instance";
    every_mutant_of_the_slow_user_is_found: "slow";
}

#[test]
fn each_mutant_that_may_survive_holds_and_says_why() {
    if !*NODE {
        return;
    }
    for (at, (server, from, to, why)) in ALLOWED.iter().enumerate() {
        let path = mutant(1_000 + at, (server, from, to));
        let challenge = server.split('-').next().unwrap_or(server);
        let few = ["--depth", "2", "--stories", "50"];
        let run = workbench(&[&[challenge], &few[..], &["--", "node", &path]].concat());
        assert_eq!(
            run.code,
            Some(0),
            "{server}, {from:?}: {why}\n{}",
            run.stdout
        );
    }
}

#[test]
fn there_are_at_least_forty_mutants() {
    assert!(FOUND.len() >= 40, "{}", FOUND.len());
}
