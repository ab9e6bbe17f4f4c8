//! Parses the command line, measures, and prints a table or JSON.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    use std::process::ExitCode;

    use clap::Parser;
    use feed_load::crew::Stopped;

    match run(feed_load::cli::Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Stopped>() => {
            eprintln!("feed-load: stopped; everything it started has ended");
            ExitCode::from(130)
        }
        Err(error) => {
            eprintln!("feed-load: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(target_os = "linux")]
fn run(command: feed_load::cli::Command) -> anyhow::Result<()> {
    use feed_load::cli::Command;
    use feed_load::crew::Stop;
    use feed_load::{bare_loop, child, crowd_process, machine, report};

    match command {
        Command::Crowd => crowd_process::run(),
        Command::BareLoop { listen } => bare_loop::run(listen),
        Command::Guard {
            parent,
            core,
            program,
        } => child::guard(parent, core, &program),
        Command::Fleet(fleet) if fleet.check => fleet.check(),
        measurement => {
            if cfg!(debug_assertions) {
                eprintln!("feed-load: a debug build is for tests; cargo run --release measures");
            }
            machine::raise_descriptors()?;
            let stop = Stop::on_signal()?;
            match measurement {
                Command::Users(users) => {
                    let seen = users.run(&stop)?;
                    print(users.crowding.json, &seen, report::seen)
                }
                Command::Limit(limit) => {
                    let seen = limit.run(&stop)?;
                    print(limit.crowding.json, &seen, report::seen)
                }
                Command::Compare(compare) => {
                    let comparison = compare.run(&stop)?;
                    print(compare.json, &comparison, report::comparison)
                }
                Command::Fleet(fleet) => {
                    let seen = fleet.run(&stop)?;
                    print(fleet.json, &seen, report::fleet)
                }
                Command::Crowd | Command::BareLoop { .. } | Command::Guard { .. } => {
                    unreachable!("these are not measurements and were taken above")
                }
            }
        }
    }
}

#[cfg(target_os = "linux")]
fn print<T: serde::Serialize>(
    json: bool,
    measured: &T,
    table: fn(&T) -> String,
) -> anyhow::Result<()> {
    if json {
        println!("{}", serde_json::to_string_pretty(measured)?);
    } else {
        println!("{}", table(measured));
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() -> std::process::ExitCode {
    eprintln!(
        "feed-load: Linux only: it measures through /proc and keeps its users in epoll. \
         The stock feed itself runs here: cargo run -p stock-feed"
    );
    std::process::ExitCode::FAILURE
}
