//! Three questions for each page, in `lessons/quizzes/`, named after the page.
//!
//! The keys are mdbook-quiz's, with a reason for each wrong option. Where a question is about a
//! program, its answer is not typed: it is taken from what a test holds to the truth, so a program
//! that changes cannot leave a wrong answer behind.

mod html;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use crate::named::page_of;
pub(crate) use html::escaped;
use html::html;

/// The questions of a page.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    questions: Vec<Written>,
}

/// A question as it is written down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(rename = "type")]
    kind: Kind,
    program: Option<String>,
    prompt: Prompt,
    answer: Answer,
    why: Vec<String>,
    context: String,
}

#[derive(Debug, Deserialize)]
enum Kind {
    MultipleChoice,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Prompt {
    prompt: String,
    distractors: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    answer: Option<String>,
    held_by: Option<String>,
    line_with: Option<String>,
}

/// A question with its answer.
#[derive(Clone, Debug)]
pub struct Question {
    /// The question, in Markdown.
    pub prompt: String,
    /// The right option; `wrong` has the others.
    pub answer: String,
    /// The wrong options, each with the reason why it is wrong.
    pub wrong: Vec<(String, String)>,
    /// Why the right option is right.
    pub context: String,
    /// The case, example or crate that it is about.
    pub program: Option<String>,
}

/// The questions of a page, or `None` where it has none.
///
/// # Errors
/// The file is not as it should be, or what an answer is taken from does not have it any more.
pub fn questions(workspace: &Path, page: &str) -> Result<Option<Vec<Question>>> {
    let name = format!("lessons/quizzes/{}", page.replace(".md", ".toml"));
    let file = workspace.join(&name);
    if !file.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {name}"))?;
    let written: File = toml::from_str(&text).with_context(|| format!("{name} is no quiz"))?;
    let questions = written.questions.into_iter().zip(1..);
    let questions = questions.map(|(written, number)| {
        written
            .whole(workspace)
            .with_context(|| format!("{name}, question {number}"))
    });
    questions.collect::<Result<_>>().map(Some)
}

/// A page with its questions, which stand before the notes for the instructor.
///
/// # Errors
/// The page has no such notes.
pub fn added(text: String, page: &str, questions: &[Question]) -> Result<String> {
    if questions.is_empty() {
        return Ok(text);
    }
    let notes = "\n## For the instructor\n";
    let (before, after) = text
        .split_once(notes)
        .with_context(|| format!("lessons/{page}: there is no{notes}"))?;
    let html = html(page, questions, |program| {
        page_of(program).replace(".md", ".html")
    });
    Ok(format!("{before}\n## Questions\n\n{html}{notes}{after}"))
}

impl Written {
    fn whole(self, workspace: &Path) -> Result<Question> {
        let Kind::MultipleChoice = self.kind;
        let distractors = self.prompt.distractors;
        ensure!(
            distractors.len() >= 2 && distractors.len() == self.why.len(),
            "it has {} distractors and {} reasons in `why`: two or more, and a reason for each",
            distractors.len(),
            self.why.len()
        );
        let answer = match (&self.program, self.answer.answer) {
            (None, Some(answer)) => answer,
            (None, None) => bail!("it has neither a program nor an answer"),
            (Some(_), Some(_)) => bail!(
                "the answer about a program is not typed: write answer.line_with, and answer.held_by"
            ),
            (Some(program), None) => {
                ensure!(
                    workspace.join(program).exists(),
                    "there is no program {program}"
                );
                let held_by = self.answer.held_by;
                let held_by = held_by.unwrap_or_else(|| program.replace(".rs", ".stderr"));
                let with = self.answer.line_with.context("line_with is missing")?;
                taken(workspace, &held_by, &with)?
            }
        };
        for text in [&answer, &self.context, &self.prompt.prompt] {
            ensure!(!text.trim().is_empty(), "a text of it is empty");
        }
        ensure!(
            !distractors.contains(&answer),
            "{answer:?} is the answer, and a distractor"
        );
        Ok(Question {
            prompt: self.prompt.prompt,
            answer,
            wrong: distractors.into_iter().zip(self.why).collect(),
            context: self.context,
            program: self.program,
        })
    }
}

/// The answer in the first line that has these words: of a test the longest text in quotation marks,
/// of anything else the line.
fn taken(workspace: &Path, held_by: &str, with: &str) -> Result<String> {
    let text = fs::read_to_string(workspace.join(held_by));
    let text = text.with_context(|| format!("cannot read {held_by}"))?;
    let line = text.lines().find(|line| line.contains(with));
    let line = line.with_context(|| format!("{held_by} has no line with {with:?} any more"))?;
    let answer = match held_by.ends_with(".rs") {
        false => line,
        true => {
            let longest = quoted(line).into_iter().max_by_key(|text| text.len());
            longest.with_context(|| format!("{held_by} quotes nothing in {line:?}"))?
        }
    };
    // Columns are for a terminal.
    let words: Vec<_> = answer.split_whitespace().collect();
    Ok(words.join(" ").replace("\\n", ""))
}

/// What stands in quotation marks in a line of Rust.
fn quoted(line: &str) -> Vec<&str> {
    if let Some((_, rest)) = line.split_once("r#\"") {
        return rest.split("\"#").take(1).collect();
    }
    line.split('"').skip(1).step_by(2).collect()
}
