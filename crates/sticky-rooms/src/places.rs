//! How many rooms change their server when one is added or taken away, and why a bound on the load of
//! each server parts two players. Lesson 4b; nothing is started, all of it is computed.

use std::io::{self, Write};

use crate::router::owner::{by_remainder, owner};

/// So many rooms that the shares are those of any larger number.
const ROOMS: usize = 10_000;
/// Rooms with two players each, as in lesson 4.
const LIVE_ROOMS: usize = 30;
const PLAYERS: usize = 2;
/// A bounded load in percent of the average: no server may have more visitors than that. The paper calls
/// it *c*, HAProxy `hash-balance-factor`.
const BOUND: usize = 125;

/// A rule that names the server of a room.
type Rule = fn(&str, &[usize]) -> Option<usize>;

/// Prints how many rooms move, and how many players are parted.
///
/// # Errors
/// Nothing can be written.
pub fn show(out: &mut impl Write) -> io::Result<()> {
    let changes = [
        ("a fourth server comes", &[1, 2, 3][..], &[1, 2, 3, 4][..]),
        ("server 2 of four is drained", &[1, 2, 3, 4], &[1, 3, 4]),
        ("server 5 comes in its place", &[1, 3, 4], &[1, 3, 4, 5]),
    ];
    writeln!(
        out,
        "sticky-rooms places: which of {ROOMS} rooms change their server?\n{:>49}{:>19}",
        "hash % servers", "greatest score"
    )?;
    for (what, before, after) in changes {
        let [modulo, score] = [by_remainder as Rule, owner].map(|rule| moved(rule, before, after));
        writeln!(out, "  {what:<27}{modulo:>20}{score:>19}")?;
    }
    writeln!(
        out,
        "bounded load: {LIVE_ROOMS} rooms, two players each, over three servers\n{:>49}{:>19}",
        "fullest server has", "players parted in"
    )?;
    for (what, bound) in [("the score alone", None), ("and at most", Some(BOUND))] {
        let what = match bound {
            Some(percent) => format!("{what} {percent} % of the average"),
            None => what.to_owned(),
        };
        let Seated { fullest, parted } = seat(bound);
        writeln!(
            out,
            "  {what:<33}{:>14}{:>19}",
            format!("{fullest} visitors"),
            format!("{parted} rooms")
        )?;
    }
    let percent = |rule| 100 * moved(rule, &[1, 2, 3], &[1, 2, 3, 4]) / ROOMS;
    writeln!(
        out,
        "verdict: a fourth server moves {} % of the rooms by modulo, {} % by score",
        percent(by_remainder),
        percent(owner)
    )
}

fn moved(rule: Rule, before: &[usize], after: &[usize]) -> usize {
    let rooms = (1..=ROOMS).map(|number| format!("room-{number}"));
    rooms
        .filter(|room| rule(room, before) != rule(room, after))
        .count()
}

/// Where the players of all rooms have been sent.
struct Seated {
    /// The visitors of the server that has most.
    fullest: usize,
    /// The rooms whose players are on two servers.
    parted: usize,
}

/// Sends all first players, and then all second ones, to their servers. With a bound, a server that
/// would have more than that is passed over for the one with the next greatest score: consistent hashing
/// with bounded loads (Mirrokni, Thorup and Zadimoghaddam, 2016).
fn seat(bound: Option<usize>) -> Seated {
    let servers = [1, 2, 3];
    let (mut visitors, mut places) = ([0; 3], vec![Vec::new(); LIVE_ROOMS]);
    for arrived in 0..PLAYERS * LIVE_ROOMS {
        let number = arrived % LIVE_ROOMS;
        // The average with this visitor, rounded up.
        let most = bound.map_or(usize::MAX, |percent| {
            (percent * (arrived + 1)).div_ceil(100 * servers.len())
        });
        let has_room = |server: &usize| visitors[server - 1] < most;
        let free: Vec<usize> = servers.into_iter().filter(has_room).collect();
        let server = owner(&format!("room-{}", number + 1), &free);
        let server = server.expect("the bound is above the average, so one server is below it");
        visitors[server - 1] += 1;
        places[number].push(server);
    }
    let parted = places.iter().filter(|at| at[0] != at[1]).count();
    Seated {
        fullest: visitors.into_iter().max().unwrap_or(0),
        parted,
    }
}
