//! Lesson 9: static attributes, one for the type and not one for each value.

use lesson_tests::{example, run};

#[test]
fn two_examples_were_constructed_and_the_one_counter_says_2() {
    let program = example("singleton-game", "static_count").unwrap();
    assert_eq!(run(&mut program.command(), "").unwrap().stdout, "2\n");
}
