//! Lesson 1b: somebody deletes the SQLite file that a server has open.
//!
//! A plain connection goes on, and what it inserts is in a file without a name. Lesson 1's store looks before
//! each statement whether the file at its path is still the one that it has opened.

use std::fs;
use std::io::{Write, stdout};

use anyhow::Result;
use game::Game;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use stateless_server::DatabaseUrl;
use stateless_server::store::{Database, Store, StoreError};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    show(&mut stdout()).await
}

pub(crate) async fn show(out: &mut impl Write) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("games.db");
    let store = Database::open(&DatabaseUrl::sqlite(&file)).await?;
    let options = SqliteConnectOptions::new().filename(&file);
    let mut plain = options.connect().await?;
    let games = game::famous();

    row(out, "", ["a plain connection", "lesson 1's store"])?;
    let before = insert(&mut plain, &store, &games[..2]).await;
    row(out, "games.db is there", before.each_ref().map(said))?;
    fs::remove_file(&file)?;
    let after = insert(&mut plain, &store, &games[2..]).await;
    row(out, "games.db is deleted", after.each_ref().map(said))?;
    let found = match options.connect().await {
        Ok(_) => "finds the file",
        Err(_) => "finds no file",
    };
    row(out, "a new connection", [found, ""])?;
    if let Err(reason) = &after[1] {
        writeln!(out, "the store says:\n  {reason}")?;
    }
    let [plain, ours] = after.map(|answer| u8::from(answer.is_ok()));
    writeln!(
        out,
        "verdict: games inserted into a deleted file: {plain} by the connection, {ours} by the store"
    )?;
    Ok(())
}

/// One game by each, and what each answers.
async fn insert(
    plain: &mut SqliteConnection,
    store: &Database,
    games: &[Game],
) -> [Result<(), String>; 2] {
    let statement = "INSERT INTO games (id, white_player, black_player, moves, move_count)
                     VALUES ($1, $2, $3, '', 0)";
    let query = sqlx::query(statement)
        .bind(games[0].id.as_str())
        .bind(&games[0].white_player)
        .bind(&games[0].black_player);
    let plain = query.execute(plain).await;
    let ours = store.add_game(&games[1].at_its_start()).await;
    [
        plain.map(drop).map_err(|error| error.to_string()),
        ours.map(drop).map_err(|error| match error {
            StoreError::Unavailable { reason, .. } => reason.to_owned(),
            other => other.to_string(),
        }),
    ]
}

fn said(answer: &Result<(), String>) -> &'static str {
    match answer {
        Ok(()) => "inserted",
        Err(_) => "refused",
    }
}

fn row(out: &mut impl Write, when: &str, columns: [&str; 2]) -> Result<()> {
    let [plain, ours] = columns;
    let row = format!("{when:<22}{plain:<22}{ours}");
    Ok(writeln!(out, "{}", row.trim_end())?)
}
