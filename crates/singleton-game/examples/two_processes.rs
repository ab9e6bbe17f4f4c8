//! One singleton for each process: this program starts itself a second time, and there are two.

use std::env;
use std::io;
use std::process::Command;

use singleton_game::GameManager;

fn main() -> anyhow::Result<()> {
    if env::args().nth(1).as_deref() == Some("child") {
        return play("second process", &["opera-1858", "reti-tartakower-1910"]);
    }
    play("first process ", &["byrne-fischer-1956"])?;
    Command::new(env::current_exe()?).arg("child").status()?;
    print!("first process  looks again and sees ");
    GameManager::instance().log_state(&mut io::stdout())?;
    println!("verdict: two processes, two managers; to tell each other they need pub/sub");
    Ok(())
}

fn play(process: &str, ids: &[&str]) -> anyhow::Result<()> {
    let manager = GameManager::instance();
    let games = game::famous().into_iter();
    for game in games.filter(|game| ids.contains(&game.id.as_str())) {
        manager.add_game(game)?;
    }
    print!("{process} adds {} and sees ", ids.len());
    manager.log_state(&mut io::stdout())?;
    Ok(())
}
