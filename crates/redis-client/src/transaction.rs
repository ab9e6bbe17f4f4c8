//! What the answers to a transaction say that stores the last messages of channels and publishes all.

use redis::{RedisError, Value};

/// The answer to one command.
pub(crate) type Answer = Result<Value, RedisError>;

/// The answers to the messages, and why nothing was stored if it was not. `answers` are those to MULTI, this
/// many SETs, the messages, and EXEC.
///
/// # Errors
/// Nothing was executed, and the first command that was refused says why.
pub(crate) fn executed(
    mut answers: Vec<Answer>,
    sets: usize,
) -> Result<(Vec<Answer>, Option<RedisError>), Option<RedisError>> {
    let executed = answers.pop();
    match (answers.first(), executed) {
        // Where an ACL forbids MULTI, each command was executed by itself. Sent again, the messages would be
        // published twice.
        (Some(Err(error)), _) if error.code() == Some("NOPERM") => {
            let error = error.clone();
            Ok((answers.into_iter().skip(1 + sets).collect(), Some(error)))
        }
        (_, Some(Ok(Value::Array(results)))) => {
            let results = results.into_iter().skip(sets);
            Ok((results.map(Value::extract_error).collect(), None))
        }
        (_, executed) => Err(answers.into_iter().chain(executed).find_map(Result::err)),
    }
}
