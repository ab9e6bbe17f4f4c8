//! A story as a figure in steps, which the book plays: a file of `crates/lessons/figures`.

use std::fmt::Write as _;

use crate::challenge::Challenge;
use crate::challenge::network::{Fate, Line};
use crate::wording::{capital, the};
use crate::world::{Ended, Fault};

/// The width of a drawing, in its own units. One column is narrower, so that a phone shows it larger.
const WIDTH: usize = 720;
const WIDTH_OF_ONE_COLUMN: usize = 400;

/// A party and the middle of its box.
struct Place<'a> {
    name: &'a str,
    x: usize,
    y: usize,
}

/// The width, and the places: users in the upper row, servers below them, and at the bottom what the servers ask.
fn places<C: Challenge>(ended: &Ended) -> (usize, Vec<Place<'_>>) {
    let lines = ended.told.iter().flat_map(|told| &told.lines);
    let names = lines.flat_map(|line| [line.from, line.to]);
    let mut rows: [Vec<&str>; 3] = Default::default();
    for name in names.chain(C::SERVERS.iter().copied()) {
        let row = if C::SERVERS.contains(&name) {
            1
        } else if C::STORES.contains(&name) || name == "broker" {
            2
        } else {
            0
        };
        if !rows[row].contains(&name) {
            rows[row].push(name);
        }
    }
    rows.iter_mut().for_each(|row| row.sort_unstable());
    let width = match rows.iter().all(|row| row.len() <= 1) {
        true => WIDTH_OF_ONE_COLUMN,
        false => WIDTH,
    };
    let mut places = Vec::new();
    let full = rows.iter().filter(|row| !row.is_empty());
    for (at, row) in full.enumerate() {
        let wide = width / row.len();
        places.extend(row.iter().enumerate().map(|(n, name)| Place {
            name,
            x: wide * n + wide / 2,
            y: at * 128 + 26,
        }));
    }
    (width, places)
}

/// The whole file: a drawing, and a list of the steps that change it.
pub(crate) fn figure<C: Challenge>(ended: &Ended) -> String {
    // The sentence below the drawing says which, and how.
    let broken = match &ended.fault {
        Some(Fault::Rule(_)) => "A rule is broken".into(),
        Some(Fault::Server(name, _)) => format!("{} fails", capital(&the(name))),
        Some(Fault::Endless) => "They answer each other without end".into(),
        None => "No rule is broken".into(),
    };
    let (width, places) = places::<C>(ended);
    let class = match width {
        WIDTH => "steps",
        _ => "steps small",
    };
    let mut text = format!(
        "<figure class=\"{class}\" data-steps=\"{}\">\n<figcaption>{}</figcaption>\n",
        ended.told.len() + 1,
        escaped(&capital(C::QUESTION))
    );
    draw(&mut text, width, &places, ended, &broken);
    text += "<ol>\n";
    for told in &ended.told {
        let beats: Vec<_> = told.lines.iter().map(beat).collect();
        let (beats, words) = (beats.join(", "), escaped(&told.words));
        let _ = writeln!(text, "  <li data-do=\"{beats}\">{words}.</li>");
    }
    let last = match &ended.fault {
        Some(Fault::Rule(broken)) => format!("{}: {}", broken.rule.words, broken.what),
        _ => broken,
    };
    let last = escaped(&capital(&last));
    let _ = writeln!(
        text,
        "  <li data-do=\"+broken\">{last}.</li>\n</ol>\n</figure>"
    );
    text
}

fn draw(text: &mut String, width: usize, places: &[Place<'_>], ended: &Ended, broken: &str) {
    let bottom = places.iter().map(|place| place.y).max().unwrap_or(0);
    let names: Vec<_> = places.iter().map(|place| place.name).collect();
    let _ = writeln!(
        text,
        "<svg viewBox=\"0 0 {width} {}\" role=\"img\" aria-label=\"From top to bottom: {}.\">",
        bottom + 70,
        escaped(&names.join(", "))
    );
    let mut wires: Vec<(&str, &str)> = Vec::new();
    for line in ended.told.iter().flat_map(|told| &told.lines) {
        if !wires.contains(&(line.from, line.to)) && !wires.contains(&(line.to, line.from)) {
            wires.push((line.from, line.to));
        }
    }
    let place = |name: &str| places.iter().find(|place| place.name == name);
    for (from, to) in wires {
        let (Some(one), Some(other)) = (place(from), place(to)) else {
            continue;
        };
        // From box to box: each is 40 high.
        let down = one.y < other.y;
        let (y, other_y) = match down {
            true => (one.y + 20, other.y - 20),
            false => (one.y - 20, other.y + 20),
        };
        let _ = writeln!(
            text,
            "  <path class=\"wire\" data-wire=\"{} {}\" d=\"M{} {y}L{} {other_y}\"/>",
            word(from),
            word(to),
            one.x,
            other.x
        );
    }
    for Place { name, x, y } in places {
        let (left, top, middle) = (x - 60, y - 20, y + 5);
        let _ = writeln!(
            text,
            "  <rect class=\"box\" x=\"{left}\" y=\"{top}\" width=\"120\" height=\"40\" rx=\"9\"/>\
             <text class=\"head mid\" x=\"{x}\" y=\"{middle}\">{name}</text>"
        );
    }
    let _ = writeln!(
        text,
        "  <g class=\"broken\" data-part=\"broken\"><text class=\"mid\" x=\"{}\" y=\"{}\">{}</text></g>\n</svg>",
        width / 2,
        bottom + 54,
        escaped(broken)
    );
}

/// A message as the book's engine reads it: `ann>server(label)` moves, `ann:server(label)` only appears.
/// A `/` divides a label: its two parts are written on both sides of the wire.
fn beat(line: &Line) -> String {
    let words = line.words.replace(['(', ')', '/', ','], " ");
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let blanks = words.match_indices(' ');
    let middle = blanks.min_by_key(|(at, _)| at.abs_diff(words.len() / 2));
    let label = match middle.filter(|_| words.len() > 14) {
        Some((at, _)) => format!("{}/{}", &words[..at], &words[at + 1..]),
        None => words,
    };
    let note = match line.fate {
        Fate::Arrived => None,
        Fate::Waits => Some("waits"),
        Fate::Lost => Some("lost"),
    };
    let way = if note.is_some() { ':' } else { '>' };
    let label = match note {
        None => label,
        Some(note) if label.contains('/') => format!("{label} {note}"),
        Some(note) => format!("{label}/{note}"),
    };
    format!(
        "{}{way}{}({})",
        word(line.from),
        word(line.to),
        escaped(&label)
    )
}

/// A name in `data-do`: letters and digits only.
fn word(name: &str) -> String {
    name.replace('-', "")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
