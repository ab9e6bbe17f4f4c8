//! In place of one arm: one for each variant.

enum Answer {
    Created,
    Taken,
}

fn say(answer: Answer) -> &'static str {
    match answer {
        Answer::Created => "the seat is yours",
        Answer::Taken => "the seat is taken",
    }
}

pub fn main() {
    assert_eq!(say(Answer::Created), "the seat is yours");
    assert_eq!(say(Answer::Taken), "the seat is taken");
}
