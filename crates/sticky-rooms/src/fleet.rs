//! Three servers as processes of this very program, over one database.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use stateless_server::DatabaseUrl;
use stateless_server::fleet::Server;
use tokio::process::Command;
use tokio::time::sleep;

/// How many.
pub const SERVERS: usize = 3;

/// How to start a server.
#[derive(Clone, Debug)]
pub struct Fleet {
    /// The program to start as `PROGRAM server …`: this very one.
    pub program: PathBuf,
    /// Where all servers keep games and seats.
    pub database: DatabaseUrl,
    /// How often each looks whether the database is ahead.
    pub look_every: Duration,
}

impl Fleet {
    /// Starts server `number` at this address; port 0 is any free one.
    ///
    /// # Errors
    /// It does not begin to listen.
    pub async fn start(&self, number: usize, address: SocketAddr) -> Result<Server> {
        let mut command = Command::new(&self.program);
        command.args(["server", "--until-stdin-closes"]);
        command.arg(format!("--number={number}"));
        command.arg(format!("--listen={address}"));
        command.arg(format!("--look-every={}ms", self.look_every.as_millis()));
        match &self.database {
            // Not among the arguments, where every user of the machine could read a password.
            DatabaseUrl::Postgres(address) => command.env("DATABASE_URL", address),
            DatabaseUrl::Sqlite(file) => command.arg("--database").arg(file.as_argument()),
        };
        Ok(Server::spawn(command, number).await?)
    }

    /// Starts all of them at free ports.
    ///
    /// # Errors
    /// One does not begin to listen.
    pub async fn start_all(&self) -> Result<Vec<Server>> {
        let mut servers = Vec::new();
        for number in 1..=SERVERS {
            servers.push(self.start(number, ([127, 0, 0, 1], 0).into()).await?);
        }
        Ok(servers)
    }

    /// Starts a server again, at its address, whenever it has ended; says so.
    ///
    /// # Errors
    /// It cannot be started again, or nothing can be printed.
    pub async fn keep(&self, mut server: Server, pause: Duration) -> Result<()> {
        let (number, address) = (server.number, address(&server)?);
        loop {
            let status = server.ended().await?;
            let again = format!("starting it again in {}", humantime::format_duration(pause));
            writeln!(io::stdout(), "server {number} ended ({status}); {again}")?;
            sleep(pause).await;
            server = self.start(number, address).await?;
            let process = server.process;
            writeln!(
                io::stdout(),
                "server {number}: http://{address} process {process}"
            )?;
        }
    }
}

/// Where a server listens.
///
/// # Errors
/// It printed something else.
pub fn address(server: &Server) -> Result<SocketAddr> {
    let address = server.url.trim_start_matches("http://");
    address
        .parse()
        .with_context(|| format!("a server says that it listens at {address:?}"))
}
