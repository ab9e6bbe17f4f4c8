//! The log of actions is a history: played again it leads to the same state, and it can be
//! stopped anywhere. `cargo run -p reducer-game --example time_travel 3 100`

use game::Summary;
use reducer_game::store::{Action, STORE, State};

fn main() -> anyhow::Result<()> {
    for game in game::famous() {
        STORE.dispatch(Action::AddGame(game.at_its_start()))?;
        for played in game.moves {
            STORE.dispatch(Action::AddMove(game.id.clone(), played))?;
        }
    }
    let log = STORE.log();
    let mut stops = Vec::new();
    for stop in std::env::args().skip(1) {
        stops.push(stop.parse()?);
    }
    stops.extend([log.len() / 2, log.len()]);
    for stop in stops {
        let actions = &log[..stop.min(log.len())];
        let seen: Summary = State::after(actions)?.games.values().collect();
        println!("after {:>3} actions  {seen}", actions.len());
    }
    let twice = [State::after(&log)?, State::after(&log)?];
    let same = twice
        .iter()
        .filter(|state| **state == *STORE.state())
        .count();
    println!("verdict: {same} of 2 replays end in the store's own state");
    Ok(())
}
