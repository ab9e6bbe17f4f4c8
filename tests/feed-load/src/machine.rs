//! What this machine offers, what a measurement needs, and the difference in numbers.

use std::fmt;
use std::net::SocketAddr;

use anyhow::Context;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use procfs::Current;
use thiserror::Error;

use crate::crowd::PORTS;

/// Descriptors that a crowd needs besides its users': its streams, and epoll.
const BESIDES: u64 = 100;
/// Descriptors that stock-feed gives no user: for who speaks HTTP, for Redis, the listener and epoll.
const BESIDES_IN_A_SERVER: u64 = 320;
/// What a connected user costs a machine that runs server and client, the kernel included.
const BYTES_A_USER: u64 = 8 * 1024;
/// What a server process, or a crowd's, holds without any user.
const BYTES_A_PROCESS: u64 = 8 * 1024 * 1024;
/// Socket memory of a user who has not read its newest price yet. The kernel accounts for it in
/// pages, and one takes the prices of a burst as well.
const BYTES_UNREAD: u64 = 4 * 1024;
/// Users of one crowd at most.
pub const CROWD: usize = 19_000;
/// Ports of a crowd's source address, of which each user takes one.
const PORTS_OF_A_CROWD: u64 = (*PORTS.end() - *PORTS.start()) as u64 + 1;

/// So many users on so many servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Users in all.
    pub users: usize,
    /// Server processes that run on this machine.
    pub servers: usize,
    /// Whether one server is to fall, so that the others must have room for its users.
    pub one_falls: bool,
    /// Where the users call from.
    pub callers: Callers,
}

/// Where users call from, which decides how many ports they can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// Each crowd has a loopback address of its own, because the servers are on loopback, too.
    OwnAddresses,
    /// All share the one address that the kernel chooses towards a server elsewhere.
    OneAddress,
}

impl Callers {
    /// How users call these servers.
    pub fn of(servers: &[SocketAddr]) -> Self {
        let local = |server: &SocketAddr| server.ip().is_loopback() && server.is_ipv4();
        if servers.iter().all(local) {
            Self::OwnAddresses
        } else {
            Self::OneAddress
        }
    }
}

/// What the machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Descriptors that one process may open.
    pub descriptors_a_process: u64,
    /// Descriptors that all processes together may still open.
    pub descriptors: u64,
    /// Ports that the kernel hands out for calls from one address to one server.
    pub ports: u64,
    /// Bytes that can be used without swapping.
    pub memory: u64,
    /// Bytes that all TCP sockets together may hold unread, where that is told.
    pub socket_memory: Option<u64>,
}

/// Something of which the machine has less than is needed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Short {
    /// Of descriptors in one process.
    #[error(
        "a {who} would need {need} file descriptors and may open {have}: \
         {remedy}, or raise the limit (ulimit -Hn, or LimitNOFILE= of the service)"
    )]
    DescriptorsOfAProcess {
        /// Server or crowd.
        who: &'static str,
        /// Descriptors needed.
        need: u64,
        /// Descriptors allowed.
        have: u64,
        /// What else would help.
        remedy: String,
    },
    /// Of descriptors on the machine.
    #[error(
        "the machine would need {need} file descriptors and has {have} left: \
         fewer users, or raise fs.file-max"
    )]
    Descriptors {
        /// Descriptors needed.
        need: u64,
        /// Descriptors left.
        have: u64,
    },
    /// Of ports.
    #[error(
        "the users would need {need} ports of their own and there are {have}: fewer users, or \
         widen net.ipv4.ip_local_port_range, or call from several machines"
    )]
    Ports {
        /// Ports needed.
        need: u64,
        /// Ports there are.
        have: u64,
    },
    /// Of memory.
    #[error("about {need} MiB of memory are needed and {have} MiB are available: fewer users")]
    Memory {
        /// MiB needed.
        need: u64,
        /// MiB available.
        have: u64,
    },
}

impl Machine {
    /// Looks at the machine.
    ///
    /// # Errors
    /// When /proc can't be read.
    pub fn here() -> anyhow::Result<Self> {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        let files = procfs::sys::fs::file_nr()?;
        let memory = procfs::Meminfo::current()?;
        let [first, last] = kernel_numbers("/proc/sys/net/ipv4/ip_local_port_range")?;
        // A container has a network of its own, and this is the whole machine's: it is not told.
        let socket_pages = kernel_numbers("/proc/sys/net/ipv4/tcp_mem").ok();
        let page = procfs::page_size();
        Ok(Self {
            descriptors_a_process: hard,
            descriptors: files.max.saturating_sub(files.allocated),
            ports: last.saturating_sub(first) + 1,
            memory: memory.mem_available.unwrap_or(memory.mem_free),
            socket_memory: socket_pages.map(|[_, _, most]: [u64; 3]| most.saturating_mul(page)),
        })
    }

    /// Everything that is short, or nothing.
    pub fn lacks(&self, need: &Need) -> Vec<Short> {
        let mut short = Vec::new();
        let have = self.descriptors_a_process;
        if need.descriptors_a_server() > have {
            let room = have.saturating_sub(BESIDES_IN_A_SERVER).max(1);
            let servers = (need.users as u64).div_ceil(room) + u64::from(need.one_falls);
            short.push(Short::DescriptorsOfAProcess {
                who: "server",
                need: need.descriptors_a_server(),
                have,
                remedy: format!("spread the users over {servers} servers (--servers)"),
            });
        }
        if need.descriptors_a_crowd() > have {
            short.push(Short::DescriptorsOfAProcess {
                who: "crowd of users",
                need: need.descriptors_a_crowd(),
                have,
                remedy: "fewer users (--users)".into(),
            });
        }
        if need.descriptors() > self.descriptors {
            short.push(Short::Descriptors {
                need: need.descriptors(),
                have: self.descriptors,
            });
        }
        let have = match need.callers {
            Callers::OwnAddresses => need.crowds() as u64 * PORTS_OF_A_CROWD,
            Callers::OneAddress => self.ports,
        };
        if need.users as u64 > have {
            short.push(Short::Ports {
                need: need.users as u64,
                have,
            });
        }
        if need.memory() > self.memory {
            short.push(Short::Memory {
                need: need.memory() >> 20,
                have: self.memory >> 20,
            });
        }
        short
    }

    /// What may become slow, though it does not fail: more unread than the kernel lets all sockets
    /// hold. It then drops what arrives, and TCP sends it again.
    pub fn may_crawl(&self, need: &Need) -> Option<String> {
        let most = self.socket_memory?;
        (need.unread() > most).then(|| {
            format!(
                "if all {} users left a price unread at the same time, that would be {} MiB in the \
                 kernel, which drops what is over {} MiB (net.ipv4.tcp_mem) and has it sent again: \
                 a price to all may take longer",
                need.users,
                need.unread() >> 20,
                most >> 20
            )
        })
    }

    /// Tells what may become slow, and fails with all that is short.
    ///
    /// # Errors
    /// One line for each thing that is short.
    pub fn check(&self, need: &Need) -> anyhow::Result<()> {
        let short: Vec<String> = self
            .lacks(need)
            .iter()
            .map(|short| format!("  {short}"))
            .collect();
        anyhow::ensure!(
            short.is_empty(),
            "this machine is too small for it\n{need}\n{}",
            short.join("\n")
        );
        if let Some(warning) = self.may_crawl(need) {
            eprintln!("feed-load: {warning}");
        }
        Ok(())
    }
}

impl Need {
    /// Processes that the users are spread over.
    pub fn crowds(&self) -> usize {
        self.users.div_ceil(CROWD)
    }

    /// Descriptors of the fullest server.
    pub fn descriptors_a_server(&self) -> u64 {
        let left = match self.servers {
            0 => return 0,
            // The fallen server's users spread at random: leave room for an uneven share.
            more @ 2.. if self.one_falls => more - 1,
            all => all,
        };
        self.users.div_ceil(left) as u64 + BESIDES_IN_A_SERVER
    }

    /// Descriptors of the fullest crowd.
    pub fn descriptors_a_crowd(&self) -> u64 {
        self.users.min(CROWD) as u64 + BESIDES
    }

    /// Descriptors of all processes: each user is one here and one in its server.
    pub fn descriptors(&self) -> u64 {
        let besides = self.crowds() as u64 * BESIDES + self.servers as u64 * BESIDES_IN_A_SERVER;
        let ends = if self.servers > 0 { 2 } else { 1 };
        ends * self.users as u64 + besides
    }

    /// Bytes in the kernel's sockets if no user has read its newest price yet.
    pub fn unread(&self) -> u64 {
        self.users as u64 * BYTES_UNREAD
    }

    /// Bytes of memory, the kernel's included.
    pub fn memory(&self) -> u64 {
        self.users as u64 * BYTES_A_USER + (self.servers + self.crowds()) as u64 * BYTES_A_PROCESS
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} users on {} server{} need {} descriptors in a server, {} in each of {} crowd{} of \
             users, {} in all, {}, and about {} MiB of memory",
            self.users,
            self.servers,
            if self.servers == 1 { "" } else { "s" },
            self.descriptors_a_server(),
            self.descriptors_a_crowd(),
            self.crowds(),
            if self.crowds() == 1 { "" } else { "s" },
            self.descriptors(),
            match (self.callers, self.crowds()) {
                (Callers::OneAddress, _) => format!("{} ports of one source address", self.users),
                (Callers::OwnAddresses, 1) =>
                    format!("one source address with {PORTS_OF_A_CROWD} ports"),
                (Callers::OwnAddresses, crowds) =>
                    format!("{crowds} source addresses with {PORTS_OF_A_CROWD} ports each"),
            },
            self.memory() >> 20,
        )
    }
}

/// The numbers in a file of /proc/sys.
fn kernel_numbers<const COUNT: usize>(path: &str) -> anyhow::Result<[u64; COUNT]> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let numbers: Vec<u64> = text
        .split_ascii_whitespace()
        .map_while(|number| number.parse().ok())
        .collect();
    numbers
        .try_into()
        .map_err(|_| anyhow::anyhow!("{path} does not hold {COUNT} numbers"))
}

/// Raises this process's soft limit of descriptors to the hard one; children inherit it.
///
/// # Errors
/// When the system refuses, which it has no reason to.
pub fn raise_descriptors() -> anyhow::Result<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    if soft < hard {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLION: Need = Need {
        users: 1_000_000,
        servers: 52,
        one_falls: true,
        callers: Callers::OwnAddresses,
    };
    const ROOMY: Machine = Machine {
        descriptors_a_process: 20_000,
        descriptors: 3_000_000,
        ports: 28_232,
        memory: 24 << 30,
        socket_memory: Some(2_249 << 20),
    };

    #[test]
    fn a_million_users_on_fifty_two_servers_fit_twenty_thousand_descriptors() {
        assert_eq!(ROOMY.lacks(&MILLION), []);
        assert_eq!(MILLION.crowds(), 53);
    }

    #[test]
    fn fewer_servers_do_not_and_the_message_says_how_many_would() {
        let crammed = Need {
            servers: 50,
            ..MILLION
        };
        let short = ROOMY.lacks(&crammed);
        assert_eq!(short.len(), 1);
        assert!(
            short[0].to_string().contains("over 52 servers"),
            "{}",
            short[0]
        );
    }

    #[test]
    fn whatever_is_short_is_named_with_what_is_needed_and_what_there_is() {
        let poor = Machine {
            descriptors_a_process: 1_024,
            descriptors: 9_000,
            memory: 1 << 30,
            ..ROOMY
        };
        let error = poor.check(&MILLION).unwrap_err().to_string();
        for part in [
            "1024",
            "2021940",
            "9000",
            "1024 MiB",
            "52 servers",
            "53 source addresses with 55000 ports each",
        ] {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
    }

    #[test]
    fn a_server_elsewhere_costs_this_machine_nothing() {
        let elsewhere = Need {
            users: 1_000,
            servers: 0,
            one_falls: false,
            callers: Callers::OneAddress,
        };
        assert_eq!(
            (elsewhere.descriptors_a_server(), elsewhere.descriptors()),
            (0, 1_100)
        );
        assert_eq!(ROOMY.lacks(&elsewhere), []);
    }

    #[test]
    fn users_of_a_server_elsewhere_share_the_ports_of_one_address() {
        let elsewhere = |users| Need {
            users,
            servers: 0,
            one_falls: false,
            callers: Callers::OneAddress,
        };
        assert_eq!(ROOMY.lacks(&elsewhere(28_232)), []);
        let error = ROOMY.check(&elsewhere(100_000)).unwrap_err().to_string();
        for part in [
            "need 100000 ports of their own and there are 28232",
            "ip_local_port_range",
        ] {
            assert!(error.contains(part), "{part} is not in: {error}");
        }
        let here = Need {
            callers: Callers::OwnAddresses,
            ..elsewhere(100_000)
        };
        assert_eq!(ROOMY.lacks(&here), [], "six crowds have 55,000 ports each");
    }

    #[test]
    fn only_servers_that_are_all_on_loopback_are_called_from_many_addresses() {
        let callers = |servers: &[&str]| {
            let servers: Vec<SocketAddr> = servers.iter().map(|it| it.parse().unwrap()).collect();
            Callers::of(&servers)
        };
        assert_eq!(
            callers(&["127.0.0.1:3000", "127.0.1.2:3000"]),
            Callers::OwnAddresses
        );
        for others in [
            &["127.0.0.1:3000", "192.0.2.1:3000"][..],
            &["192.0.2.1:3000"],
            &["[::1]:3000"],
        ] {
            assert_eq!(callers(others), Callers::OneAddress, "{others:?}");
        }
    }

    #[test]
    fn a_price_that_a_million_leave_unread_is_more_than_the_kernel_holds() {
        let warning = ROOMY.may_crawl(&MILLION).unwrap();
        for part in ["3906 MiB", "2249 MiB", "net.ipv4.tcp_mem"] {
            assert!(warning.contains(part), "{part} is not in: {warning}");
        }
        let half = Need {
            users: 500_000,
            ..MILLION
        };
        assert_eq!(ROOMY.may_crawl(&half), None, "1953 MiB fit");
    }

    #[test]
    fn the_kernels_limits_are_read_where_it_keeps_them() {
        let here = Machine::here().unwrap();
        assert!(here.ports > 0 && here.socket_memory != Some(0), "{here:?}");
    }
}
