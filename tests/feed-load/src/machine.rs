//! What this machine offers, what a measurement needs, and the difference in numbers.

use std::fmt;
use std::net::SocketAddr;

use anyhow::Context;
use procfs::Current;
use rlimit::Resource;

use crate::worker::PORTS;

/// Descriptors that a worker needs besides its users': its streams, and epoll.
const BESIDES: u64 = 100;
/// Descriptors that stock-feed gives no user: for who speaks HTTP, for Redis, the listener and epoll.
pub(crate) const BESIDES_IN_A_SERVER: u64 = 320;
/// Descriptors that a Redis needs besides its servers': other nodes, publishers, its log and epoll.
const BESIDES_IN_A_REDIS: u64 = 200;
/// What a connected user costs a machine that runs server and client, the kernel included.
const BYTES_A_USER: u64 = 8 * 1024;
/// What a process holds without any user, be it a server's, a worker's or a Redis.
const BYTES_A_PROCESS: u64 = 8 * 1024 * 1024;
/// Socket memory of a user who has not read its newest price yet. The kernel accounts for it in
/// pages, and one takes the prices of a burst as well.
const BYTES_UNREAD: u64 = 4 * 1024;
/// Users of one worker at most.
pub(crate) const USERS_A_WORKER: usize = 19_000;
/// Ports of a worker's source address, of which each user takes one.
const PORTS_OF_A_WORKER: u64 = (*PORTS.end() - *PORTS.start()) as u64 + 1;

/// So many users on so many servers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need {
    pub(crate) users: usize,
    /// Server processes that run on this machine.
    pub(crate) servers: usize,
    /// Redis processes that we start on it.
    pub(crate) redises: usize,
    /// Whether one server is to fail, so that the others must have room for its users.
    pub(crate) one_fails: bool,
    pub(crate) callers: Callers,
}

/// Where users call from, which decides how many ports they can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callers {
    /// Each worker has a loopback address of its own, because the servers are on loopback, too.
    OwnAddresses,
    /// All share the one address that the kernel chooses towards a server elsewhere.
    OneAddress,
}

impl Callers {
    pub(crate) fn of(servers: &[SocketAddr]) -> Self {
        let local = |server: &SocketAddr| server.ip().is_loopback() && server.is_ipv4();
        if servers.iter().all(local) {
            Self::OwnAddresses
        } else {
            Self::OneAddress
        }
    }
}

/// What the machine has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Machine {
    descriptors_a_process: u64,
    /// Descriptors that all processes together may still open.
    descriptors: u64,
    /// Ports that the kernel hands out for calls from one address to one server.
    ports: u64,
    /// Bytes that can be used without swapping.
    memory: u64,
    /// Bytes that all TCP sockets together may hold unread, where that is known.
    socket_memory: Option<u64>,
}

impl Machine {
    pub(crate) fn here() -> anyhow::Result<Self> {
        let files = procfs::sys::fs::file_nr()?;
        let [first, last] = kernel_numbers("/proc/sys/net/ipv4/ip_local_port_range")?;
        // It is the whole machine's, so a container, which has a network of its own, has no such file.
        let socket_pages = kernel_numbers("/proc/sys/net/ipv4/tcp_mem").ok();
        let page = procfs::page_size();
        Ok(Self {
            descriptors_a_process: Resource::NOFILE.get_hard()?,
            descriptors: files.max.saturating_sub(files.allocated),
            ports: last.saturating_sub(first) + 1,
            memory: available_memory()?,
            socket_memory: socket_pages.map(|[_, _, most]: [u64; 3]| most.saturating_mul(page)),
        })
    }

    /// A line for everything that is short.
    fn lacks(&self, need: &Need) -> Vec<String> {
        let users = need.users as u64;
        let per_process = self.descriptors_a_process;
        let room = per_process.saturating_sub(BESIDES_IN_A_SERVER).max(1);
        let servers = users.div_ceil(room) + u64::from(need.one_fails);
        let ports = match need.callers {
            Callers::OwnAddresses => need.workers() * PORTS_OF_A_WORKER,
            Callers::OneAddress => self.ports,
        };
        let raise = "or raise the limit (ulimit -Hn, or LimitNOFILE= of the service)";
        let spread = format!("spread the users over {servers} servers (--servers), {raise}");
        let fewer = format!("fewer users (--users), {raise}");
        let widen =
            "fewer users, or widen net.ipv4.ip_local_port_range, or call from several machines";
        let file_max = "fewer users, or raise fs.file-max";
        let [server, worker] = [need.descriptors_a_server(), need.descriptors_a_worker()];
        let [mib, available] = [need.memory() >> 20, self.memory >> 20];
        let checks = [
            (
                server,
                "file descriptors in a server",
                per_process,
                &*spread,
            ),
            (worker, "file descriptors in a worker", per_process, &fewer),
            (
                need.descriptors(),
                "file descriptors in all",
                self.descriptors,
                file_max,
            ),
            (users, "ports of their own", ports, widen),
            (mib, "MiB of memory", available, "fewer users"),
        ];
        let short = checks.into_iter().filter(|(need, _, have, _)| need > have);
        short
            .map(|(need, what, have, remedy)| {
                format!("the users would need {need} {what} and there are {have}: {remedy}")
            })
            .collect()
    }

    /// What may become slow, though it does not fail: more unread than the kernel lets all sockets
    /// hold. It then drops what arrives, and TCP sends it again.
    fn may_be_slow(&self, need: &Need) -> Option<String> {
        let unread = need.users as u64 * BYTES_UNREAD;
        let most = self.socket_memory.filter(|most| unread > *most)?;
        Some(format!(
            "if all {} users left a price unread at the same time, that would be {} MiB in the \
             kernel, which drops what is over {} MiB (net.ipv4.tcp_mem) and has it sent again: \
             a price to all may take longer",
            need.users,
            unread >> 20,
            most >> 20
        ))
    }

    /// Warns of what may become slow, and fails with a line for each thing that is short.
    pub(crate) fn check(&self, need: &Need) -> anyhow::Result<()> {
        let short = self.lacks(need);
        anyhow::ensure!(
            short.is_empty(),
            "this machine is too small for it\n{need}\n  {}",
            short.join("\n  ")
        );
        if let Some(warning) = self.may_be_slow(need) {
            eprintln!("feed-load: {warning}");
        }
        Ok(())
    }
}

impl Need {
    fn workers(&self) -> u64 {
        self.users.div_ceil(USERS_A_WORKER) as u64
    }

    fn processes(&self) -> u64 {
        (self.servers + self.redises) as u64 + self.workers()
    }

    /// Descriptors of the fullest server.
    fn descriptors_a_server(&self) -> u64 {
        let left = match self.servers {
            0 => return 0,
            // The failed server's users spread at random: leave room for an uneven share.
            more @ 2.. if self.one_fails => more - 1,
            all => all,
        };
        self.users.div_ceil(left) as u64 + BESIDES_IN_A_SERVER
    }

    /// Descriptors of the fullest worker.
    fn descriptors_a_worker(&self) -> u64 {
        self.users.min(USERS_A_WORKER) as u64 + BESIDES
    }

    /// Descriptors of all processes: each user is one here and one in its server, and each server is one in
    /// each Redis.
    fn descriptors(&self) -> u64 {
        let (servers, redises) = (self.servers as u64, self.redises as u64);
        let besides = self.workers() * BESIDES
            + servers * BESIDES_IN_A_SERVER
            + redises * (servers + BESIDES_IN_A_REDIS);
        let ends = if self.servers > 0 { 2 } else { 1 };
        ends * self.users as u64 + besides
    }

    /// Bytes of memory, the kernel's included.
    fn memory(&self) -> u64 {
        self.users as u64 * BYTES_A_USER + self.processes() * BYTES_A_PROCESS
    }
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = |count| if count == 1 { "" } else { "s" };
        let (servers, workers) = (self.servers as u64, self.workers());
        let addresses = match (self.callers, workers) {
            (Callers::OneAddress, _) => format!("{} ports of one source address", self.users),
            (_, 1) => format!("one source address with {PORTS_OF_A_WORKER} ports"),
            _ => format!("{workers} source addresses with {PORTS_OF_A_WORKER} ports each"),
        };
        let redises = match self.redises {
            0 | 1 => String::new(),
            nodes => format!(" and {nodes} nodes of a Redis Cluster"),
        };
        write!(
            f,
            "{} users on {servers} server{}{redises} need {} descriptors in a server, {} in each of {workers} \
             worker{}, {} in all, {addresses}, and about {} MiB of memory",
            self.users,
            plural(servers),
            self.descriptors_a_server(),
            self.descriptors_a_worker(),
            plural(workers),
            self.descriptors(),
            self.memory() >> 20,
        )
    }
}

/// Bytes that can be used without swapping.
pub(crate) fn available_memory() -> anyhow::Result<u64> {
    let memory = procfs::Meminfo::current()?;
    Ok(memory.mem_available.unwrap_or(memory.mem_free))
}

fn kernel_numbers<const COUNT: usize>(path: &str) -> anyhow::Result<[u64; COUNT]> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let numbers = text.split_ascii_whitespace().map(str::parse);
    let numbers: Vec<u64> = numbers.collect::<Result<_, _>>()?;
    let numbers = numbers.try_into().ok();
    numbers.with_context(|| format!("{path} does not hold {COUNT} numbers"))
}

/// Raises this process's soft limit of descriptors to the hard one; children inherit it.
pub(crate) fn raise_descriptors() -> anyhow::Result<()> {
    rlimit::increase_nofile_limit(u64::MAX)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLION: Need = Need {
        users: 1_000_000,
        servers: 52,
        redises: 1,
        one_fails: true,
        callers: Callers::OwnAddresses,
    };
    const ELSEWHERE: Need = Need {
        users: 28_232,
        servers: 0,
        redises: 0,
        one_fails: false,
        callers: Callers::OneAddress,
    };
    const ROOMY: Machine = Machine {
        descriptors_a_process: 20_000,
        descriptors: 3_000_000,
        ports: 28_232,
        memory: 24 << 30,
        socket_memory: Some(2_249 << 20),
    };

    #[track_caller]
    fn names_all(message: &str, parts: &[&str]) {
        for part in parts {
            assert!(message.contains(part), "{part} is not in: {message}");
        }
    }

    #[test]
    fn a_million_users_fit_on_fifty_two_servers_and_not_on_fifty() {
        assert_eq!(ROOMY.lacks(&MILLION), [""; 0]);
        let too_few = Need {
            servers: 50,
            ..MILLION
        };
        let short = ROOMY.lacks(&too_few);
        assert_eq!(short.len(), 1);
        names_all(&short[0], &["over 52 servers"]);
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
        names_all(
            &error,
            &[
                "1024",
                "2022192",
                "9000",
                "there are 1024: fewer",
                "52 servers",
            ],
        );
        names_all(&error, &["53 source addresses with 55000 ports each"]);
    }

    #[test]
    fn users_of_a_server_elsewhere_share_the_ports_of_one_address() {
        assert_eq!(ELSEWHERE.descriptors_a_server(), 0);
        assert_eq!(ELSEWHERE.descriptors(), 28_232 + 2 * BESIDES);
        assert_eq!(ROOMY.lacks(&ELSEWHERE), [""; 0]);
        let more = Need {
            users: 100_000,
            ..ELSEWHERE
        };
        let error = ROOMY.check(&more).unwrap_err().to_string();
        names_all(
            &error,
            &["need 100000 ports of their own and there are 28232"],
        );
        names_all(&error, &["ip_local_port_range"]);
        let here = Need {
            callers: Callers::OwnAddresses,
            ..more
        };
        assert_eq!(
            ROOMY.lacks(&here),
            [""; 0],
            "six workers have 55,000 ports each"
        );
    }

    #[test]
    fn only_servers_that_are_all_on_loopback_are_called_from_many_addresses() {
        for (servers, expected) in [
            (
                &["127.0.0.1:3000", "127.0.1.2:3000"][..],
                Callers::OwnAddresses,
            ),
            (&["127.0.0.1:3000", "192.0.2.1:3000"], Callers::OneAddress),
            (&["192.0.2.1:3000"], Callers::OneAddress),
            (&["[::1]:3000"], Callers::OneAddress),
        ] {
            let addresses: Vec<_> = servers.iter().map(|it| it.parse().unwrap()).collect();
            assert_eq!(Callers::of(&addresses), expected, "{servers:?}");
        }
    }

    #[test]
    fn a_price_that_a_million_leave_unread_is_more_than_the_kernel_holds() {
        let warning = ROOMY.may_be_slow(&MILLION).unwrap();
        names_all(&warning, &["3906 MiB", "2249 MiB", "net.ipv4.tcp_mem"]);
        let half = Need {
            users: 500_000,
            ..MILLION
        };
        assert_eq!(ROOMY.may_be_slow(&half), None, "1953 MiB fit");
    }

    #[test]
    fn the_kernels_limits_are_read_where_it_keeps_them() {
        let here = Machine::here().unwrap();
        assert!(here.ports > 0 && here.socket_memory != Some(0), "{here:?}");
    }
}
