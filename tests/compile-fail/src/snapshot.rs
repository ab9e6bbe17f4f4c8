//! A snapshot: the compiler's own words about a case, in the `.stderr` beside it.
//!
//! trybuild compares the words and does not ask what they say: a snapshot that was taken while a
//! crate could not be found stays green. So the reasons are read out of it.

use std::collections::BTreeSet;

/// An error without a code that no lint explains, a misspelt keyword for instance.
pub const UNEXPLAINED: &str = "an error without a code";

/// The reason that has neither a code nor a lint: a value's type is private, wherever it is named.
pub const PRIVATE_TYPE: &str = "private-type";

/// The reasons that a snapshot gives: codes of errors, and names of lints where there is no code.
pub fn reasons(snapshot: &str) -> BTreeSet<String> {
    let mut reasons = BTreeSet::new();
    let mut lines = snapshot.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(rest) = line.strip_prefix("error") else {
            continue;
        };
        let mut message = String::new();
        while let Some(line) = lines.next_if(|line| !begins_a_message(line)) {
            message.push_str(line);
        }
        let code = rest.strip_prefix('[').and_then(|rest| rest.split_once(']'));
        let without_code = || lint(&message).or_else(|| private_type(rest));
        let reason = code.map(|(code, _)| code).or_else(without_code);
        reasons.insert(reason.unwrap_or(UNEXPLAINED).to_owned());
    }
    reasons
}

fn begins_a_message(line: &str) -> bool {
    line.starts_with("error") || line.starts_with("warning")
}

/// The first lint that the message names as the one that denies or forbids.
fn lint(message: &str) -> Option<&str> {
    let levels = ["[forbid(", "[deny("];
    let found = levels
        .iter()
        .filter_map(|level| message.split_once(level))
        .min_by_key(|(before, _)| before.len());
    let (lint, _) = found?.1.split_once(')')?;
    Some(lint)
}

fn private_type(title: &str) -> Option<&'static str> {
    let says_so = title.starts_with(": type `") && title.ends_with("` is private");
    says_so.then_some(PRIVATE_TYPE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(snapshot: &str) -> Vec<String> {
        reasons(snapshot).into_iter().collect()
    }

    #[test]
    fn a_code_is_the_reason_and_a_warning_is_none() {
        let snapshot = "warning: unused\n\nerror[E0451]: private\n --> a.rs:1:1\n";
        assert_eq!(found(snapshot), ["E0451"]);
    }

    #[test]
    fn a_missing_crate_does_not_hide_behind_another_code() {
        let snapshot = "error[E0433]: cannot find crate\n\nerror[E0624]: private\n";
        assert_eq!(found(snapshot), ["E0433", "E0624"]);
    }

    #[test]
    fn a_lint_is_the_reason_where_there_is_no_code() {
        let forbidden = "error: usage of an `unsafe` block\n6 | #![forbid(unsafe_code)]\n";
        assert_eq!(found(forbidden), ["unsafe_code"]);
        let denied = "error: a\n = note: `#[deny(static_mut_refs)]` (part of `#[deny(all)]`)\n";
        assert_eq!(found(denied), ["static_mut_refs"]);
    }

    #[test]
    fn a_private_type_is_a_reason_of_its_own_although_it_has_no_code() {
        let snapshot = "error[E0451]: a\n\nerror: type `b::C` is private\n --> a.rs:1:1\n";
        assert_eq!(found(snapshot), ["E0451", PRIVATE_TYPE]);
    }

    #[test]
    fn a_lint_of_a_warning_or_of_another_error_explains_nothing() {
        let snapshot = "error: expected `;`\n\nwarning: a\n = note: `#[deny(b)]`\n";
        assert_eq!(found(snapshot), [UNEXPLAINED]);
        assert!(found("").is_empty());
    }
}
