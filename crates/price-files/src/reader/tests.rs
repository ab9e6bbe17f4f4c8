use super::*;
use crate::rows::MarkSurvey;

/// What is read of a pipe's lines, and when the mark is known.
fn piped(lines: &[&str]) -> Result<Vec<String>, BadLine> {
    let mut reader = PriceReader::new(Some(aapl()), None);
    let mut prices = Vec::new();
    for line in lines {
        reader.read(line.as_bytes(), &mut prices)?;
    }
    reader.finish(&mut prices)?;
    Ok(texts(&prices))
}

fn texts(prices: &[StockPrice]) -> Vec<String> {
    prices.iter().map(|read| read.price.to_string()).collect()
}

fn aapl() -> Stock {
    "AAPL".parse().unwrap()
}

#[test]
fn a_comma_before_three_digits_is_a_decimal_comma_where_semicolons_or_tabs_separate() {
    assert_eq!(
        piped(&["Date;Price", "2024-01-02;87,369", "2024-01-03;18,175"]).unwrap(),
        ["87.369", "18.175"]
    );
    assert_eq!(
        piped(&["Date\tPrice", "2024-01-02\t87,369"]).unwrap(),
        ["87.369"]
    );
}

#[test]
fn other_prices_of_the_column_prove_which_mark_it_is_before_and_after() {
    assert_eq!(
        piped(&["d;Price", "1;87,369", "2;18,175.50"]).unwrap(),
        ["87369", "18175.50"]
    );
    assert_eq!(
        piped(&["d;Price", "1;18,175.50", "2;87,369"]).unwrap(),
        ["18175.50", "87369"]
    );
    assert_eq!(
        piped(&["d,Price", "1,\"87,369\"", "2,\"18,5\""]).unwrap(),
        ["87.369", "18.5"]
    );
    assert_eq!(
        piped(&["d,Price", "1,\"18.175\"", "2,\"18.200,50\""]).unwrap(),
        ["18175", "18200.50"]
    );
    assert_eq!(
        piped(&["d;Price", "1;18.175", "2;999,50"]).unwrap(),
        ["18175", "999.50"]
    );
}

#[test]
fn where_nothing_proves_anything_the_flag_is_named() {
    for lines in [
        &["d,Price", "1,\"87,369\""][..],
        &["Price", "87,369"],
        &["d;Price", "1;18.175"],
        &["d\tPrice", "1\t87,369", "2\t18.175"],
    ] {
        let refused = piped(lines).expect_err("nothing decides").to_string();
        assert!(
            refused.contains("--decimal comma or --decimal point"),
            "{refused}"
        );
    }
}

#[test]
fn a_price_of_a_program_is_read_without_waiting_for_proof() {
    for (first, text) in [
        ("AAPL,172.500", "172.500"),
        ("AAPL\t1.085", "1.085"),
        ("AAPL,172", "172"),
        ("AAPL;172", "172"),
    ] {
        let mut reader = PriceReader::new(None, None);
        let mut prices = Vec::new();
        assert_eq!(
            reader.read(first.as_bytes(), &mut prices),
            Ok(Outcome::Read),
            "{first}"
        );
        assert_eq!(texts(&prices), [text]);
    }
}

#[test]
fn prices_that_wait_keep_their_order_and_leave_with_the_proof() {
    let mut reader = PriceReader::new(Some(aapl()), None);
    let mut prices = Vec::new();
    let mut read = |line: &str| reader.read(line.as_bytes(), &mut prices);
    assert_eq!(read("d;Price"), Ok(Outcome::Blank));
    assert_eq!(read("1;87,369"), Ok(Outcome::Held));
    assert_eq!(read("2;100"), Ok(Outcome::Held), "it may not overtake");
    assert_eq!(read("3;99,5"), Ok(Outcome::Read));
    assert_eq!(texts(&prices), ["87.369", "100", "99.5"]);
}

#[test]
fn a_price_with_the_other_mark_is_an_invalid_line() {
    let mut reader = PriceReader::new(Some(aapl()), None);
    let mut prices = Vec::new();
    reader.read(b"1;1.234,50", &mut prices).unwrap_err();
    let mut reader = PriceReader::new(Some(aapl()), None);
    reader.read(b"d;Price", &mut prices).unwrap();
    reader.read(b"1;1.234,50", &mut prices).unwrap();
    let refused = reader.read(b"2;1234.5", &mut prices).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "\"1234.5\" has a decimal point, and this file's prices have a decimal comma"
    );
}

#[test]
fn the_flag_decides_also_what_the_separator_would_decide_otherwise() {
    for (mark, text) in [
        (DecimalMark::Comma, "87.369"),
        (DecimalMark::Point, "87369"),
    ] {
        let mut reader = PriceReader::new(Some(aapl()), Some(mark));
        let mut prices = Vec::new();
        reader.read(b"d;Price", &mut prices).unwrap();
        reader.read(b"1;87,369", &mut prices).unwrap();
        assert_eq!(texts(&prices), [text]);
    }
    let mut reader = PriceReader::new(Some(aapl()), Some(DecimalMark::Comma));
    let mut prices = Vec::new();
    reader.read(b"172,50", &mut prices).unwrap();
    reader.read(b"1.173,5", &mut prices).unwrap();
    assert_eq!(texts(&prices), ["172.50", "1173.5"], "a column of its own");
}

#[test]
fn a_survey_sees_the_whole_file_before_a_price_of_it_is_read() {
    let survey = |lines: &[&str]| {
        let mut survey = MarkSurvey::new(Some(aapl()));
        for line in lines {
            survey.read(line.as_bytes())?;
        }
        survey.finish()
    };
    assert_eq!(
        survey(&["d;p;Price", "1;x;87,369", "2;x;99,5"]),
        Ok(Some(DecimalMark::Comma))
    );
    assert_eq!(survey(&["d;Price", "1;100"]), Ok(None));
    assert!(matches!(
        survey(&["d,Price", "1,100", "2,\"87,369\""]),
        Err(BadFile::UnknownMark { .. })
    ));
    let both = survey(&["d;Price", "1;87,369", "2;99,5", "3;99.5"]).unwrap_err();
    assert_eq!(
        both.to_string(),
        "\"87,369\" has two readings, and other prices show both a decimal comma (\"99,5\") and a \
         decimal point (\"99.5\"); say which it is: --decimal comma or --decimal point"
    );
}

#[test]
fn titles_rows_of_separators_and_a_separator_line_are_no_invalid_lines() {
    let mut reader = PriceReader::new(None, None);
    let mut prices = Vec::new();
    for line in [
        "\u{feff}sep=;",
        ";;",
        "\"Symbol\";\"Price\";\"Note\"",
        ";;",
        "AAPL;172,50;\"a; b\"",
        "AAPL;173,50;",
        "AAPL;174,50;;;",
        "",
    ] {
        reader
            .read(line.as_bytes(), &mut prices)
            .unwrap_or_else(|bad| panic!("{line}: {bad}"));
    }
    assert_eq!(texts(&prices), ["172.50", "173.50", "174.50"]);
}

#[test]
fn a_day_without_a_price_is_counted_and_not_invalid() {
    let mut reader = PriceReader::new(Some(aapl()), None);
    let mut prices = Vec::new();
    let mut read = |line: &str| reader.read(line.as_bytes(), &mut prices);
    assert_eq!(read("observation_date,SP500"), Ok(Outcome::Blank));
    assert_eq!(read("2024-01-01,"), Ok(Outcome::NoPrice));
    assert_eq!(read("2024-01-01,."), Ok(Outcome::NoPrice));
    assert_eq!(read("2024-01-02,4742.83"), Ok(Outcome::Read));
}

#[test]
fn an_invalid_line_says_what_is_wrong_with_it() {
    let mut reader = PriceReader::new(None, None);
    let mut prices = Vec::new();
    reader.read(b"stock,price", &mut prices).unwrap();
    let mut refused = |line: &[u8]| reader.read(line, &mut prices).unwrap_err();
    assert_eq!(
        refused(b"2018-06-01,65.81").to_string(),
        r#""2018-06-01" is a date, but it is in the column of stocks"#
    );
    assert!(matches!(refused(b"APPL"), BadLine::Columns(_)));
    assert!(matches!(refused(b"APPL,1,2"), BadLine::Columns(_)));
    assert!(matches!(refused(b"appl,1"), BadLine::Stock(_)));
    for line in [&b"APPL,1x3"[..], b"APPL,\xff", b"APPL,1e30"] {
        assert!(matches!(refused(line), BadLine::Price(_)));
    }
    let long = refused(&[b'x'; 2_000]);
    assert!(matches!(long, BadLine::TooLong(_)));
    assert!(long.to_string().len() < 150, "{long}");
}
