//! Messages, encoded once for all users that are sent them.

use crate::{Encode, FeedMessage};

/// Encoded messages for one write, and where each of them ends.
///
/// The ends matter when a socket takes only a part: the message that was cut must be finished, those
/// after it are not begun.
#[derive(Default)]
pub(crate) struct Frames {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Frames {
    pub(crate) fn push(&mut self, encoder: &dyn Encode, message: &FeedMessage<'_>) {
        encoder.encode(message, &mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// Removes all messages, and keeps the memory for the next ones.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// How many messages are begun when a socket has taken `taken` bytes, and the rest of the last one.
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
        let message = FeedMessage::Status {
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
