//! The command: searches, prints what it finds, and returns the exit code.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGINT, SIGTERM};

use crate::challenge::Challenge;
use crate::figure::figure;
use crate::host::{Host, Trouble};
use crate::level::Level;
use crate::search::{Found, Options, Outcome, Tried, Watch, levels, search};
use crate::story;
use crate::words;
use crate::world::{Detail, Ended, tell};

/// How long a search is silent on a terminal before it shows its progress.
const SILENT: Duration = Duration::from_millis(700);
/// How often it shows it.
const SHOW_EVERY: Duration = Duration::from_millis(200);
/// Where the last failing story of each challenge is kept.
const FOLDER: &str = "target/workbench";

const LEAK: &str = "\
A server may know only what it has received since its start: no clock, no random numbers, and no
variable outside of it. Such a variable lives as long as the process, so it survives a restart that
the harness only plays, and another server does not see it. Where does the state live? Read
lessons/05-module-store.md.";

/// Checks these servers. 0: no story fails. 1: one does. 2: the check was not completed.
///
/// `command` is what the user typed, up to the place of another flag, and what follows it.
pub fn check<C: Challenge>(
    options: &Options,
    host: &mut dyn Host<C>,
    command: (&str, &str),
) -> ExitCode {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // The second one ends the process as usual: a server that hangs is not waited for.
        let _ = signal_hook::flag::register_conditional_default(signal, Arc::clone(&stop));
        let _ = signal_hook::flag::register(signal, Arc::clone(&stop));
    }
    if options.story.is_some() {
        host.show_output();
    }
    if let Err(Trouble(words)) = (0..C::SERVERS.len()).try_for_each(|server| host.start(server)) {
        eprintln!("The server does not start: {words}");
        if words.contains("ERR_UNKNOWN_FILE_EXTENSION") {
            eprintln!("\n{NO_TYPESCRIPT}");
        }
        return ExitCode::from(2);
    }
    if let Some(file) = &options.story {
        return tell_file(options, file, host);
    }
    let mut watch = Progress {
        stop: Arc::clone(&stop),
        begun: Instant::now(),
        shown: None,
        name: C::NAME,
    };
    let outcome = search(options, host, &mut watch);
    watch.clear();
    // Ctrl-C on a terminal reaches the servers too: that they ended is not their fault.
    if stop.load(Ordering::Relaxed) {
        eprintln!("{}: stopped before all stories were told.", C::NAME);
        return ExitCode::from(2);
    }
    match outcome {
        Outcome::Stopped => ExitCode::from(2),
        Outcome::Nothing => {
            eprintln!(
                "{}: nothing was checked: give --depth or --stories at least 1.",
                C::NAME
            );
            ExitCode::from(2)
        }
        Outcome::Held => {
            say(&format!(
                "{}: every rule holds{}.",
                C::NAME,
                only::<C>(options)
            ));
            ExitCode::SUCCESS
        }
        Outcome::Broken(found) => {
            let time = watch.begun.elapsed();
            broken(options, &found, host, command, time)
        }
        Outcome::Leaks(found, told) => {
            say(&format!(
                "{}: {}: a story of {} fails, and ends in another way when it is told again to a new \
                 process.\n\n{told}\n{LEAK}",
                C::NAME,
                found.level.title(),
                many(found.story.len() as u64, "step", "steps"),
            ));
            ExitCode::FAILURE
        }
    }
}

const NO_TYPESCRIPT: &str = "\
This Node runs no TypeScript; Node 22.18 and later do. Compile it first:
  npm ci --prefix lessons/typescript
  npx --prefix lessons/typescript tsc -p crates/workbench/typescript
and check the JavaScript if there was no error: crates/workbench/typescript/out/….js. Or write plain JavaScript.";

/// What `--level` has left out: " at level 1; levels 2 and 3 were not checked".
fn only<C: Challenge>(options: &Options) -> String {
    let (checked, others): (Vec<_>, Vec<_>) =
        levels::<C>().partition(|level| *level <= options.level);
    let list = |levels: &[Level]| {
        let numbers: Vec<_> = levels
            .iter()
            .map(|level| level.number().to_string())
            .collect();
        let word = if numbers.len() == 1 {
            "level"
        } else {
            "levels"
        };
        format!("{word} {}", numbers.join(" and "))
    };
    if others.is_empty() {
        return String::new();
    }
    let were = if others.len() == 1 { "was" } else { "were" };
    format!(
        " at {}; {} {were} not checked",
        list(&checked),
        list(&others)
    )
}

fn broken<C: Challenge>(
    options: &Options,
    found: &Found<C::Deed>,
    host: &mut dyn Host<C>,
    (before, after): (&str, &str),
    time: Duration,
) -> ExitCode {
    let how = match found.story.len() as u64 {
        0 => "No step is needed: it fails at its start.".to_owned(),
        steps => format!("{}, {}:\n", many(steps, "step", "steps"), found.how),
    };
    say(&format!(
        "{}: {}: a rule is broken. {}.\n{how}",
        C::NAME,
        found.level.title(),
        counted(&found.tried, time),
    ));
    let ended = tell(&found.story, host, Detail::Words);
    let code = report::<C>(options, &ended);
    let file = Path::new(FOLDER).join(format!("{}.story", C::NAME));
    let written = fs::create_dir_all(FOLDER);
    match written.and_then(|()| story::write::<C>(&file, &found.story)) {
        Ok(()) => say(&format!(
            "\nTo tell it again, with what your server prints to standard error:\n  {before} --story \
             {}{after}",
            file.display()
        )),
        Err(error) => eprintln!("the story cannot be written to {}: {error}", file.display()),
    }
    code
}

fn tell_file<C: Challenge>(options: &Options, file: &Path, host: &mut dyn Host<C>) -> ExitCode {
    let story = match story::read::<C>(file) {
        Ok(story) => story,
        Err(error) => {
            eprintln!("{}: {error}", file.display());
            return ExitCode::from(2);
        }
    };
    let ended = tell(&story, host, Detail::Words);
    let code = report::<C>(options, &ended);
    for (at, step) in story[..ended.steps].iter().enumerate() {
        if !ended.happened.contains(&at) {
            let step = serde_json::to_string(step).expect("a step is plain data");
            say(&format!("\n{step} could not happen, and was passed over."));
        }
    }
    code
}

fn report<C: Challenge>(options: &Options, ended: &Ended) -> ExitCode {
    say(words::story(ended).trim_end());
    if let Some(file) = &options.figure
        && let Err(error) = fs::write(file, figure::<C>(ended))
    {
        eprintln!(
            "the figure cannot be written to {}: {error}",
            file.display()
        );
        return ExitCode::from(2);
    }
    ExitCode::from(u8::from(ended.fault.is_some()))
}

fn counted(tried: &Tried, time: Duration) -> String {
    format!(
        "{} with {}, {} of them faults, and {} in {:.1} s",
        many(tried.stories, "story", "stories"),
        many(tried.steps, "step", "steps"),
        tried.faults,
        many(tried.messages, "message", "messages"),
        time.as_secs_f64()
    )
}

fn many(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

/// Prints to standard output. `println!` would panic if the reader, `head` for example, has closed it.
fn say(text: &str) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Shows on a terminal how far the search is, and prints each level that holds.
struct Progress {
    stop: Arc<AtomicBool>,
    begun: Instant,
    shown: Option<Instant>,
    name: &'static str,
}

impl Progress {
    fn clear(&mut self) {
        if self.shown.take().is_some() {
            eprint!("\r\x1b[K");
        }
    }
}

impl Watch for Progress {
    fn goes_on(&mut self, level: Level, tried: &Tried) -> bool {
        let since = self
            .shown
            .map_or(self.begun + SILENT, |shown| shown + SHOW_EVERY);
        if tried.stories.is_multiple_of(64) && Instant::now() >= since && io::stderr().is_terminal()
        {
            self.shown = Some(Instant::now());
            eprint!(
                "\r\x1b[K{}: {}: {} stories",
                self.name,
                level.title(),
                tried.stories
            );
        }
        !self.stop.load(Ordering::Relaxed)
    }

    fn held(&mut self, level: Level, tried: &Tried) {
        self.clear();
        say(&format!(
            "{}: {}: every rule holds in {}.",
            self.name,
            level.title(),
            counted(tried, self.begun.elapsed())
        ));
        self.begun = Instant::now();
    }
}
