//! Dropped when? Never: the folder of a static `TempDir` is left, and the last lines of a log are lost.

use std::env;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use tempfile::TempDir;

static FOLDER: OnceLock<TempDir> = OnceLock::new();
static LOG: OnceLock<Mutex<BufWriter<File>>> = OnceLock::new();

fn log_three_lines(log: &mut impl Write) -> io::Result<()> {
    (1..=3).try_for_each(|line| writeln!(log, "line {line}"))
}

fn in_statics(place: &Path) -> io::Result<()> {
    FOLDER.get_or_init(|| tempfile::tempdir_in(place).expect("the place can be written to"));
    let log = BufWriter::new(File::create(place.join("log"))?);
    let log = LOG.get_or_init(|| Mutex::new(log));
    log_three_lines(&mut *log.lock().unwrap_or_else(PoisonError::into_inner))
}

fn in_main(place: &Path) -> io::Result<()> {
    let _folder = tempfile::tempdir_in(place)?;
    let mut log = BufWriter::new(File::create(place.join("log"))?);
    log_three_lines(&mut log)
}

fn main() -> io::Result<()> {
    let words: Vec<String> = env::args().collect();
    match words.get(1..).unwrap_or_default() {
        [kept, place] if kept == "statics" => return in_statics(place.as_ref()),
        [_, place] => return in_main(place.as_ref()),
        _ => {}
    }
    for kept in ["statics", "main"] {
        let place = tempfile::tempdir()?;
        let mut child = Command::new(env::current_exe()?);
        child.arg(kept).arg(place.path()).status()?;
        let lines = fs::read_to_string(place.path().join("log"))?
            .lines()
            .count();
        let folders = fs::read_dir(place.path())?.count() - 1;
        println!("kept in {kept}: folders left {folders}, lines in the log {lines} of 3");
    }
    Ok(())
}
