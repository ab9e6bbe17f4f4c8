//! WebSocket frames, read where they lie and written without ceremony (RFC 6455, section 5).
//!
//! A yardstick must cost less than what it measures. So the frames of thousands of users are
//! read in the one buffer that the socket was read into, and nothing is copied unless it is
//! masked, which only the frames of our own users are.

use std::borrow::Cow;

use thiserror::Error;

/// The largest payload that either side of a measurement has reason to send.
pub const LARGEST: usize = 16 * 1024;

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A whole text message.
    Text = 0x1,
    /// The connection ends.
    Close = 0x8,
    /// Asks for a pong with the same payload.
    Ping = 0x9,
    /// Answers a ping.
    Pong = 0xA,
}

/// One whole frame.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is for.
    pub kind: Kind,
    /// Borrowed as it arrived; owned only where a mask had to be taken off.
    pub payload: Cow<'a, [u8]>,
}

/// Why bytes are not frames that a stock feed would send.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NotAFrame {
    /// A message in several frames, which no stock feed needs.
    #[error("a fragmented message")]
    Fragmented,
    /// An extension that nobody negotiated.
    #[error("a reserved bit is set")]
    Reserved,
    /// Binary, or an opcode that RFC 6455 does not know.
    #[error("opcode {0:#x}")]
    Opcode(u8),
    /// Larger than [`LARGEST`].
    #[error("a frame of {0} bytes")]
    TooLarge(u64),
}

/// The first frame of `bytes` and the bytes it takes, or `None` while it is incomplete.
///
/// # Errors
/// [`NotAFrame`] if no continuation can make a frame of these bytes.
pub fn first(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, NotAFrame> {
    let [head, length, ..] = *bytes else {
        return Ok(None);
    };
    let kind = kind(head)?;
    let (length, mut at) = match length & 0x7F {
        126 => match bytes.get(2..4) {
            Some(wide) => (u64::from(u16::from_be_bytes([wide[0], wide[1]])), 4),
            None => return Ok(None),
        },
        127 => match bytes.get(2..10).and_then(|wide| wide.try_into().ok()) {
            Some(wide) => (u64::from_be_bytes(wide), 10),
            None => return Ok(None),
        },
        short => (u64::from(short), 2),
    };
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= LARGEST)
        .ok_or(NotAFrame::TooLarge(length))?;
    let mask = if bytes[1] & 0x80 == 0 {
        None
    } else {
        let Some(mask) = bytes.get(at..at + 4) else {
            return Ok(None);
        };
        at += 4;
        Some([mask[0], mask[1], mask[2], mask[3]])
    };
    let Some(payload) = bytes.get(at..at + length) else {
        return Ok(None);
    };
    let payload = match mask {
        None | Some([0, 0, 0, 0]) => Cow::Borrowed(payload),
        Some(mask) => Cow::Owned(
            payload
                .iter()
                .zip(mask.iter().cycle())
                .map(|(byte, mask)| byte ^ mask)
                .collect(),
        ),
    };
    Ok(Some((Frame { kind, payload }, at + length)))
}

fn kind(head: u8) -> Result<Kind, NotAFrame> {
    if head & 0x70 != 0 {
        return Err(NotAFrame::Reserved);
    }
    match head & 0x0F {
        _ if head & 0x80 == 0 => Err(NotAFrame::Fragmented),
        0x1 => Ok(Kind::Text),
        0x8 => Ok(Kind::Close),
        0x9 => Ok(Kind::Ping),
        0xA => Ok(Kind::Pong),
        other => Err(NotAFrame::Opcode(other)),
    }
}

/// Appends a frame as a server sends it.
pub fn from_server(kind: Kind, payload: &[u8], into: &mut Vec<u8>) {
    head(kind, payload.len(), 0, into);
    into.extend_from_slice(payload);
}

/// Appends a frame as a user sends it: masked, as the standard demands.
///
/// The key is zero, which a server can't tell from any other. A browser must choose a fresh one
/// to protect the caches on the way; on loopback there are none, and the payload stays readable
/// in a packet capture.
pub fn from_user(kind: Kind, payload: &[u8], into: &mut Vec<u8>) {
    head(kind, payload.len(), 0x80, into);
    into.extend_from_slice(&[0; 4]);
    into.extend_from_slice(payload);
}

fn head(kind: Kind, length: usize, masked: u8, into: &mut Vec<u8>) {
    assert!(length <= LARGEST, "we never write more than we would read");
    into.push(0x80 | kind as u8);
    match u8::try_from(length) {
        Ok(short @ 0..=125) => into.push(masked | short),
        _ => {
            into.push(masked | 126);
            // LARGEST fits 16 bits, so the 64-bit length is never needed here.
            into.extend_from_slice(&(length as u16).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: fn(Kind, &[u8], &mut Vec<u8>), payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(Kind::Text, payload, &mut bytes);
        bytes
    }

    #[test]
    fn what_is_written_is_read_back_at_every_width_of_length() {
        for write in [from_server, from_user] {
            for length in [0, 1, 125, 126, 127, 255, 256, 4096, LARGEST] {
                let payload = vec![b'x'; length];
                let bytes = written(write, &payload);
                let (frame, used) = first(&bytes).unwrap().unwrap();
                assert_eq!((frame.kind, used), (Kind::Text, bytes.len()));
                assert_eq!(frame.payload, payload);
            }
        }
    }

    #[test]
    fn a_frame_cut_anywhere_is_waited_for_and_never_misread() {
        for write in [from_server, from_user] {
            let bytes = written(write, &[b'x'; 300]);
            for cut in 0..bytes.len() {
                assert_eq!(first(&bytes[..cut]), Ok(None), "cut at {cut}");
            }
        }
    }

    #[test]
    fn the_example_of_rfc_6455_is_unmasked() {
        let hello = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        let (frame, used) = first(&hello).unwrap().unwrap();
        assert_eq!((&*frame.payload, used), (&b"Hello"[..], 11));
    }

    #[test]
    fn two_frames_in_one_read_are_two_frames() {
        let mut bytes = written(from_server, b"one");
        from_server(Kind::Ping, b"two", &mut bytes);
        let (frame, used) = first(&bytes).unwrap().unwrap();
        assert_eq!(&*frame.payload, b"one");
        let (frame, _) = first(&bytes[used..]).unwrap().unwrap();
        assert_eq!((frame.kind, &*frame.payload), (Kind::Ping, &b"two"[..]));
    }

    #[test]
    fn what_no_stock_feed_sends_is_refused_by_name() {
        assert_eq!(first(&[0x01, 0x00]), Err(NotAFrame::Fragmented));
        assert_eq!(first(&[0xC1, 0x00]), Err(NotAFrame::Reserved));
        assert_eq!(first(&[0x82, 0x00]), Err(NotAFrame::Opcode(2)));
        let huge = [0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0];
        assert_eq!(first(&huge), Err(NotAFrame::TooLarge(1 << 32)));
    }
}
