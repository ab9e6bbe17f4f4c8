//! A door: the change of a few letters that keeps a case out, or lets it in.
//!
//! A case may be refused for a reason nobody thought of, a misspelt name for instance. That its
//! own door, and nothing else, makes it compile is what shows that the door keeps it out.

use std::str::FromStr;

/// One textual change to one file.
#[derive(Debug, PartialEq, Eq)]
pub struct Door {
    /// A file of the crate's `src/`, or `here` for the case itself.
    pub place: String,
    closed: String,
    open: String,
}

/// Why a door cannot be read, or cannot be opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDoor {
    /// It is not written as a door is.
    #[error("cannot read the door {0:?}; write it as  game_manager.rs: `closed` => `open`")]
    NotADoor(String),
    /// The file has changed, and the door with it.
    #[error(
        "the door says {closed:?}, which stands {times} times in {place}; it must stand there once"
    )]
    NotThere {
        /// The file to look at.
        place: String,
        /// What was looked for.
        closed: String,
        /// How often it was found.
        times: usize,
    },
    /// The crate itself lets the case in.
    #[error("the door stands open: {place} says {open:?}, so the case is not refused at all")]
    StandsOpen {
        /// The file to look at.
        place: String,
        /// What should not be there.
        open: String,
    },
}

impl Door {
    /// `program` with this door open.
    ///
    /// Lines that begin with `//!` stay as they are: a case's first lines quote its door.
    ///
    /// # Errors
    /// [`BadDoor::StandsOpen`] if there is nothing to change, and [`BadDoor::NotThere`] unless what
    /// is to be changed stands there just once.
    pub fn open(&self, program: &str) -> Result<String, BadDoor> {
        let code = || program.lines().filter(|line| !line.starts_with("//!"));
        if !self.open.is_empty() && code().any(|line| line.contains(&self.open)) {
            return Err(BadDoor::StandsOpen {
                place: self.place.clone(),
                open: self.open.clone(),
            });
        }
        let times = code().map(|line| line.matches(&self.closed).count()).sum();
        if times != 1 {
            return Err(BadDoor::NotThere {
                place: self.place.clone(),
                closed: self.closed.clone(),
                times,
            });
        }
        let opened = program.lines().map(|line| match line.starts_with("//!") {
            true => line.to_owned() + "\n",
            false => line.replace(&self.closed, &self.open) + "\n",
        });
        Ok(opened.collect())
    }
}

impl FromStr for Door {
    type Err = BadDoor;

    fn from_str(text: &str) -> Result<Self, BadDoor> {
        let parts = || {
            let (place, change) = text.split_once(": `")?;
            let (closed, open) = change.strip_suffix('`')?.split_once("` => `")?;
            Some(Self {
                place: place.to_owned(),
                closed: closed.to_owned(),
                open: open.to_owned(),
            })
        };
        let door = parts().filter(|door| !door.closed.is_empty());
        door.ok_or_else(|| BadDoor::NotADoor(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_door_is_a_changed_program() {
        let door: Door = "game_manager.rs: `fn new()` => `pub fn new()`"
            .parse()
            .unwrap();
        assert_eq!(door.place, "game_manager.rs");
        assert_eq!(door.open("a\nfn new() {}").unwrap(), "a\npub fn new() {}\n");
    }

    #[test]
    fn a_door_is_not_opened_in_the_lines_that_quote_it() {
        let door: Door = "here: `a` => ``".parse().unwrap();
        let case = "//! Door: here: `a` => ``\na\n";
        assert_eq!(door.open(case).unwrap(), "//! Door: here: `a` => ``\n\n");
    }

    #[test]
    fn a_door_that_is_gone_or_stands_twice_is_an_error_that_names_its_file() {
        let door: Door = "lib.rs: `a` => `b`".parse().unwrap();
        for (program, times) in [("c", 0), ("a a", 2), ("a\na", 2), ("//! a", 0)] {
            let error = door.open(program).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "the door says \"a\", which stands {times} times in lib.rs; it must stand there once"
                )
            );
        }
    }

    #[test]
    fn a_door_that_stands_open_already_is_an_error() {
        let door: Door = "a.rs: `fn new()` => `pub fn new()`".parse().unwrap();
        let error = door.open("pub fn new() {}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the door stands open: a.rs says \"pub fn new()\", so the case is not refused at all"
        );
    }

    #[test]
    fn what_is_not_written_as_a_door_is_none() {
        for text in ["", "here", "here: a => b", "here: `a`", "here: `` => `b`"] {
            assert_eq!(
                text.parse::<Door>(),
                Err(BadDoor::NotADoor(text.to_owned()))
            );
        }
    }
}
