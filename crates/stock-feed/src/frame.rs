//! WebSocket frames ([RFC 6455]) without a buffer for each user.
//!
//! `soketto` parses and checks each frame's header; this file adds what is above a frame: fragments
//! become messages, text is UTF-8, a violation has its close code. The usual WebSocket libraries keep a
//! read buffer for every connection, although an idle user has nothing in it. Here bytes are parsed where
//! they were read, on the reader's stack, and only an incomplete frame or message is kept, until the rest
//! of it arrives.
//!
//! [RFC 6455]: https://www.rfc-editor.org/rfc/rfc6455

use std::ops::ControlFlow;

use soketto::Parsing;
use soketto::base::{Codec, Error, Header, OpCode};

/// A whole message from a user; its fragments are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientMessage<'a> {
    /// A text message, which should be JSON.
    Text(&'a str),
    /// A ping, to be answered with a pong that has the same bytes.
    Ping(&'a [u8]),
    /// The answer to a ping of ours.
    Pong,
    /// The user closes, with a code if it sent one.
    Close(Option<u16>),
}

/// Why a user's connection is closed. Each has its close code in RFC 6455, section 7.4.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProtocolError {
    /// A frame that breaks the protocol.
    #[error("a frame that is not RFC 6455")]
    Protocol,
    /// A binary message: this feed speaks text only.
    #[error("binary frames are not supported, send text")]
    Binary,
    /// Text that is not UTF-8.
    #[error("text must be utf-8")]
    NotUtf8,
    /// A frame, or all fragments of a message together, exceed the limit.
    #[error("the message is too big")]
    TooBig,
}

impl ProtocolError {
    /// The close code for it.
    pub fn code(self) -> CloseCode {
        match self {
            Self::Protocol => CloseCode::Protocol,
            Self::Binary => CloseCode::Unsupported,
            Self::NotUtf8 => CloseCode::Invalid,
            Self::TooBig => CloseCode::TooBig,
        }
    }
}

impl From<Error> for ProtocolError {
    fn from(error: Error) -> Self {
        match error {
            Error::PayloadTooLarge { .. } => Self::TooBig,
            _ => Self::Protocol,
        }
    }
}

/// The close codes that this server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// In answer to a user's close frame.
    Normal = 1000,
    /// The user broke the protocol.
    Protocol = 1002,
    /// The user sent binary.
    Unsupported = 1003,
    /// The user sent text that is not UTF-8.
    Invalid = 1007,
    /// The user sent more than the limit.
    TooBig = 1009,
    /// This server ends: reconnect, to another one of the fleet.
    Restart = 1012,
}

/// Puts frames together into messages, and keeps nothing for a user who has sent no half of one.
#[derive(Debug, Default)]
pub struct MessageReader {
    /// Boxed, so that an idle user pays for one pointer, and not for two empty vectors of three words each.
    /// Only the user's own task touches it.
    unfinished: Option<Box<Unfinished>>,
}

#[derive(Debug, Default)]
struct Unfinished {
    /// The start of a frame whose end has not arrived, still masked.
    frame: Vec<u8>,
    /// The fragments that have arrived of a message whose last one has not. None between messages; an
    /// empty fragment is `Some`, because a continuation may follow it.
    message: Option<Vec<u8>>,
}

impl MessageReader {
    /// Takes bytes as they were read from the socket (they are unmasked in place) and passes every
    /// message that they complete to `on_message`, until that breaks or a close frame ends it.
    ///
    /// Between two calls no more is kept than `limit` bytes of fragments, one frame (`limit` bytes and a
    /// header), and the bytes of one read.
    ///
    /// # Errors
    /// The first violation of the protocol. The connection has to end with its code: where
    /// the next frame begins is unknown from then on.
    pub fn read(
        &mut self,
        bytes: &mut [u8],
        limit: usize,
        mut on_message: impl FnMut(ClientMessage<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ProtocolError> {
        // The usual case: nothing is left from the last read, and nothing is left after this one, so
        // nothing is allocated.
        let Some(mut unfinished) = self.unfinished.take() else {
            let mut unfinished = Unfinished::default();
            let (used, flow) = unfinished.parse(bytes, limit, &mut on_message)?;
            if used < bytes.len() || unfinished.message.is_some() {
                unfinished.frame = bytes[used..].to_vec();
                self.unfinished = Some(Box::new(unfinished));
            }
            return Ok(flow);
        };
        let mut joined = std::mem::take(&mut unfinished.frame);
        joined.extend_from_slice(bytes);
        let (used, flow) = unfinished.parse(&mut joined, limit, &mut on_message)?;
        unfinished.frame = match used {
            // Nothing is copied while a frame grows. Copied at each read, a frame of a megabyte that came
            // in small pieces took time in proportion to the square of its length.
            0 => joined,
            // Copied into a vector of its own size: `joined` has the capacity of a whole frame, and the user
            // may be idle from here on.
            _ => joined[used..].to_vec(),
        };
        if !unfinished.frame.is_empty() || unfinished.message.is_some() {
            self.unfinished = Some(unfinished);
        }
        Ok(flow)
    }
}

impl Unfinished {
    /// Reads every whole frame in `bytes`; returns how many bytes those have.
    fn parse(
        &mut self,
        bytes: &mut [u8],
        limit: usize,
        on_message: &mut impl FnMut(ClientMessage<'_>) -> ControlFlow<()>,
    ) -> Result<(usize, ControlFlow<()>), ProtocolError> {
        // A new codec for each read: it keeps nothing between frames. It checks the length in a header against
        // the limit before any of the payload has arrived, so a user that announces a terabyte is closed.
        let mut codec = Codec::new();
        codec.set_max_data_size(limit);
        let mut used = 0;
        while let Parsing::Done { value, offset } = codec.decode_header(&bytes[used..])? {
            // Section 5.1: a server must not accept an unmasked frame. The mask keeps a page's script from
            // writing bytes of its choice to a proxy, which could take them for an HTTP request.
            if !value.is_masked() {
                return Err(ProtocolError::Protocol);
            }
            // By the header alone: a megabyte of binary would be buffered first, and refused then.
            if value.opcode() == OpCode::Binary {
                return Err(ProtocolError::Binary);
            }
            let start = used + offset;
            let Some(payload) = bytes.get_mut(start..start + value.payload_len()) else {
                // The rest of this frame has not arrived. It is not unmasked before: that changes the bytes,
                // and the next call would unmask them again.
                break;
            };
            Codec::apply_mask(&value, payload);
            used = start + payload.len();
            let flow = self.frame(&value, payload, limit, on_message)?;
            if flow.is_break() {
                return Ok((used, flow));
            }
        }
        Ok((used, ControlFlow::Continue(())))
    }

    fn frame(
        &mut self,
        header: &Header,
        payload: &[u8],
        limit: usize,
        on_message: &mut impl FnMut(ClientMessage<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ProtocolError> {
        match (header.opcode(), self.message.take()) {
            // A control frame may be between two fragments (section 5.4): browsers answer our pings in the
            // middle of a long message. The fragments stay.
            (OpCode::Ping | OpCode::Pong | OpCode::Close, message) => {
                self.message = message;
                control(header.opcode(), payload, on_message)
            }
            (OpCode::Text, None) if header.is_fin() => text(payload, on_message),
            (OpCode::Text, None) => {
                self.message = Some(payload.to_vec());
                Ok(ControlFlow::Continue(()))
            }
            (OpCode::Continue, Some(mut message)) => {
                // Each frame is within the limit, so without this check a message of many fragments could fill
                // the server's memory.
                if message.len() + payload.len() > limit {
                    return Err(ProtocolError::TooBig);
                }
                message.extend_from_slice(payload);
                if header.is_fin() {
                    return text(&message, on_message);
                }
                self.message = Some(message);
                Ok(ControlFlow::Continue(()))
            }
            // A new message within an unfinished one, or the continuation of none.
            _ => Err(ProtocolError::Protocol),
        }
    }
}

fn text(
    payload: &[u8],
    on_message: &mut impl FnMut(ClientMessage<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, ProtocolError> {
    let text = std::str::from_utf8(payload).map_err(|_| ProtocolError::NotUtf8)?;
    Ok(on_message(ClientMessage::Text(text)))
}

fn control(
    opcode: OpCode,
    payload: &[u8],
    on_message: &mut impl FnMut(ClientMessage<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, ProtocolError> {
    match opcode {
        OpCode::Ping => Ok(on_message(ClientMessage::Ping(payload))),
        OpCode::Pong => Ok(on_message(ClientMessage::Pong)),
        _ => {
            // The code is checked although nobody uses it: an invalid one is a violation (section 7.4), which
            // conformance tests look for, and is answered with 1002.
            let code = close_code(payload)?;
            // Section 5.5.1: nothing may follow a close frame, so nothing is read after it.
            let _ = on_message(ClientMessage::Close(code));
            Ok(ControlFlow::Break(()))
        }
    }
}

fn close_code(payload: &[u8]) -> Result<Option<u16>, ProtocolError> {
    let (code, reason) = match payload {
        [] => return Ok(None),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
        [_] => return Err(ProtocolError::Protocol),
    };
    // Section 7.4: 1004 to 1006 and 1015 are never sent, and below 3000 only registered codes are.
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(ProtocolError::Protocol);
    }
    std::str::from_utf8(reason).map_err(|_| ProtocolError::NotUtf8)?;
    Ok(Some(code))
}

/// Appends one text frame around what `payload` writes.
pub fn text_frame(into: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    frame(OpCode::Text, into, payload);
}

/// Appends a ping frame without a payload: any bytes from the user are an answer.
pub fn ping_frame(into: &mut Vec<u8>) {
    frame(OpCode::Ping, into, |_| ());
}

/// Appends the pong that answers a ping with these bytes.
pub fn pong_frame(into: &mut Vec<u8>, ping: &[u8]) {
    frame(OpCode::Pong, into, |into| into.extend_from_slice(ping));
}

/// Appends a close frame with a code and the reason in words (at most 123 bytes of it).
pub fn close_frame(into: &mut Vec<u8>, code: CloseCode, reason: &str) {
    frame(OpCode::Close, into, |into| {
        into.extend_from_slice(&(code as u16).to_be_bytes());
        into.extend_from_slice(&reason.as_bytes()[..reason.floor_char_boundary(123)]);
    });
}

fn frame(opcode: OpCode, into: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = into.len();
    payload(into);
    let mut header = Header::new(opcode);
    header.set_payload_len(into.len() - start);
    // The length comes before the payload and is known after it. Moving a hundred bytes by two costs less
    // than writing them to a second buffer first.
    let mut codec = Codec::new();
    into.splice(start..start, codec.encode_header(&header).iter().copied());
}

#[cfg(test)]
mod tests;
