//! A mutation: the small change of a text that makes a case compile.
//!
//! A case may be refused for a reason that nobody expects, a misspelt name for instance. If its mutation,
//! and nothing else, makes it compile, then the text that the mutation changes is what refuses it.

use std::str::FromStr;

/// One textual change to one file.
#[derive(Debug, PartialEq, Eq)]
pub struct Mutation {
    /// A file of the crate's `src/`, or `here` for the case itself.
    pub place: String,
    original: String,
    replacement: String,
}

/// Why a mutation cannot be read, or cannot be applied.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadMutation {
    /// A file, an original or a replacement is missing.
    #[error(
        "cannot read the mutation {0:?}; write it as  game_manager.rs: `original` => `replacement`"
    )]
    Unreadable(String),
    /// The file has changed, and the mutation must be changed too.
    #[error(
        "the mutation changes {original:?}, which is {times} times in {place}; it must be there once"
    )]
    NotOnce {
        /// The file to look at.
        place: String,
        /// The text that the mutation changes.
        original: String,
        /// How often it was found.
        times: usize,
    },
    /// The crate already has the replacement.
    #[error(
        "the mutation is applied already: {place} has {replacement:?}, so the case is not refused"
    )]
    AlreadyApplied {
        /// The file to look at.
        place: String,
        /// The text that should not be there.
        replacement: String,
    },
}

impl Mutation {
    /// `program` with this mutation applied.
    ///
    /// Lines that begin with `//!` stay as they are: a case's first lines quote its mutation.
    ///
    /// # Errors
    /// [`BadMutation::AlreadyApplied`] if there is nothing to change, and [`BadMutation::NotOnce`] unless the
    /// original is there exactly once.
    pub fn apply(&self, program: &str) -> Result<String, BadMutation> {
        let code = || program.lines().filter(|line| !line.starts_with("//!"));
        if !self.replacement.is_empty() && code().any(|line| line.contains(&self.replacement)) {
            return Err(BadMutation::AlreadyApplied {
                place: self.place.clone(),
                replacement: self.replacement.clone(),
            });
        }
        let times = code()
            .map(|line| line.matches(&self.original).count())
            .sum();
        if times != 1 {
            return Err(BadMutation::NotOnce {
                place: self.place.clone(),
                original: self.original.clone(),
                times,
            });
        }
        let mutated = program.lines().map(|line| match line.starts_with("//!") {
            true => line.to_owned() + "\n",
            false => line.replace(&self.original, &self.replacement) + "\n",
        });
        Ok(mutated.collect())
    }
}

impl FromStr for Mutation {
    type Err = BadMutation;

    fn from_str(text: &str) -> Result<Self, BadMutation> {
        let parts = || {
            let (place, change) = text.split_once(": `")?;
            let (original, replacement) = change.strip_suffix('`')?.split_once("` => `")?;
            Some(Self {
                place: place.to_owned(),
                original: original.to_owned(),
                replacement: replacement.to_owned(),
            })
        };
        let mutation = parts().filter(|mutation| !mutation.original.is_empty());
        mutation.ok_or_else(|| BadMutation::Unreadable(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutation_changes_a_program() {
        let mutation: Mutation = "game_manager.rs: `fn new()` => `pub fn new()`"
            .parse()
            .unwrap();
        assert_eq!(mutation.place, "game_manager.rs");
        assert_eq!(
            mutation.apply("a\nfn new() {}").unwrap(),
            "a\npub fn new() {}\n"
        );
    }

    #[test]
    fn a_mutation_is_not_applied_to_the_lines_that_quote_it() {
        let mutation: Mutation = "here: `a` => ``".parse().unwrap();
        let case = "//! Mutation: here: `a` => ``\na\n";
        assert_eq!(
            mutation.apply(case).unwrap(),
            "//! Mutation: here: `a` => ``\n\n"
        );
    }

    #[test]
    fn a_mutation_of_a_text_that_is_missing_or_repeated_is_an_error_that_names_the_file() {
        let mutation: Mutation = "lib.rs: `a` => `b`".parse().unwrap();
        for (program, times) in [("c", 0), ("a a", 2), ("a\na", 2), ("//! a", 0)] {
            let error = mutation.apply(program).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!(
                    "the mutation changes \"a\", which is {times} times in lib.rs; it must be there once"
                )
            );
        }
    }

    #[test]
    fn a_mutation_that_is_applied_already_is_an_error() {
        let mutation: Mutation = "a.rs: `fn new()` => `pub fn new()`".parse().unwrap();
        let error = mutation.apply("pub fn new() {}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the mutation is applied already: a.rs has \"pub fn new()\", so the case is not refused"
        );
    }

    #[test]
    fn a_text_without_the_parts_of_a_mutation_is_unreadable() {
        for text in ["", "here", "here: a => b", "here: `a`", "here: `` => `b`"] {
            assert_eq!(
                text.parse::<Mutation>(),
                Err(BadMutation::Unreadable(text.to_owned()))
            );
        }
    }
}
