//~ E0004
//! Tried: a `match` that handles one of two variants.
//! Refused: the compiler knows all variants of an enum, and each needs an arm.
//! Mutation: here: `"the seat is yours",` => `"the seat is yours", Answer::Taken => "taken",`

enum Answer {
    Created,
    Taken,
}

fn main() {
    for answer in [Answer::Created, Answer::Taken] {
        let text = match answer {
            Answer::Created => "the seat is yours",
        };
        println!("{text}");
    }
}
