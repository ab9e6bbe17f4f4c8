//! Servers as processes of this very program, over one database.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use program::origin::Forwarded;
use program::server::Server;
use stateless_server::DatabaseUrl;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::control;
use crate::server::Options;

/// The servers of the demonstration, and of `serve` unless a flag says otherwise.
pub const SERVERS: usize = 3;

/// The pauses between attempts to start a server that could not be started.
const MIN_PAUSE: Duration = Duration::from_millis(100);
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// How servers are started.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The program to start as `PROGRAM server …`: this very one.
    pub program: PathBuf,
    /// The database of all servers, with games and seats.
    pub database: DatabaseUrl,
    /// How often each server checks whether the database is ahead.
    pub look_every: Duration,
    /// Which pages may use them.
    pub options: Options,
}

impl Fleet {
    /// Starts server `number` at this address. Port 0 is any free port.
    ///
    /// # Errors
    /// It does not begin to listen.
    pub async fn start(&self, number: usize, address: SocketAddr) -> Result<Server> {
        Ok(Server::spawn(self.command(number, address), number).await?)
    }

    fn command(&self, number: usize, address: SocketAddr) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["server", "--until-stdin-closes"]);
        command.arg(format!("--number={number}"));
        command.arg(format!("--listen={address}"));
        command.arg(format!("--look-every={}ms", self.look_every.as_millis()));
        let options = &self.options;
        command.arg(format!("--ping-every={}ms", options.ping_every.as_millis()));
        command.args(
            options
                .origins
                .iter()
                .map(|origin| format!("--allow-origin={origin}")),
        );
        if options.forwarded == Forwarded::Trusted {
            command.arg("--trust-proxy");
        }
        match &options.control {
            Some(token) => command.env(control::VARIABLE, token.as_str()),
            None => command.env_remove(control::VARIABLE),
        };
        match &self.database {
            // Not among the arguments, where every user of the machine could read a password.
            DatabaseUrl::Postgres(address) => command.env("DATABASE_URL", address),
            DatabaseUrl::Sqlite(file) => command.arg("--database").arg(file.as_argument()),
        };
        command
    }

    /// Starts this many servers at free ports.
    ///
    /// # Errors
    /// A server does not begin to listen.
    pub async fn start_all(&self, count: usize) -> Result<Vec<Server>> {
        let mut servers = Vec::new();
        for number in 1..=count {
            servers.push(self.start(number, ([127, 0, 0, 1], 0).into()).await?);
        }
        Ok(servers)
    }

    /// Restarts a server, at its address, whenever it has ended, and prints so. When `ending` changes,
    /// the server is asked to end; returns when it has.
    ///
    /// # Errors
    /// Nothing can be printed.
    pub async fn keep(
        &self,
        mut server: Server,
        pause: Duration,
        mut ending: watch::Receiver<()>,
    ) -> Result<()> {
        let (number, address) = (server.number, address(&server)?);
        loop {
            let status = tokio::select! {
                status = server.ended() => status?,
                _ = ending.changed() => {
                    server.end().await;
                    return Ok(());
                }
            };
            let again = format!("starting it again in {}", humantime::format_duration(pause));
            writeln!(io::stdout(), "server {number} ended ({status}); {again}")?;
            server = tokio::select! {
                server = self.start_again(number, address, pause) => server?,
                _ = ending.changed() => return Ok(()),
            };
            let process = server.process;
            writeln!(
                io::stdout(),
                "server {number}: http://{address} process {process}"
            )?;
        }
    }

    /// Tries until it succeeds: the port may be taken for a moment, or the database away, and that is
    /// no reason to end the other servers.
    async fn start_again(
        &self,
        number: usize,
        address: SocketAddr,
        mut pause: Duration,
    ) -> Result<Server> {
        sleep(pause).await;
        if let Ok(server) = self.start(number, address).await {
            return Ok(server);
        }
        writeln!(
            io::stdout(),
            "server {number} cannot be started; trying again after growing pauses, at most {}",
            humantime::format_duration(MAX_PAUSE)
        )?;
        loop {
            pause = (pause * 2).clamp(MIN_PAUSE, MAX_PAUSE.max(pause));
            sleep(pause).await;
            // Its message of the first time is enough.
            let mut command = self.command(number, address);
            command.arg("--quiet-start");
            if let Ok(server) = Server::spawn(command, number).await {
                return Ok(server);
            }
        }
    }
}

/// The address of a server.
///
/// # Errors
/// It printed something else.
pub fn address(server: &Server) -> Result<SocketAddr> {
    let address = server.url.trim_start_matches("http://");
    address
        .parse()
        .with_context(|| format!("a server says that it listens at {address:?}"))
}
