//! Page 0 and the glossary say what is so.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;

use lessons::page::workspace;

/// The cells of the rows of a page's table, without its head.
fn rows(page: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(workspace().join("lessons").join(page)).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ")).skip(1);
    let cells = |row: &str| {
        row.trim_matches('|')
            .split(" | ")
            .map(|cell| cell.trim().to_owned())
            .collect()
    };
    rows.map(cells).collect()
}

fn target(link: &str) -> &str {
    link.split_once("](").unwrap().1.trim_end_matches(')')
}

#[test]
fn each_line_of_rust_on_page_0_stands_in_the_file_beside_it() {
    // The other table, of what the compiler refuses, is not numbered.
    let rows = rows("00-reading-rust.md").into_iter();
    let rows = rows.filter(|row| row[0].parse::<u8>().is_ok());
    let lines: Vec<[String; 4]> = rows.filter_map(|row| row.try_into().ok()).collect();
    assert_eq!(lines.len(), 12);
    for [_, _, rust, file] in lines {
        let path = workspace().join("lessons").join(target(&file));
        let source = fs::read_to_string(path).unwrap();
        assert!(
            source.contains(rust.trim_matches('`')),
            "{rust} is not in {file}"
        );
    }
}

#[test]
fn the_words_of_the_glossary_are_in_order_and_each_is_met_in_its_lesson() {
    let rows = rows("15-glossary.md");
    // Two tables, with the head of the second between them.
    let tables: Vec<_> = rows.split(|row| row[0] == "word").collect();
    assert_eq!(tables.len(), 2);
    let name = |row: &Vec<String>| row[0].trim_matches(['`', '&', '\'']).to_lowercase();
    for table in &tables {
        assert!(table.len() > 15);
        assert!(table.is_sorted_by_key(name));
    }
    for row in tables.concat() {
        let page = fs::read_to_string(workspace().join("lessons").join(target(&row[2]))).unwrap();
        let page = page.to_lowercase().replace('\n', " ");
        for word in row[0].to_lowercase().split(", ") {
            assert!(page.contains(word), "{word} is not met in {}", row[2]);
        }
    }
}
