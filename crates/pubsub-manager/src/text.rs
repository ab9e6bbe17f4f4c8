//! A few checked characters kept in place, so that a price costs no allocation on its way through.

/// At most `N` ASCII characters, in the value itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Text<const N: usize> {
    // The bytes come first and unused ones are zero: that makes the derived order alphabetical.
    bytes: [u8; N],
    length: u8,
}

impl<const N: usize> Text<N> {
    /// Keeps `text` if it is ASCII and short enough.
    pub(crate) fn new(text: &[u8]) -> Option<Self> {
        let mut bytes = [0; N];
        let length = u8::try_from(text.len()).ok()?;
        bytes.get_mut(..text.len())?.copy_from_slice(text);
        text.is_ascii().then_some(Self { bytes, length })
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.bytes[..usize::from(self.length)])
            .expect("only ASCII was let in, and ASCII is UTF-8")
    }
}
