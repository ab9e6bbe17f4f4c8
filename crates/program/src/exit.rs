//! The last line of a program that failed, and its exit code.

use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::iter;
use std::process::ExitCode;

/// An error that the user can correct: a file of the wrong kind, an invalid address. [`report`] ends with code 2 for it, as clap does for an unknown flag.
#[derive(Debug)]
pub struct BadInput(Box<dyn Error + Send + Sync>);

impl BadInput {
    /// Marks an error as one of the user's input.
    pub fn new(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

impl fmt::Display for BadInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for BadInput {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// Prints on stderr why the program `name` ends, with all causes on one line, and returns its exit code:
/// 2 if one of the causes is [`BadInput`], otherwise 1.
///
/// If a cause is a broken pipe, nothing is printed and the code is 0: the reader of the output has seen
/// enough, as with `| head -1`.
pub fn report(name: &str, error: &(dyn Error + 'static)) -> ExitCode {
    let causes = || iter::successors(Some(error), |&error| error.source());
    let is_broken_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    if causes()
        .filter_map(|cause| cause.downcast_ref())
        .any(is_broken_pipe)
    {
        return ExitCode::SUCCESS;
    }
    let text: Vec<String> = causes().map(ToString::to_string).collect();
    // If stderr is closed, nobody can read the reason; the exit code still says that it failed.
    let _ = writeln!(io::stderr(), "{name}: {}", text.join(": "));
    match causes().any(|cause| cause.is::<BadInput>()) {
        true => ExitCode::from(2),
        false => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with a cause, as anyhow's context makes one.
    #[derive(Debug)]
    struct While<E>(E);

    impl<E> fmt::Display for While<E> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("cannot read the games")
        }
    }

    impl<E: Error + 'static> Error for While<E> {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    fn code(error: &(dyn Error + 'static)) -> String {
        format!("{:?}", report("test", error))
    }

    #[test]
    fn bad_input_is_code_2_a_failure_1_and_a_reader_who_has_seen_enough_0() {
        let is = |error: &(dyn Error + 'static), expected: ExitCode| {
            assert_eq!(code(error), format!("{expected:?}"), "{error:?}");
        };
        is(&io::Error::other("disk full"), ExitCode::FAILURE);
        is(&BadInput::new("no such file"), ExitCode::from(2));
        is(&While(BadInput::new("no such file")), ExitCode::from(2));
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        is(&gone(), ExitCode::SUCCESS);
        is(&While(gone()), ExitCode::SUCCESS);
        is(&While(BadInput::new(gone())), ExitCode::from(2));
    }

    #[test]
    fn an_error_marked_as_bad_input_is_printed_once() {
        let marked = BadInput::new(While(io::Error::other("disk full")));
        assert_eq!(marked.to_string(), "cannot read the games");
        assert_eq!(marked.source().unwrap().to_string(), "disk full");
    }
}
