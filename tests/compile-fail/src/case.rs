//! A case: a program that must not compile, and what its first lines say about it.

use std::collections::BTreeSet;
use std::str::FromStr;

use crate::mutation::{BadMutation, Mutation};

/// What a case declares in its first lines.
#[derive(Debug, PartialEq, Eq)]
pub struct Case {
    /// What the program tries, in words.
    pub tried: String,
    /// The error codes, or names of lints, that it must be refused with: these and no others.
    pub reasons: BTreeSet<String>,
    /// What must change, all of it, for the case to compile.
    pub mutations: Vec<Mutation>,
}

/// What is wrong with the first lines of a case.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCase {
    /// No `//~` on the first line, or nothing behind it.
    #[error("the first line does not declare a reason; write for example //~ E0624")]
    NoReason,
    /// One of the three lines that explain the case is missing.
    #[error("no line begins with //! {0}: say it before the program starts")]
    MissingLine(&'static str),
    /// A mutation that cannot be read.
    #[error(transparent)]
    BadMutation(#[from] BadMutation),
}

impl FromStr for Case {
    type Err = BadCase;

    fn from_str(program: &str) -> Result<Self, BadCase> {
        let first = program.lines().next().unwrap_or_default();
        let reasons = first.strip_prefix("//~ ").ok_or(BadCase::NoReason)?;
        let reasons: BTreeSet<String> = reasons.split_whitespace().map(str::to_owned).collect();
        if reasons.is_empty() {
            return Err(BadCase::NoReason);
        }
        for line in ["Tried: ", "Refused: ", "Mutation: "] {
            if header_lines(program, line).next().is_none() {
                return Err(BadCase::MissingLine(line));
            }
        }
        let mutations = header_lines(program, "Mutation: ").map(str::parse);
        let tried = header_lines(program, "Tried: ").next().unwrap_or_default();
        Ok(Self {
            tried: tried.to_owned(),
            reasons,
            mutations: mutations.collect::<Result<_, _>>()?,
        })
    }
}

fn header_lines<'a>(program: &'a str, line: &'a str) -> impl Iterator<Item = &'a str> {
    let header = program.lines().take_while(|text| text.starts_with("//"));
    header.filter_map(move |text| text.strip_prefix("//! ")?.strip_prefix(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str =
        "//~ E0624\n//! Tried: a\n//! Refused: b\n//! Mutation: here: `c` => `d`\n";

    #[test]
    fn a_case_declares_its_reasons_and_its_mutations() {
        let case: Case = HEADER.parse().unwrap();
        assert_eq!(case.tried, "a");
        assert_eq!(case.reasons, ["E0624".to_owned()].into());
        assert_eq!(case.mutations, ["here: `c` => `d`".parse().unwrap()]);
    }

    #[test]
    fn a_case_without_a_declared_reason_is_refused() {
        for first in ["//~ ", "//~", "// E0624", ""] {
            let program = HEADER.replace("//~ E0624", first);
            assert_eq!(program.parse::<Case>(), Err(BadCase::NoReason), "{first}");
        }
    }

    #[test]
    fn a_case_without_one_of_the_three_lines_is_refused() {
        for line in ["Tried: ", "Refused: ", "Mutation: "] {
            let program = HEADER.replace(line, "");
            assert_eq!(program.parse::<Case>(), Err(BadCase::MissingLine(line)));
        }
    }

    #[test]
    fn a_line_below_the_header_declares_nothing() {
        let program = HEADER.replace("//! Mutation", "\n//! Mutation");
        assert_eq!(
            program.parse::<Case>(),
            Err(BadCase::MissingLine("Mutation: "))
        );
    }
}
