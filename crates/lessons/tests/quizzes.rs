//! The quizzes are whole, and the answers about programs are the programs' own.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;

use lessons::book::build;
use lessons::folder::visible;
use lessons::page::{Page, pages, workspace};
use lessons::quiz::{Question, questions};

/// The pages that teach something; not 0 and 0b, which only read code, and not the glossary.
fn lessons() -> Vec<Page> {
    let mut pages = pages(&workspace()).unwrap();
    // The workbench asks for a server.
    pages.retain(|page| !page.file.starts_with('w'));
    pages.retain(|page| {
        ![
            "00-reading-rust.md",
            "00b-reading-async-rust.md",
            "15-glossary.md",
            "16-wire-protocol.md",
        ]
        .contains(&page.file.as_str())
    });
    pages
}

#[test]
fn every_lesson_has_three_questions_one_to_predict_and_two_that_ask_why() {
    for page in lessons() {
        let questions = questions(&workspace(), &page.file).unwrap();
        let questions = questions.unwrap_or_else(|| panic!("{} has no quiz", page.file));
        let predict = questions.iter().filter(|one| one.program.is_some());
        let why = questions
            .iter()
            .filter(|one| one.prompt.starts_with("Why "));
        let counts = (questions.len(), predict.count(), why.count());
        assert_eq!(counts, (3, 1, 2), "{}", page.file);
    }
}

#[test]
fn every_option_of_the_book_has_its_reason_and_no_quiz_is_without_a_page() {
    let pages = lessons();
    for file in visible(&workspace().join("lessons/quizzes")).unwrap() {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let page = name.replace(".toml", ".md");
        assert!(pages.iter().any(|one| one.file == page), "{name}");
        for Question { wrong, .. } in questions(&workspace(), &page).unwrap().unwrap() {
            for (option, reason) in wrong {
                assert!(reason.len() > 20, "{name}: why is {option:?} wrong?");
            }
        }
    }
}

#[test]
fn the_answer_about_a_program_is_the_compilers_or_the_tests_own() {
    let answer = |page: &str| {
        questions(&workspace(), page).unwrap().unwrap()[0]
            .answer
            .clone()
    };
    assert_eq!(
        answer("10-singleton-game.md"),
        "error[E0308]: mismatched types"
    );
    assert_eq!(answer("09-static-count.md"), "2");
    assert_eq!(
        answer("13a-one-price.md"),
        r#"{"type":"price","stock":"LATE","price":"7.50","last":true}"#
    );
    let held = "10 games added, 0 seen: 11 managers, one for each use of the const";
    assert_eq!(answer("07-bad-game.md"), held);
}

#[test]
fn the_questions_stand_before_the_instructors_notes_and_need_no_script() {
    let site = tempfile::tempdir().unwrap();
    build(&workspace(), site.path()).unwrap();
    for page in lessons() {
        let html = page.file.replace(".md", ".html");
        let text = fs::read_to_string(site.path().join(html)).unwrap();
        let found = |what: &str| text.find(what).unwrap_or_else(|| panic!("{what}: {text}"));
        let quiz = found("<section class=\"quiz\"");
        assert!(found("id=\"questions\"") < quiz, "{}", page.file);
        let notes = found("id=\"for-the-instructor\"");
        assert!(quiz < notes, "{}", page.file);
        for tag in [
            "<fieldset",
            "<legend>",
            "<details>",
            "<strong>Right:</strong>",
        ] {
            let count = text[quiz..notes].matches(tag).count();
            assert_eq!(count, 3, "{}: {tag}", page.file);
        }
    }
}

#[test]
fn a_quiz_that_is_not_whole_is_refused_by_its_name_and_number() {
    let written = |program: &str, answer: &str, distractors: &str, why: &str| {
        format!(
            "[[questions]]\ntype = \"MultipleChoice\"\n{program}\nprompt.prompt = \"Why?\"\n\
             prompt.distractors = {distractors}\n{answer}\nwhy = {why}\ncontext = \"so\"\n"
        )
    };
    let (typed, two) = ("answer.answer = \"a\"", "[\"b\", \"c\"]");
    let case = "program = \"case.rs\"";
    for (quiz, says) in [
        ("[[questions]]".to_owned(), "01-one.toml is no quiz"),
        (
            written("", typed, two, "[\"b\"]"),
            "1: it has 2 distractors and 1 reasons",
        ),
        (
            written("", typed, "[\"a\", \"c\"]", two),
            "\"a\" is the answer, and a distractor",
        ),
        (
            written("", "answer.line_with = \"a\"", two, two),
            "neither a program nor an answer",
        ),
        (written(case, typed, two, two), "is not typed"),
        (
            written(
                "program = \"none.rs\"",
                "answer.line_with = \"a\"",
                two,
                two,
            ),
            "there is no program",
        ),
        (
            written(case, "answer.line_with = \"none\"", two, two),
            "case.stderr has no line with \"none\" any more",
        ),
    ] {
        let place = tempfile::tempdir().unwrap();
        fs::create_dir_all(place.path().join("lessons/quizzes")).unwrap();
        fs::write(place.path().join("case.rs"), "").unwrap();
        fs::write(place.path().join("case.stderr"), "error[E0001]: no\n").unwrap();
        fs::write(place.path().join("lessons/quizzes/01-one.toml"), &quiz).unwrap();
        let refused = format!("{:#}", questions(place.path(), "01-one.md").unwrap_err());
        assert!(refused.contains(says), "{quiz}\n{refused}");
    }
}
