//! The command line of the book.

use std::env;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};
use lessons::live::Live;
use lessons::page::{pages, workspace};
use lessons::schedule::{Class, table};
use lessons::site::Site;
use lessons::{book, demo, diff, serve, warm};
use program::supervisor::{Supervisor, supervise};
use program::{Signals, address, asked_to_end, bind_next_free, report};
use tokio::net::TcpListener;

/// Where the book is when no address is given, or at the next port that is free.
const PORT: u16 = 3003;

/// The lessons as a book: built from lessons/, and served at http://127.0.0.1:3003
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Flags {
    #[command(subcommand)]
    command: Option<Command>,

    /// Listen here [default: 127.0.0.1:3003, or the next free port]
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    listen: Option<SocketAddr>,

    /// Show it in the browser at once
    #[arg(long)]
    open: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write the book into a folder; it works from there without any server or network
    Build {
        /// It is made if it is not there. A former book in it is replaced; other files stay, and a folder
        /// that has only other files is refused
        #[arg(value_name = "DIR")]
        into: PathBuf,
    },
    /// Print the pages that a class has time for, with their minutes in class and alone, and the sums
    Schedule(ScheduleFlags),
    /// Run all demonstrations in the order of the pages, with Enter between them
    Demo {
        /// Do not wait for Enter
        #[arg(long)]
        auto: bool,
    },
    /// Build all that a class will run, as it will be run, and say how long each took
    Warm,
    /// Show what differs between two crates, without the comments: bad-game singleton-game
    Diff {
        /// The name of a folder in crates/
        one: String,
        /// The name of the folder to compare it with
        other: String,
    },
}

#[derive(Debug, Args)]
#[group(multiple = false)]
struct ScheduleFlags {
    /// Where the instance is: one story in four crates
    #[arg(long)]
    hour: bool,

    /// The core
    #[arg(long)]
    three_hours: bool,
}

fn main() -> ExitCode {
    // What the book starts ends with it: a supervisor is this program, started once more.
    if let Some(code) = supervise() {
        return code;
    }
    show_or_fail()
}

#[tokio::main]
async fn show_or_fail() -> ExitCode {
    match run(Flags::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report(env!("CARGO_PKG_NAME"), &*error),
    }
}

async fn run(flags: Flags) -> Result<()> {
    let workspace = workspace();
    match flags.command {
        None => show(workspace, flags.listen, flags.open).await,
        Some(Command::Build { into }) => {
            // The first Ctrl-C waits until the folder is whole, a second or two.
            let _whole = asked_to_end().context("cannot wait for signals")?;
            book::build(&workspace, &into)?;
            let into = into.join("index.html");
            Ok(writeln!(io::stdout(), "open {}", into.display())?)
        }
        Some(Command::Schedule(flags)) => {
            let class = match (flags.hour, flags.three_hours) {
                (true, _) => Class::AnHour,
                (_, true) => Class::ThreeHours,
                _ => Class::All,
            };
            Ok(write!(
                io::stdout(),
                "{}",
                table(class, &workspace, &pages(&workspace)?)?
            )?)
        }
        Some(Command::Demo { auto }) => walk(&workspace, auto).await,
        Some(Command::Warm) => {
            let commands = warm::commands(&pages(&workspace)?)?;
            let run = |words: &[String]| warm::by_cargo(&workspace, words);
            warm::warm(&mut io::stdout(), &commands, run)
        }
        Some(Command::Diff { one, other }) => {
            let differs = diff::of_crates(&workspace, &one, &other)?;
            Ok(write!(io::stdout(), "{differs}")?)
        }
    }
}

async fn walk(workspace: &Path, auto: bool) -> Result<()> {
    let steps = demo::steps(&pages(workspace)?);
    let run = async |step: &demo::Step| demo::by_cargo(workspace, step).await;
    let out = &mut io::stdout();
    if auto {
        return demo::walk(out, &steps, None::<fn() -> std::future::Ready<bool>>, run).await;
    }
    let mut enters = demo::enters();
    let enter = async || {
        let Ok(mut signals) = Signals::listen() else {
            return false;
        };
        tokio::select! {
            pressed = enters.recv() => pressed.is_some(),
            () = signals.next() => false,
        }
    };
    demo::walk(out, &steps, Some(enter), run).await
}

async fn show(workspace: PathBuf, listen: Option<SocketAddr>, open: bool) -> Result<()> {
    let asked = asked_to_end().context("cannot wait for signals")?;
    let site = Site::build(&workspace)?;
    let listener = match listen {
        Some(address) => TcpListener::bind(address).await,
        None => bind_next_free((Ipv4Addr::LOCALHOST, PORT).into()).await,
    };
    let listener = listener.context("cannot listen; choose another address with --listen")?;
    let address = listener.local_addr()?;
    let live = Live::at(&workspace, Supervisor::this(), address);
    let live = live.context("cannot keep the key of the book in target/")?;
    let url = &live.url;
    writeln!(
        io::stdout(),
        "lessons: {url} (a page that you change is built again)"
    )?;
    if open && let Err(error) = live.to_open(&workspace).and_then(open_in_browser) {
        // The book is served all the same, and its address stands above.
        writeln!(io::stderr(), "cannot open a browser: {error}")?;
    }
    tokio::select! {
        () = serve::serve(listener, workspace, site, live.router) => Ok(()),
        () = asked => Ok(()),
    }
}

/// Asks the desktop to show an address.
fn open_in_browser(address: String) -> io::Result<()> {
    let (program, arguments): (&str, &[&str]) = match env::consts::OS {
        "macos" => ("open", &[]),
        "windows" => ("cmd", &["/C", "start", ""]),
        _ => ("xdg-open", &[]),
    };
    process::Command::new(program)
        .args(arguments)
        .arg(address)
        .stdout(process::Stdio::null())
        .stderr(process::Stdio::null())
        .spawn()
        .map(drop)
}
