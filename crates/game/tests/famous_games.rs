//! The moves of the shipped games are facts; here the rules of chess check them.

use cozy_chess::util::parse_uci_move;
use cozy_chess::{Board, GameStatus};

#[test]
fn every_move_of_the_ten_famous_games_is_legal() {
    for game in game::famous() {
        let mut board = Board::default();
        for (number, played) in game.moves.iter().enumerate() {
            let text = played.to_string();
            let legal = parse_uci_move(&board, &text).expect("UCI notation");
            board
                .try_play(legal)
                .unwrap_or_else(|_| panic!("{}: move {} ({text}) is illegal", game.id, number + 1));
        }
    }
}

#[test]
fn six_of_them_end_in_checkmate_on_the_board() {
    let mates = game::famous().into_iter().filter(|game| {
        let mut board = Board::default();
        for played in &game.moves {
            let text = played.to_string();
            board.play(parse_uci_move(&board, &text).expect("UCI notation"));
        }
        board.status() == GameStatus::Won
    });
    let mates: Vec<String> = mates.map(|game| game.id.to_string()).collect();
    assert_eq!(
        mates,
        [
            "anderssen-kieseritzky-1851",
            "anderssen-dufresne-1852",
            "opera-1858",
            "reti-tartakower-1910",
            "lasker-thomas-1912",
            "byrne-fischer-1956",
        ]
    );
}
