//! Which server a room lives on: rendezvous hashing (Thaler and Ravishankar, 1998).

use std::fmt;

/// What the router chooses a visitor's server by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum By {
    /// Round robin: each visitor is sent to the next server.
    Turns,
    /// The same user, the same server: a sticky session, by the cookie `user`.
    User,
    /// The same room, the same server.
    Room,
}

/// The server with the greatest score for this key, of those that are up.
///
/// When one is lost, only its own keys move; a new one takes about its share from all.
pub fn owner(key: &str, up: &[usize]) -> Option<usize> {
    up.iter().copied().max_by_key(|server| score(key, *server))
}

/// What a table of three servers would do: `hash % servers`. When one is lost, two of three keys move.
pub fn by_remainder(key: &str, up: &[usize]) -> Option<usize> {
    let place = mix(fnv1a(key.bytes())) % up.len().max(1) as u64;
    up.get(place as usize).copied()
}

/// FNV-1a alone spreads badly: without the mixing step, all rooms of a lost server go to one survivor.
fn score(key: &str, server: usize) -> u64 {
    let server = [server as u8];
    mix(fnv1a(server.into_iter().chain(key.bytes())))
}

/// FNV-1a, 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>). Not the standard library's hash,
/// which promises no value: every router has to give the same answer, also after an update.
fn fnv1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The last step of MurmurHash3.
fn mix(mut hash: u64) -> u64 {
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Turns => "by turns",
            Self::User => "by user",
            Self::Room => "by room",
        })
    }
}
