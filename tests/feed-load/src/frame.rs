//! WebSocket frames (RFC 6455, section 5), read where they lie.
//!
//! `soketto` reads and writes the headers. Its `Connection` would keep buffers for each user; here the
//! frames of thousands of users are read in the one buffer that the socket was read into, and a
//! payload is copied only to take off a mask.

use std::borrow::Cow;

use soketto::Parsing;
pub use soketto::base::OpCode;
use soketto::base::{Codec, Header};
use thiserror::Error;

/// The largest payload that either side of a measurement has reason to send.
pub const LARGEST: usize = 16 * 1024;

/// One whole frame: text, ping, pong or close.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What it is for.
    pub opcode: OpCode,
    /// Borrowed as it arrived; owned only where a mask had to be taken off.
    pub payload: Cow<'a, [u8]>,
}

/// Bytes that no stock feed sends: invalid, binary, fragmented, or larger than [`LARGEST`].
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a frame that a stock feed sends")]
pub struct InvalidFrame;

/// The first frame of `bytes` and the bytes it takes, or `None` while it is incomplete.
///
/// # Errors
/// [`InvalidFrame`] if no continuation can make a frame of these bytes.
pub fn first(bytes: &[u8]) -> Result<Option<(Frame<'_>, usize)>, InvalidFrame> {
    // Nearly all that arrives is a short text without a mask: one byte that says so, and one with the length.
    if let [0x81, length @ ..=125, rest @ ..] = bytes
        && let Some(payload) = rest.get(..usize::from(*length))
    {
        let frame = Frame {
            opcode: OpCode::Text,
            payload: Cow::Borrowed(payload),
        };
        return Ok(Some((frame, 2 + payload.len())));
    }
    let parsed = Codec::new()
        .set_max_data_size(LARGEST)
        .decode_header(bytes)
        .map_err(|_| InvalidFrame)?;
    let Parsing::Done {
        value: header,
        offset,
    } = parsed
    else {
        return Ok(None);
    };
    let opcode = header.opcode();
    if !header.is_fin() || matches!(opcode, OpCode::Binary | OpCode::Continue) {
        return Err(InvalidFrame);
    }
    let end = offset + header.payload_len();
    let Some(payload) = bytes.get(offset..end) else {
        return Ok(None);
    };
    let mut payload = Cow::Borrowed(payload);
    if header.is_masked() && header.mask() != 0 {
        Codec::apply_mask(&header, payload.to_mut());
    }
    Ok(Some((Frame { opcode, payload }, end)))
}

/// Appends a frame as a server sends it.
pub fn from_server(opcode: OpCode, payload: &[u8], into: &mut Vec<u8>) {
    write(opcode, payload, false, into);
}

/// Appends a frame as a user sends it: masked, as the standard demands.
///
/// The key is zero, which a server can't tell from any other. A browser must choose a fresh one
/// to protect the caches on the way; on loopback there are none, and the payload stays readable
/// in a packet capture.
pub fn from_user(opcode: OpCode, payload: &[u8], into: &mut Vec<u8>) {
    write(opcode, payload, true, into);
}

fn write(opcode: OpCode, payload: &[u8], masked: bool, into: &mut Vec<u8>) {
    let mut header = Header::new(opcode);
    header.set_masked(masked).set_payload_len(payload.len());
    into.extend_from_slice(Codec::new().encode_header(&header));
    into.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: fn(OpCode, &[u8], &mut Vec<u8>), payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(OpCode::Text, payload, &mut bytes);
        bytes
    }

    #[test]
    fn what_is_written_is_read_back_at_every_width_of_length() {
        for write in [from_server, from_user] {
            for length in [0, 125, 126, LARGEST] {
                let payload = vec![b'x'; length];
                let bytes = written(write, &payload);
                let (frame, used) = first(&bytes).unwrap().unwrap();
                assert_eq!((frame.opcode, used), (OpCode::Text, bytes.len()));
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
        let hello = b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
        let (frame, used) = first(hello).unwrap().unwrap();
        assert_eq!((&*frame.payload, used), (&b"Hello"[..], 11));
    }

    #[test]
    fn what_no_stock_feed_sends_is_refused() {
        let fragment = &[0x01, 0x00][..];
        let reserved_bit = &[0xC1, 0x00];
        let binary = &[0x82, 0x00];
        let huge = &[0x81, 127, 0, 0, 0, 1, 0, 0, 0, 0];
        for bytes in [fragment, reserved_bit, binary, huge] {
            assert_eq!(first(bytes), Err(InvalidFrame), "{bytes:x?}");
        }
    }
}
