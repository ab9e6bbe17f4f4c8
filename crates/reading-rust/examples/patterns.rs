//! An enum is a union whose variants the compiler knows, and `match` has to name them all.

enum Answer {
    Created,
    Taken { by: String },
}

fn ask(seat: Option<&str>) -> Answer {
    if let Some(player) = seat {
        return Answer::Taken { by: player.into() };
    }
    Answer::Created
}

fn main() {
    for seat in [None, Some("Morphy")] {
        let text = match ask(seat) {
            Answer::Created => "the seat is yours".to_owned(),
            Answer::Taken { by } => format!("{by} has the seat"),
        };
        println!("{text}");
    }
}
