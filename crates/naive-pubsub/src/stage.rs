//! The stage: does what a scene asks for, and prints it as a row with the map after it.

use crate::{PubSubManager, Verdict, redis, users};
use std::io::{self, Write};
use std::mem;

/// One manager, one terminal of 80 columns, and the counts of the verdict.
pub(crate) struct Stage<W> {
    pub(crate) manager: &'static PubSubManager,
    pub(crate) verdict: Verdict,
    out: W,
    scene: usize,
    /// The scene's number, until its first row has been printed.
    opening: String,
}

impl<W: Write> Stage<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            manager: PubSubManager::instance(),
            verdict: Verdict::default(),
            out,
            scene: 0,
            opening: String::new(),
        }
    }

    pub(crate) fn title(&mut self, title: &str) -> io::Result<()> {
        writeln!(self.out, "{title}")?;
        self.print("scene", "who", "does", "and then", "the manager's map")
    }

    pub(crate) fn open_scene(&mut self) {
        self.scene += 1;
        self.opening = self.scene.to_string();
    }

    pub(crate) fn subscribe(&mut self, user: &str, stock: &str) -> io::Result<()> {
        self.manager.user_subscribe(user, stock);
        let does = format!("subscribes to {stock}");
        self.row(user, &does, "sent: subscribed", &[stock])
    }

    pub(crate) fn unsubscribe(&mut self, user: &str, stock: &str) -> io::Result<()> {
        self.manager.user_unsubscribe(user, stock);
        let does = format!("unsubscribes from {stock}");
        self.row(user, &does, "sent: unsubscribed", &[stock])
    }

    /// Publishes a price, and returns whether this server received it.
    pub(crate) fn publish(&mut self, stock: &str, price: &str) -> io::Result<bool> {
        let is_received = redis::publish(stock, price) > 0;
        self.verdict.lost += usize::from(!is_received);
        let does = format!("PUBLISH {stock} {price}");
        let then = match is_received {
            true => "is received",
            false => "no one receives it",
        };
        self.row("market", &does, then, &[stock])?;
        Ok(is_received)
    }

    pub(crate) fn sent_to(&mut self, user: &str, stock: &str) -> io::Result<()> {
        let prices = users::sent_to(user, stock);
        let all = if prices.is_empty() {
            "nothing".to_owned()
        } else {
            prices.join(" ")
        };
        self.row(user, "has been sent", &all, &[stock])
    }

    pub(crate) fn row(
        &mut self,
        who: &str,
        does: &str,
        then: &str,
        stocks: &[&str],
    ) -> io::Result<()> {
        let map = self.manager.subscriptions();
        let entry = |stock: &&str| match map.get(*stock) {
            None => format!("{stock} -"),
            Some(None) => format!("{stock}: undefined"),
            Some(Some(users)) if users.len() > 4 => format!("{stock}: {} users", users.len()),
            Some(Some(users)) => format!("{stock}: [{}]", users.join(", ")),
        };
        let state = stocks.iter().map(entry).collect::<Vec<_>>().join("  ");
        let scene = mem::take(&mut self.opening);
        self.print(&scene, who, does, then, &state)
    }

    /// Prints the fault, and counts it if it was seen.
    pub(crate) fn fault(&mut self, seen: bool, what: &str) -> io::Result<()> {
        self.verdict.faults += usize::from(seen);
        let head = match seen {
            true => "FAULT",
            false => "fixed, it was",
        };
        self.note(head, what)
    }

    pub(crate) fn note(&mut self, head: &str, what: &str) -> io::Result<()> {
        writeln!(self.out, "       {head}: {what}")
    }

    /// Prints the counts, what to try next and, as the last line, the verdict.
    pub(crate) fn end(mut self) -> io::Result<Verdict> {
        let map = self.manager.subscriptions();
        let dead = |users: &&Option<Vec<String>>| users.as_ref().is_none_or(Vec::is_empty);
        self.verdict.dead_entries = map.values().filter(dead).count();
        let (manager, verdict) = ("crates/naive-pubsub/src/pubsub_manager.rs", &self.verdict);
        write!(self.out, "{}", verdict.counts())?;
        writeln!(self.out, "try: fix one fault in {manager}, and run again")?;
        writeln!(self.out, "{verdict}")?;
        self.out.flush()?;
        Ok(self.verdict)
    }

    /// Prints a row; it has a parameter for each column of the table.
    fn print(
        &mut self,
        scene: &str,
        who: &str,
        does: &str,
        then: &str,
        map: &str,
    ) -> io::Result<()> {
        writeln!(
            self.out,
            "{scene:>5}  {who:<7}  {does:<22}  {then:<18}  {map}"
        )
    }
}
