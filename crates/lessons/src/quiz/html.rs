//! The questions as HTML that works without script: the answers are folded then.

use std::fmt::Write as _;

use super::Question;

/// A form for each question, and the answers once more for print. There are no blank lines, because
/// Markdown would end the HTML there. `link` says where the page with a program is.
pub(super) fn html(page: &str, questions: &[Question], link: impl Fn(&str) -> String) -> String {
    let (mut html, mut answers) = (String::new(), String::new());
    let page = page.trim_end_matches(".md");
    for (question, number) in questions.iter().zip(1..) {
        let name = format!("{page}-{number}");
        let _ = writeln!(html, "<fieldset class=\"question\">");
        let _ = writeln!(
            html,
            "<legend>{number}. {}</legend>",
            escaped(&question.prompt)
        );
        let options = question.options();
        for (at, (option, _)) in options.iter().enumerate() {
            let _ = writeln!(
                html,
                "<label><input type=\"radio\" name=\"{name}\" value=\"{at}\"><span>{}</span></label>",
                escaped(option)
            );
        }
        let _ = writeln!(html, "<details><summary>Answer</summary>");
        for (option, reason) in &options {
            let verdict = match *option == question.answer {
                true => "Right",
                false => "No",
            };
            let _ = writeln!(
                html,
                "<p><strong>{verdict}:</strong> <span class=\"option\">{}.</span> {}</p>",
                escaped(option),
                escaped(reason)
            );
        }
        // A case names its error in its first line: the way to it stands with the answer.
        if let Some(program) = &question.program {
            let (link, program) = (link(program), escaped(program));
            let _ = writeln!(
                html,
                "<p class=\"program\">The program: <a href=\"{link}\">{program}</a></p>"
            );
        }
        let _ = writeln!(html, "</details>\n</fieldset>");
        let _ = writeln!(answers, "<li>{}</li>", escaped(&question.answer));
    }
    format!(
        "<section class=\"quiz\" aria-label=\"Questions\">\n{html}\
         <div class=\"answers\"><p>Answers</p><ol>\n{answers}</ol></div>\n</section>\n\n"
    )
}

impl Question {
    /// Each option with its reason, the right one at a place that is always the same and that one
    /// cannot guess.
    fn options(&self) -> Vec<(&str, &str)> {
        let wrong = self.wrong.iter();
        let mut options: Vec<(&str, &str)> = wrong
            .map(|(option, why)| (option.as_str(), why.as_str()))
            .collect();
        let sum: usize = self.prompt.bytes().map(usize::from).sum();
        let place = sum % (options.len() + 1);
        options.insert(place, (&self.answer, &self.context));
        options
    }
}

/// Escaped, with code between backticks.
pub(crate) fn escaped(text: &str) -> String {
    let text = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    let mut html = String::new();
    for (part, number) in text.split('`').zip(0..) {
        let _ = match number % 2 {
            0 => write!(html, "{part}"),
            _ => write!(html, "<code>{part}</code>"),
        };
    }
    html
}
