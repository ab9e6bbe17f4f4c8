//! Reads what a Redis says: the second version of its protocol, as far as pub/sub needs it.
//!
//! The `redis` crate has a parser for all of the protocol, which builds a tree of owned values for
//! each message; this one borrows, and allocates nothing. With many users a stock that is little
//! beside the writes to their sockets; with one user each it is most of what a message costs:
//! `cargo bench -p pubsub-manager --bench redis` shows both side by side.

use smallvec::SmallVec;

/// A line longer than this is not Redis talking.
const LONGEST_LINE: usize = 64 * 1024;
/// A text longer than this is neither a price nor a channel of ours. It is passed over, so that no
/// publisher can make us hold the 512 MiB that Redis lets a message have.
const LONGEST_TEXT: usize = 64 * 1024;
/// No reply here has more parts than four.
const MOST_PARTS: usize = 16;

/// One reply, borrowed from the bytes it came in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reply<'a> {
    One(Part<'a>),
    Many(Parts<'a>),
}

pub(crate) type Parts<'a> = SmallVec<[Part<'a>; 4]>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    Text(&'a [u8]),
    /// So many bytes, which nobody needs to see.
    TooLong(usize),
    Error(&'a [u8]),
    Integer(u64),
    Nothing,
}

/// What came is not the protocol; after it nothing can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotResp;

/// Reads the first reply and says how many bytes it takes; none if it is not complete yet. A text
/// that is too long is not waited for: then a reply may take more bytes than have come.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<(Reply<'_>, usize)>, NotResp> {
    let mut reader = Reader { bytes, at: 0 };
    let reply = reader.reply()?;
    Ok(reply.map(|reply| (reply, reader.at)))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn reply(&mut self) -> Result<Option<Reply<'a>>, NotResp> {
        if self.bytes.first() != Some(&b'*') {
            return Ok(self.part()?.map(Reply::One));
        }
        let Some(line) = self.line()? else {
            return Ok(None);
        };
        let count = length(&line[1..])?;
        if count > MOST_PARTS {
            return Err(NotResp);
        }
        let mut parts = Parts::new();
        for _ in 0..count {
            let Some(part) = self.part()? else {
                return Ok(None);
            };
            parts.push(part);
        }
        Ok(Some(Reply::Many(parts)))
    }

    fn part(&mut self) -> Result<Option<Part<'a>>, NotResp> {
        let Some(line) = self.line()? else {
            return Ok(None);
        };
        let (kind, rest) = line.split_first().ok_or(NotResp)?;
        Ok(match kind {
            b'+' => Some(Part::Text(rest)),
            b'-' => Some(Part::Error(rest)),
            b':' => Some(Part::Integer(number(rest)?)),
            b'$' if rest == b"-1" => Some(Part::Nothing),
            b'$' => self.bulk(length(rest)?)?,
            _ => return Err(NotResp),
        })
    }

    fn bulk(&mut self, length: usize) -> Result<Option<Part<'a>>, NotResp> {
        let end = self
            .at
            .checked_add(length)
            .and_then(|end| end.checked_add(2))
            .ok_or(NotResp)?;
        if length > LONGEST_TEXT {
            self.at = end;
            return Ok(Some(Part::TooLong(length)));
        }
        let Some(bulk) = self.bytes.get(self.at..end) else {
            return Ok(None);
        };
        self.at = end;
        let text = bulk.strip_suffix(b"\r\n").ok_or(NotResp)?;
        Ok(Some(Part::Text(text)))
    }

    fn line(&mut self) -> Result<Option<&'a [u8]>, NotResp> {
        // What was passed over may end where nothing has come yet.
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        match rest.iter().position(|byte| *byte == b'\n') {
            Some(end) => {
                self.at += end + 1;
                rest[..end].strip_suffix(b"\r").map(Some).ok_or(NotResp)
            }
            None if rest.len() > LONGEST_LINE => Err(NotResp),
            None => Ok(None),
        }
    }
}

fn number(digits: &[u8]) -> Result<u64, NotResp> {
    str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or(NotResp)
}

fn length(digits: &[u8]) -> Result<usize, NotResp> {
    usize::try_from(number(digits)?).map_err(|_| NotResp)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &[u8] = b"*3\r\n$7\r\nmessage\r\n$4\r\nAPPL\r\n$6\r\n100.01\r\n";

    #[test]
    fn a_message_is_read_without_being_copied() {
        let (reply, used) = read(MESSAGE).unwrap().unwrap();
        let parts = [
            Part::Text(b"message"),
            Part::Text(b"APPL"),
            Part::Text(b"100.01"),
        ];
        assert_eq!(reply, Reply::Many(Parts::from_slice(&parts)));
        assert_eq!(used, MESSAGE.len());
    }

    #[test]
    fn a_reply_that_is_not_complete_is_waited_for_wherever_it_was_cut() {
        for cut in 0..MESSAGE.len() {
            assert_eq!(read(&MESSAGE[..cut]), Ok(None), "cut at {cut}");
        }
    }

    #[test]
    fn the_next_reply_is_left_alone() {
        let (reply, used) = read(b":3\r\n+OK\r\n").unwrap().unwrap();
        assert_eq!((reply, used), (Reply::One(Part::Integer(3)), 4));
        assert_eq!(
            read(b"$-1\r\n").unwrap().unwrap().0,
            Reply::One(Part::Nothing)
        );
        let refused = b"-NOPERM this user has no permissions\r\n";
        let text = &refused[1..refused.len() - 2];
        assert_eq!(
            read(refused).unwrap().unwrap().0,
            Reply::One(Part::Error(text))
        );
    }

    #[test]
    fn a_text_that_is_too_long_is_known_before_it_has_come() {
        let reply = b"*3\r\n$7\r\nmessage\r\n$4\r\nAPPL\r\n$536870912\r\n999";
        let (Reply::Many(parts), used) = read(reply).unwrap().unwrap() else {
            panic!("it has three parts");
        };
        assert_eq!(parts[2], Part::TooLong(512 << 20));
        assert_eq!(used, reply.len() - 3 + (512 << 20) + 2);
        assert_eq!(
            read(b"*2\r\n$65537\r\n99"),
            Ok(None),
            "a part is to come behind it"
        );
    }

    #[test]
    fn what_is_no_redis_is_told_apart_from_one_that_is_slow() {
        let bad: [&[u8]; 7] = [
            b"HTTP/1.1 400 Bad Request\r\n",
            b"*99999999999\r\n",
            b"$18446744073709551615\r\n",
            b":x\r\n",
            b"\r\n",
            b"+OK\n",
            b"$1\r\nabc",
        ];
        for bytes in bad {
            assert_eq!(
                read(bytes),
                Err(NotResp),
                "{:?}",
                String::from_utf8_lossy(bytes)
            );
        }
        assert_eq!(read(&[b'+'; LONGEST_LINE + 2]), Err(NotResp));
    }
}
