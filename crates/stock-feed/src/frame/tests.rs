use proptest::prelude::*;

use super::*;

/// What a reader read, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Received {
    Text(String),
    Ping(Vec<u8>),
    Pong,
    Close(Option<u16>),
}

fn own(message: ClientMessage<'_>) -> Received {
    match message {
        ClientMessage::Text(text) => Received::Text(text.to_owned()),
        ClientMessage::Ping(bytes) => Received::Ping(bytes.to_vec()),
        ClientMessage::Pong => Received::Pong,
        ClientMessage::Close(code) => Received::Close(code),
    }
}

const LIMIT: usize = 4096;
const FIN: u8 = 0x80;
const CONTINUE: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// A client's frame, written from the picture in RFC 6455, section 5.2, by hand, so that these
/// tests do not ask the library under test what a frame looks like.
fn client_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        short @ 0..=125 => frame.push(0x80 | short as u8),
        medium @ 126..=0xFFFF => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    frame.extend_from_slice(&mask);
    frame.extend(
        payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    frame
}

/// Feeds the bytes in reads of the given size.
fn read_all(bytes: &[u8], read: usize) -> (Vec<Received>, Result<(), ProtocolError>) {
    let mut reader = MessageReader::default();
    let mut received = Vec::new();
    for chunk in bytes.chunks(read.max(1)) {
        let flow = reader.read(&mut chunk.to_vec(), LIMIT, |message| {
            received.push(own(message));
            ControlFlow::Continue(())
        });
        match flow {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => return (received, Ok(())),
            Err(fault) => return (received, Err(fault)),
        }
    }
    (received, Ok(()))
}

fn fault(bytes: &[u8]) -> ProtocolError {
    read_all(bytes, usize::MAX).1.expect_err("a violation")
}

#[test]
fn a_text_message_is_received() {
    let (received, _) = read_all(&client_frame(FIN | TEXT, b"hello"), usize::MAX);
    assert_eq!(received, [Received::Text("hello".into())]);
}

#[test]
fn fragments_are_one_message_and_a_ping_may_stand_between_them() {
    let bytes = [
        client_frame(TEXT, b"hel"),
        client_frame(FIN | PING, b"?"),
        client_frame(CONTINUE, b"l"),
        client_frame(FIN | CONTINUE, b"o"),
    ]
    .concat();
    let (received, end) = read_all(&bytes, usize::MAX);
    assert_eq!(
        received,
        [
            Received::Ping(b"?".to_vec()),
            Received::Text("hello".into())
        ]
    );
    assert_eq!(end, Ok(()));
}

#[test]
fn a_letter_cut_in_two_by_a_fragment_is_still_a_letter() {
    let euro = "€".as_bytes();
    let bytes = [
        client_frame(TEXT, &euro[..1]),
        client_frame(FIN | CONTINUE, &euro[1..]),
    ]
    .concat();
    assert_eq!(read_all(&bytes, usize::MAX).0, [Received::Text("€".into())]);
}

#[test]
fn an_idle_user_has_no_buffer() {
    let mut reader = MessageReader::default();
    let mut bytes = client_frame(FIN | TEXT, b"hello");
    let half = bytes.len() / 2;
    let (first, second) = bytes.split_at_mut(half);
    let _ = reader.read(first, LIMIT, |_| ControlFlow::Continue(()));
    assert!(reader.unfinished.is_some(), "half a frame is kept");
    let _ = reader.read(second, LIMIT, |_| ControlFlow::Continue(()));
    assert!(
        reader.unfinished.is_none(),
        "and given back once it is whole"
    );
    assert_eq!(size_of::<MessageReader>(), size_of::<usize>());
}

/// A buffer that is only appended to moves once each time it doubles.
#[test]
fn a_frame_that_comes_in_a_thousand_pieces_is_not_copied_at_each_of_them() {
    const LARGE: usize = 1 << 20;
    let text = "x".repeat(LARGE);
    let mut reader = MessageReader::default();
    let (mut moves, mut before, mut lengths) = (0, None, Vec::new());
    for piece in client_frame(FIN | TEXT, text.as_bytes()).chunks_mut(1024) {
        let flow = reader.read(piece, LARGE, |message| {
            if let ClientMessage::Text(text) = message {
                lengths.push(text.len());
            }
            ControlFlow::Continue(())
        });
        assert_eq!(flow, Ok(ControlFlow::Continue(())));
        let buffer = reader.unfinished.as_ref();
        let buffer = buffer.map(|unfinished| unfinished.frame.as_ptr());
        moves += usize::from(buffer != before);
        before = buffer;
    }
    assert_eq!(lengths, [LARGE], "it is read, once");
    assert!(moves <= 24, "its bytes were copied {moves} times");
}

#[test]
fn nothing_is_received_after_a_close() {
    let bytes = [
        client_frame(FIN | CLOSE, &1000_u16.to_be_bytes()),
        client_frame(FIN | TEXT, b"still here"),
    ]
    .concat();
    assert_eq!(
        read_all(&bytes, usize::MAX).0,
        [Received::Close(Some(1000))]
    );
}

#[test]
fn every_violation_has_its_close_code() {
    let mut unmasked = client_frame(FIN | TEXT, b"hello");
    unmasked[1] &= 0x7f;
    let cases: [(&str, Vec<u8>, CloseCode); 15] = [
        ("unmasked", unmasked, CloseCode::Protocol),
        (
            "a reserved bit",
            client_frame(FIN | 0x40 | TEXT, b"x"),
            CloseCode::Protocol,
        ),
        (
            "a reserved opcode",
            client_frame(FIN | 3, b"x"),
            CloseCode::Protocol,
        ),
        (
            "a reserved control opcode",
            client_frame(FIN | 11, b"x"),
            CloseCode::Protocol,
        ),
        (
            "a ping in fragments",
            client_frame(PING, b"x"),
            CloseCode::Protocol,
        ),
        (
            "a ping over 125 bytes",
            client_frame(FIN | PING, &[b'x'; 126]),
            CloseCode::Protocol,
        ),
        (
            "the continuation of nothing",
            client_frame(FIN | CONTINUE, b"x"),
            CloseCode::Protocol,
        ),
        (
            "a message within a message",
            [client_frame(TEXT, b"a"), client_frame(FIN | TEXT, b"b")].concat(),
            CloseCode::Protocol,
        ),
        (
            "half a close code",
            client_frame(FIN | CLOSE, &[3]),
            CloseCode::Protocol,
        ),
        (
            "close code 1005",
            client_frame(FIN | CLOSE, &1005_u16.to_be_bytes()),
            CloseCode::Protocol,
        ),
        (
            "a close reason in Latin-1",
            client_frame(FIN | CLOSE, &[3, 232, 0xe9]),
            CloseCode::Invalid,
        ),
        (
            "binary",
            client_frame(FIN | BINARY, b"x"),
            CloseCode::Unsupported,
        ),
        (
            "text in Latin-1",
            client_frame(FIN | TEXT, &[0xe9]),
            CloseCode::Invalid,
        ),
        (
            "a frame over the limit",
            client_frame(FIN | TEXT, &[b'x'; LIMIT + 1]),
            CloseCode::TooBig,
        ),
        (
            "fragments over the limit",
            [
                client_frame(TEXT, &[b'x'; LIMIT]),
                client_frame(FIN | CONTINUE, b"x"),
            ]
            .concat(),
            CloseCode::TooBig,
        ),
    ];
    for (what, bytes, code) in cases {
        assert_eq!(fault(&bytes).code(), code, "{what}");
    }
}

#[test]
fn a_frame_over_the_limit_is_refused_by_its_header_alone() {
    let header = [FIN | TEXT, 0x80 | 127, 0, 0, 0, 0, 0xff, 0, 0, 0];
    assert_eq!(fault(&header), ProtocolError::TooBig);
}

#[test]
fn our_frames_carry_their_length_in_the_shortest_form() {
    for (length, header) in [
        (5, &[0x81, 5][..]),
        (125, &[0x81, 125]),
        (126, &[0x81, 126, 0, 126]),
    ] {
        let mut frame = b"before".to_vec();
        text_frame(&mut frame, |into| into.resize(into.len() + length, b'x'));
        assert_eq!(&frame[6..6 + header.len()], header);
        assert_eq!(frame.len(), 6 + header.len() + length);
    }
    let mut bye = Vec::new();
    close_frame(&mut bye, CloseCode::Restart, "back soon");
    assert_eq!(bye, b"\x88\x0b\x03\xf4back soon");
}

fn any_messages() -> impl Strategy<Value = Vec<(Received, Vec<u8>)>> {
    let text = (".{0,300}", 1_usize..40).prop_map(|(text, pieces)| {
        let size = text.len().div_ceil(pieces).max(1);
        let mut parts: Vec<_> = text.as_bytes().chunks(size).collect();
        let last = parts.pop().unwrap_or_default();
        let mut bytes = Vec::new();
        for (n, part) in parts.iter().enumerate() {
            bytes.extend(client_frame(if n == 0 { TEXT } else { CONTINUE }, part));
        }
        bytes.extend(client_frame(
            FIN | if parts.is_empty() { TEXT } else { CONTINUE },
            last,
        ));
        (Received::Text(text), bytes)
    });
    let ping = prop::collection::vec(any::<u8>(), 0..=125).prop_map(|bytes| {
        (
            Received::Ping(bytes.clone()),
            client_frame(FIN | PING, &bytes),
        )
    });
    let pong = prop::collection::vec(any::<u8>(), 0..=125)
        .prop_map(|bytes| (Received::Pong, client_frame(FIN | PONG, &bytes)));
    prop::collection::vec(prop_oneof![3 => text, 1 => ping, 1 => pong], 0..12)
}

proptest! {
    #[test]
    fn however_the_network_cuts_the_bytes_the_same_messages_are_received(
        messages in any_messages(),
        read in 1_usize..600,
    ) {
        let bytes: Vec<u8> = messages.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
        let expected: Vec<Received> = messages.into_iter().map(|(received, _)| received).collect();
        let (received, end) = read_all(&bytes, read);
        prop_assert_eq!(received, expected);
        prop_assert_eq!(end, Ok(()));
    }

    #[test]
    fn whatever_bytes_arrive_the_inbox_stays_bounded_and_alive(
        reads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..900), 0..40),
    ) {
        let mut reader = MessageReader::default();
        for mut read in reads {
            if reader.read(&mut read, LIMIT, |_| ControlFlow::Continue(())).is_err() {
                break;
            }
            if let Some(unfinished) = &reader.unfinished {
                prop_assert!(unfinished.frame.len() <= LIMIT + 14 + 900);
                prop_assert!(unfinished.message.as_ref().map_or(0, Vec::len) <= LIMIT);
            }
        }
    }
}
