//! How many users each address has, for `--max-users-per-address`.
//!
//! Without it one client that opens connections in a loop takes all of `--max-users`. There is no cost while
//! the limit is off. With it an address that has users takes up some 80 bytes, and an address without users
//! none; a user costs nothing more, because its permit has room for the key of its address.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, Ipv6Addr};

use slab::Slab;

/// What counts as one address: of IPv6 the first half (/64), because a provider gives that to one customer,
/// who has all addresses that begin with it. IPv4 is the same address in either form, because a server that
/// listens on `[::]` sees `::ffff:192.0.2.1` where another one sees `192.0.2.1`.
pub(crate) fn network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

/// The addresses that have users; there are never more of them than users.
#[derive(Debug)]
pub(crate) struct Addresses {
    /// The most users of one address.
    max: u32,
    /// Where in `counts` each address is. Clients choose their addresses, so this is the standard library's
    /// hash, whose keys they cannot guess.
    keys: HashMap<IpAddr, AddressKey>,
    counts: Slab<Count>,
}

#[derive(Debug)]
struct Count {
    address: IpAddr,
    /// From 1 on.
    users: u32,
}

/// Names an address while it has users: 4 bytes, where the address itself would be 17 for each user.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct AddressKey(u32);

impl Addresses {
    pub(crate) fn new(max: u32) -> Self {
        Self {
            max,
            keys: HashMap::new(),
            counts: Slab::new(),
        }
    }

    /// Counts one more user of this client's address; none if the address has as many as it may.
    /// The caller gives the key back by [`remove`](Self::remove).
    pub(crate) fn add(&mut self, client: IpAddr) -> Option<AddressKey> {
        let address = network(client);
        match self.keys.entry(address) {
            Entry::Occupied(entry) => {
                let key = *entry.get();
                let count = self.counts.get_mut(key.0 as usize)?;
                if count.users >= self.max {
                    return None;
                }
                count.users += 1;
                Some(key)
            }
            Entry::Vacant(entry) => {
                let key = AddressKey(u32::try_from(self.counts.vacant_key()).ok()?);
                self.counts.insert(Count { address, users: 1 });
                Some(*entry.insert(key))
            }
        }
    }

    /// Counts one user less, and forgets the address of the last one.
    pub(crate) fn remove(&mut self, key: AddressKey) {
        let key = key.0 as usize;
        let Some(count) = self.counts.get_mut(key) else {
            return;
        };
        count.users -= 1;
        if count.users == 0 {
            let address = self.counts.remove(key).address;
            self.keys.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_customers_ipv6_addresses_count_as_one_and_ipv4_is_the_same_in_either_form() {
        let network = |text| network(address(text)).to_string();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        assert_eq!(network("192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn a_customer_is_limited_in_all_of_its_ipv6_addresses_and_its_neighbour_is_not() {
        let mut addresses = Addresses::new(2);
        let first = addresses.add(address("2001:db8:1:2::1"));
        assert!(first.is_some());
        assert!(addresses.add(address("2001:db8:1:2:ffff::")).is_some());
        assert!(addresses.add(address("2001:db8:1:2::3")).is_none());
        assert!(addresses.add(address("2001:db8:1:3::1")).is_some());
        addresses.remove(first.unwrap());
        assert!(addresses.add(address("2001:db8:1:2::3")).is_some());
    }

    #[test]
    fn ipv4_addresses_in_the_form_of_ipv6_are_limited_each_by_itself() {
        let mut addresses = Addresses::new(1);
        assert!(addresses.add(address("::ffff:192.0.2.1")).is_some());
        assert!(addresses.add(address("192.0.2.1")).is_none());
        assert!(addresses.add(address("::ffff:192.0.2.2")).is_some());
    }

    proptest! {
        /// The model is a list of who is here.
        #[test]
        fn an_address_has_as_many_users_as_came_less_those_that_left(
            max in 1..4_u32,
            steps in vec((any::<bool>(), 0..5_u8, any::<prop::sample::Index>()), 0..200),
        ) {
            let mut addresses = Addresses::new(max);
            let mut here: Vec<(u8, AddressKey)> = Vec::new();
            for (comes, host, which) in steps {
                if comes {
                    let users = here.iter().filter(|(other, _)| *other == host).count();
                    let key = addresses.add(IpAddr::from([192, 0, 2, host]));
                    prop_assert_eq!(key.is_some(), users < max as usize);
                    here.extend(key.map(|key| (host, key)));
                } else if !here.is_empty() {
                    let (_, key) = here.swap_remove(which.index(here.len()));
                    addresses.remove(key);
                }
                let mut hosts: Vec<u8> = here.iter().map(|(host, _)| *host).collect();
                hosts.sort_unstable();
                hosts.dedup();
                prop_assert_eq!(addresses.keys.len(), hosts.len());
                prop_assert_eq!(addresses.counts.len(), hosts.len());
            }
        }
    }
}
