//! Files that are no table of prices at all, by their first bytes.

use crate::error::BadFile;

/// What a file begins with, what it is then, and what to do about it.
const SIGNATURES: [(&[u8], &str, &str); 15] = [
    (b"\x1f\x8b", "compressed (gzip)", "unpack it first: gunzip"),
    (b"BZh", "compressed (bzip2)", "unpack it first: bunzip2"),
    (b"\xfd7zXZ\0", "compressed (xz)", "unpack it first: unxz"),
    (
        b"\x28\xb5\x2f\xfd",
        "compressed (zstd)",
        "unpack it first: unzstd",
    ),
    (b"7z\xbc\xaf\x27\x1c", "compressed (7z)", "unpack it first"),
    (
        b"PK\x03\x04",
        "compressed (zip), as an Excel workbook (.xlsx) is, too",
        "unpack it first, or save the workbook's sheet as CSV",
    ),
    (
        b"\xd0\xcf\x11\xe0",
        "an Excel workbook (.xls)",
        "save its sheet as CSV",
    ),
    (b"%PDF-", "a PDF", "its table has to become CSV"),
    (b"{\\rtf", "a text document (RTF)", "save it as plain text"),
    (b"PAR1\x15", "a Parquet file", "convert it to CSV"),
    (b"ARROW1\0", "an Arrow file", "convert it to CSV"),
    (
        b"SQLite format 3\0",
        "a SQLite database",
        "write its table as CSV: sqlite3 -csv -header",
    ),
    (
        b"[Event ",
        "a file of chess games (PGN)",
        "give a file of prices",
    ),
    (b"\xff\xfe", UTF_16, CONVERT),
    (b"\xfe\xff", UTF_16, CONVERT),
];

const UTF_16: &str = "UTF-16";
const CONVERT: &str = "save it as UTF-8, or convert it: iconv -f UTF-16 -t UTF-8";

/// What a web page begins with, in small letters.
const PAGES: [&[u8]; 3] = [b"<!doctype", b"<html", b"<?xml"];

/// Refuses a file by its first line if that shows another kind of file.
pub(crate) fn refuse_other_kinds(line: &[u8]) -> Result<(), BadFile> {
    let refuse = |is, advice| Err(BadFile::OtherKind { is, advice });
    let text = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    let text = text.trim_ascii_start();
    for (start, is, advice) in SIGNATURES {
        if text.starts_with(start) {
            return refuse(is, advice);
        }
    }
    if let [first, second, ..] = text
        && (*first == 0) != (*second == 0)
    {
        return refuse(UTF_16, CONVERT);
    }
    if is_json(text) {
        return refuse("JSON", "convert it to CSV, lines of STOCK,PRICE");
    }
    let small = text.to_ascii_lowercase();
    if PAGES.iter().any(|page| small.starts_with(page)) {
        return refuse(
            "a web page (HTML or XML)",
            "the download may have been answered with an error; look at it in a browser",
        );
    }
    Ok(())
}

/// An object, or an array of what JSON has; `[` alone may begin a line of text, too.
fn is_json(text: &[u8]) -> bool {
    let inner = match text {
        [b'{', ..] => return true,
        [b'[', inner @ ..] => inner.trim_ascii_start(),
        _ => return false,
    };
    matches!(
        inner,
        [] | [b'{' | b'[' | b']' | b'"' | b'-' | b'0'..=b'9', ..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_kind_is_named_with_what_to_do() {
        for (start, says) in [
            (
                &b"\x1f\x8b\x08\0"[..],
                "this is compressed (gzip); unpack it first: gunzip",
            ),
            (b"BZh91AY", "compressed (bzip2)"),
            (b"\xfd7zXZ\0\0", "compressed (xz)"),
            (b"\x28\xb5\x2f\xfd\x04", "compressed (zstd)"),
            (b"7z\xbc\xaf\x27\x1c\0", "compressed (7z)"),
            (
                b"PK\x03\x04\x14\0\x06\0[Content_Types].xml",
                "an Excel workbook (.xlsx)",
            ),
            (b"\xd0\xcf\x11\xe0\xa1", "an Excel workbook (.xls)"),
            (b"%PDF-1.7", "a PDF"),
            (b"{\\rtf1\\ansi", "RTF"),
            (b"PAR1\x15", "Parquet"),
            (b"SQLite format 3\0", "SQLite"),
            (b"[Event \"London\"]", "a file of chess games (PGN)"),
            (b"\xff\xfeA\0", "UTF-16"),
            (b"\xfe\xff\0A", "UTF-16"),
            (b"A\0A\0P\0L\0", "UTF-16"),
            (b"\0A\0A", "UTF-16"),
            (b"[", "this is JSON"),
            (b" [{\"stock\":\"AAPL\"}]", "this is JSON"),
            (b"[[1527811200, 65.81]]", "this is JSON"),
            (b"\xef\xbb\xbf{\"chart\":{}}", "this is JSON"),
            (b"<!DOCTYPE html>", "a web page"),
            (b"<?xml version=\"1.0\"?>", "a web page"),
        ] {
            let refused = refuse_other_kinds(start).expect_err(says).to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn the_first_line_of_a_table_is_of_no_other_kind() {
        for line in [
            "",
            "A",
            "<TICKER>,<PER>,<DATE>",
            "AAPL,1",
            "[a note]",
            "PK,1",
            "\u{feff}stock,price",
        ] {
            assert_eq!(refuse_other_kinds(line.as_bytes()), Ok(()), "{line}");
        }
    }
}
