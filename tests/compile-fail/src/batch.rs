//! A batch: what trybuild prints about many cases, one after the other.

/// The result of a case.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome<'a> {
    /// The compiler refused it in the words of its snapshot, or they were just written.
    Refused,
    /// Nothing refuses it any more: it compiles.
    Compiled,
    /// The compiler refused it in other words, which follow.
    OtherWords(&'a str),
}

/// What `printed` says about the case at `path`, if it was tried.
pub fn outcome<'a>(printed: &'a str, path: &str) -> Option<Outcome<'a>> {
    let head = format!("test {path} ... ");
    let (_, part) = printed.split_once(&head)?;
    let part = part.split("\ntest ui/").next().unwrap_or_default();
    Some(match part.lines().next()? {
        "ok" | "wip" => Outcome::Refused,
        "error" if part.contains("to fail to compile, but it succeeded") => Outcome::Compiled,
        _ => Outcome::OtherWords(part.trim_end()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "\
test ui/a/one.rs ... ok
test ui/a/two.rs ... error
Expected test case to fail to compile, but it succeeded.

test ui/a/three.rs ... mismatch

EXPECTED:
error[E0624]: private
test ui/a/four.rs ... wip
";

    #[test]
    fn each_case_has_its_own_part_of_what_is_printed() {
        let of = |path| outcome(PRINTED, path);
        assert_eq!(of("ui/a/one.rs"), Some(Outcome::Refused));
        assert_eq!(of("ui/a/two.rs"), Some(Outcome::Compiled));
        let words = "mismatch\n\nEXPECTED:\nerror[E0624]: private";
        assert_eq!(of("ui/a/three.rs"), Some(Outcome::OtherWords(words)));
        assert_eq!(of("ui/a/four.rs"), Some(Outcome::Refused));
    }

    #[test]
    fn a_case_that_was_not_tried_has_no_outcome() {
        assert_eq!(outcome(PRINTED, "ui/a/five.rs"), None);
        assert_eq!(outcome("", "ui/a/one.rs"), None);
    }
}
