enum Answer {
    Created,
    Taken,
}

fn main() {
    for answer in [Answer::Created, Answer::Taken] {
        let text = match answer {
            Answer::Created => "the seat is yours",
            Answer::Taken => "the seat is taken",
        };
        println!("{text}");
    }
}
