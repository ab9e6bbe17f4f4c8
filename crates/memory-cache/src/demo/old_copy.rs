//! An old copy, shown: a move through one server while the other has read the game.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use game::Game;
use tokio::time::{Instant, sleep};

use super::place::Seen;
use super::{CopyPlace, Demo};

impl Demo {
    /// Plays a move through server 1, while server 2 has a copy from before, and notes whether server 2
    /// answered with it.
    pub(super) async fn show_an_old_copy(
        &self,
        games: &[Game],
        seen: &mut Seen,
        out: &mut impl Write,
    ) -> Result<()> {
        let mut client = self.start(self.time_to_live).await?;
        writeln!(
            out,
            "a move through server 1 ({})",
            self.place.what_a_move_does()
        )?;
        for (at, game) in games.iter().enumerate() {
            client.add(game).await?;
            let loaded = Instant::now();
            client.moves(0, game).await?;
            client.moves(1, game).await?;
            client.play(0, game).await?;
            let [one, two] = [client.moves(0, game).await?, client.moves(1, game).await?];
            // On a machine so busy that the copy's time was over meanwhile, another game is taken.
            let is_old = two < one;
            if !is_old && matches!(self.place, CopyPlace::EachServer) && at + 1 < games.len() {
                continue;
            }
            let old = if is_old { "  old" } else { "" };
            writeln!(
                out,
                "    0.0s  server 1: {one} moves   server 2: {two} moves{old}"
            )?;
            let mut two = two;
            while two < one {
                sleep(Duration::from_millis(20)).await;
                two = client.moves(1, game).await?;
            }
            if is_old {
                let after = loaded.elapsed().as_secs_f64();
                writeln!(
                    out,
                    "    {after:.1}s  server 1: {one} moves   server 2: {two} moves"
                )?;
            }
            // A push that comes a moment after the read is the one hop; a push that does not come is not.
            let is_pushed = matches!(self.place, CopyPlace::Tracked(_));
            seen.old_copy = is_old && !(is_pushed && loaded.elapsed() < self.time_to_live);
            seen.add(&client.counted().await?);
            client.end().await;
            return Ok(());
        }
        unreachable!("the last game is shown in any case")
    }
}
