//! Messages that were encoded once, for everyone who gets them.

use crate::{Encode, Message};

/// Encoded messages that leave in one write, and where each of them ends.
///
/// The ends matter when a socket takes a part: the message that was cut must be finished, those
/// behind it are not begun.
#[derive(Default)]
pub(crate) struct Frames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Frames {
    pub(crate) fn push(&mut self, encoder: &dyn Encode, message: &Message<'_>) {
        encoder.encode(message, &mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many messages were begun when `taken` bytes were, and what the last of them still lacks.
    pub(crate) fn begun(&self, taken: usize) -> (usize, &[u8]) {
        let whole = self.ends.partition_point(|end| *end <= taken);
        let start = whole.checked_sub(1).map_or(0, |last| self.ends[last]);
        if taken == start {
            (whole, &[])
        } else {
            (whole + 1, &self.bytes[taken..self.ends[whole]])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Feed, JsonLines};

    #[test]
    fn a_cut_message_is_finished_and_the_next_is_not_begun() {
        let mut frames = Frames::default();
        let message = Message::Status {
            feed: Feed::Live,
            stock: None,
        };
        frames.push(&JsonLines, &message);
        frames.push(&JsonLines, &message);
        let one = frames.bytes().len() / 2;
        assert_eq!(frames.begun(0), (0, &[][..]));
        assert_eq!(frames.begun(one - 1), (1, &b"\n"[..]));
        assert_eq!(frames.begun(one), (1, &[][..]));
        assert_eq!(frames.begun(2 * one - 2), (2, &b"}\n"[..]));
        assert_eq!(frames.begun(2 * one), (2, &[][..]));
    }
}
