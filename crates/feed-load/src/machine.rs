//! What this machine offers, what a measurement needs, and the difference in numbers.

use std::fmt;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use procfs::Current;
use thiserror::Error;

/// Descriptors that a process needs besides its users': its streams, epoll, Redis, a listener.
const BESIDES: u64 = 100;
/// What a connected user costs a machine that runs server and client, the kernel included.
const BYTES_A_USER: u64 = 8 * 1024;
/// What a server process, or a crowd's, holds without any user.
const BYTES_A_PROCESS: u64 = 8 * 1024 * 1024;
/// Users of one crowd at most: its source address has 55,000 ports that it takes in turn.
pub const CROWD: usize = 19_000;

/// So many users on so many servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    /// Users in all.
    pub users: usize,
    /// Server processes that run on this machine.
    pub servers: usize,
    /// Whether one server is to fall, so that the others must have room for its users.
    pub one_falls: bool,
}

/// What the machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Descriptors that one process may open.
    pub descriptors_a_process: u64,
    /// Descriptors that all processes together may still open.
    pub descriptors: u64,
    /// Bytes that can be used without swapping.
    pub memory: u64,
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
        Ok(Self {
            descriptors_a_process: hard,
            descriptors: files.max.saturating_sub(files.allocated),
            memory: memory.mem_available.unwrap_or(memory.mem_free),
        })
    }

    /// Everything that is short, or nothing.
    pub fn lacks(&self, need: &Need) -> Vec<Short> {
        let mut short = Vec::new();
        let have = self.descriptors_a_process;
        if need.descriptors_a_server() > have {
            let room = have.saturating_sub(BESIDES).max(1);
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
        if need.memory() > self.memory {
            short.push(Short::Memory {
                need: need.memory() >> 20,
                have: self.memory >> 20,
            });
        }
        short
    }

    /// Says what is needed, and fails with all that is short.
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
        self.users.div_ceil(left) as u64 + BESIDES
    }

    /// Descriptors of the fullest crowd.
    pub fn descriptors_a_crowd(&self) -> u64 {
        self.users.min(CROWD) as u64 + BESIDES
    }

    /// Descriptors of all processes: each user is one here and one in its server.
    pub fn descriptors(&self) -> u64 {
        let processes = (self.servers + self.crowds()) as u64;
        let ends = if self.servers > 0 { 2 } else { 1 };
        ends * self.users as u64 + processes * BESIDES
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
             users, {} in all, {} source address{} and about {} MiB of memory",
            self.users,
            self.servers,
            if self.servers == 1 { "" } else { "s" },
            self.descriptors_a_server(),
            self.descriptors_a_crowd(),
            self.crowds(),
            if self.crowds() == 1 { "" } else { "s" },
            self.descriptors(),
            self.crowds(),
            if self.crowds() == 1 { "" } else { "es" },
            self.memory() >> 20,
        )
    }
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
    };
    const ROOMY: Machine = Machine {
        descriptors_a_process: 20_000,
        descriptors: 3_000_000,
        memory: 24 << 30,
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
        };
        let error = poor.check(&MILLION).unwrap_err().to_string();
        for part in [
            "1024",
            "2010500",
            "9000",
            "1024 MiB",
            "52 servers",
            "53 source addresses",
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
        };
        assert_eq!(
            (elsewhere.descriptors_a_server(), elsewhere.descriptors()),
            (0, 1_100)
        );
    }
}
