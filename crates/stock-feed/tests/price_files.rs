//! Files as people have them, through `stock-feed publish` and a real Redis: what a subscriber receives
//! is exactly what the file says, or the file is refused.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::io::Write;
use std::process::{Output, Stdio};
use std::sync::mpsc::{Receiver, channel};

use harness::{RedisServer, until};
use support::fleet::program;

/// The channel on which a test says that it has published all.
const END: &str = "END";

/// What the stocks' channels received, as `AAPL 172.50`, in order.
struct Subscriber(Receiver<String>);

impl Subscriber {
    fn start(redis: &RedisServer) -> Self {
        let mut connection = redis.connection();
        let (sender, received) = channel();
        std::thread::spawn(move || {
            let mut pubsub = connection.as_pubsub();
            pubsub.psubscribe("*").unwrap();
            loop {
                let message = match pubsub.get_message() {
                    Ok(message) => message,
                    Err(error) if error.is_timeout() => continue,
                    // Redis ended with the test.
                    Err(_) => break,
                };
                let price: String = message.get_payload().unwrap();
                let line = format!("{} {price}", message.get_channel_name());
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        until("somebody is subscribed", || {
            redis.publish(END, "first") == 1
        });
        let subscriber = Self(received);
        assert_eq!(subscriber.0.recv().unwrap(), format!("{END} first"));
        subscriber
    }

    /// What was received since the last call.
    fn received(&self, redis: &RedisServer) -> Vec<String> {
        redis.publish(END, "");
        let end = format!("{END} ");
        self.0.iter().take_while(|line| *line != end).collect()
    }
}

/// Publishes a text, from a file or through a pipe.
fn publish(redis: &RedisServer, flags: &[&str], text: &[u8], through_a_pipe: bool) -> Output {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text).unwrap();
    let mut command = program();
    command
        .args(["publish", "--rate", "0", "--redis", &redis.url()])
        .args(flags)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if !through_a_pipe {
        return command.arg(file.path()).output().unwrap();
    }
    let mut child = command.arg("-").stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // A program that has refused the first line reads no more of them.
    let _ = input.write_all(text);
    drop(input);
    child.wait_with_output().unwrap()
}

/// A file's name, the flags, its text, and the prices that it publishes.
type File<'a> = (&'a str, &'a [&'a str], &'a [u8], &'a [&'a str]);

/// Publishes each file twice, as a file and through a pipe.
fn each_is_published(files: &[File<'_>]) {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let subscriber = Subscriber::start(&redis);
    for (name, flags, text, prices) in files {
        for through_a_pipe in [false, true] {
            let output = publish(&redis, flags, text, through_a_pipe);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{name}: {errors}");
            assert!(!errors.contains("bad line"), "{name}: {errors}");
            let received = subscriber.received(&redis);
            assert_eq!(
                received, *prices,
                "{name}, pipe: {through_a_pipe}: {errors}"
            );
        }
    }
}

#[test]
fn downloads_of_well_known_sites_are_published_as_they_are() {
    each_is_published(&[
        (
            "Yahoo",
            &["--stock", "AAPL"],
            b"Date,Open,High,Low,Close,Adj Close,Volume\n\
              2024-01-02,187.149994,188.440002,183.889999,185.639999,184.938217,82488700\n\
              2024-01-03,null,null,null,null,null,null\n",
            &["AAPL 185.639999"],
        ),
        (
            "Stooq",
            &["--stock", "aapl"],
            b"Date,Open,High,Low,Close,Volume\r\n2024-01-02,186.03,187.31,182.79,184.53,82988716\r\n",
            &["AAPL 184.53"],
        ),
        (
            "Stooq's database",
            &[],
            b"<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\r\n\
              AAPL.US,D,20240102,000000,186.033,187.315,182.788,184.531,82988716,0\r\n",
            &["AAPL.US 184.531"],
        ),
        (
            "Stooq in Polish",
            &["--stock", "PKN"],
            b"Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen\n2024-01-02,65.5,66.4,65.2,66.01,1886415\n",
            &["PKN 66.01"],
        ),
        (
            "FRED",
            &["--stock", "^GSPC"],
            b"observation_date,SP500\n2024-01-01,\n2024-01-02,4742.83\n2024-01-03,4704.81\n",
            &["^GSPC 4742.83", "^GSPC 4704.81"],
        ),
        (
            "FRED, as it was",
            &["--stock", "EURUSD"],
            b"DATE,DEXUSEU\n2024-01-01,.\n2024-01-02,1.0956\n",
            &["EURUSD 1.0956"],
        ),
        (
            "ECB",
            &["--stock", "EURUSD"],
            b"KEY,FREQ,CURRENCY,TIME_PERIOD,OBS_VALUE,OBS_STATUS\n\
              EXR.D.USD.EUR.SP00.A,D,USD,2024-01-02,1.0956,A\n\
              EXR.D.USD.EUR.SP00.A,D,USD,2024-01-03,NaN,H\n",
            &["EURUSD 1.0956"],
        ),
        (
            "Nasdaq",
            &["--stock", "AAPL"],
            b"Date,Close/Last,Volume,Open,High,Low\n01/03/2024,$184.25,58414460,$184.22,$185.88,$183.43\n",
            &["AAPL 184.25"],
        ),
        (
            "Investing, in English",
            &["--stock", "NDX"],
            "\u{feff}\"Date\",\"Price\",\"Open\",\"High\",\"Low\",\"Vol.\",\"Change %\"\n\
             \"01/03/2024\",\"16,368.49\",\"16,449.50\",\"16,501.00\",\"16,343.83\",\"\",\"-1.06%\"\n"
                .as_bytes(),
            &["NDX 16368.49"],
        ),
        (
            "Investing, in German",
            &["--stock", "DAX"],
            "\u{feff}\"Datum\",\"Zuletzt\",\"Eröffn.\",\"Hoch\",\"Tief\",\"Vol.\",\"+/- %\"\n\
             \"03.01.2024\",\"16.538\",\"16.710,00\",\"16.714\",\"16.480\",\"\",\"-1,38%\"\n\
             \"02.01.2024\",\"16.769,36\",\"16.828\",\"16.963\",\"16.715\",\"\",\"0,11%\"\n"
                .as_bytes(),
            &["DAX 16538", "DAX 16769.36"],
        ),
        (
            "Kaggle's S&P 500",
            &[],
            b"date,open,high,low,close,volume,Name\n2013-02-08,15.07,15.12,14.63,14.75,8407500,AAL\n",
            &["AAL 14.75"],
        ),
        (
            "NSE",
            &["--stock", "NIFTY"],
            b"\"Date \",\"close \"\n\"03-Jan-2024\",\"21,517.35\"\n\"04-Jan-2024\",\"1,21,658.60\"\n",
            &["NIFTY 21517.35", "NIFTY 121658.60"],
        ),
    ]);
}

#[test]
fn spreadsheets_of_many_countries_are_published_to_the_last_digit() {
    each_is_published(&[
        (
            "German, three decimals",
            &[],
            b"Date;Symbol;Price\r\n02.01.2024;SAP;87,369\r\n02.01.2024;DTE;18,175\r\n",
            &["SAP 87.369", "DTE 18.175"],
        ),
        (
            "German, thousands, and a proof at its end",
            &[],
            b"Datum;Symbol;Kurs\r\n02.01.2024;DAX;16.769\r\n02.01.2024;SAP;139,48\r\n",
            &["DAX 16769", "SAP 139.48"],
        ),
        (
            "English numbers between semicolons",
            &[],
            b"Symbol;Price\nNDX;16,543\nAAPL;185.64\n",
            &["NDX 16543", "AAPL 185.64"],
        ),
        (
            "German, Windows-1252, with a currency",
            &[],
            b"Symbol;Schlusskurs;W\xe4hrung\r\nSAP;1.139,48 \x80;EUR\r\n",
            &["SAP 1139.48"],
        ),
        (
            "French, narrow no-break spaces",
            &["--stock", "MC"],
            "Date;Clôture\r\n02/01/2024;1\u{202f}234,50\r\n03/01/2024;\u{2212}0,25\r\n".as_bytes(),
            &["MC 1234.50", "MC -0.25"],
        ),
        (
            "French, Windows-1252",
            &["--stock", "MC"],
            b"Date;Cl\xf4ture\r\n02/01/2024;1\xa0234,50\r\n",
            &["MC 1234.50"],
        ),
        (
            "Boursorama",
            &["--stock", "MC"],
            b"date\touv\thaut\tbas\tclot\tvol\tdevise\t\n02/01/2024 00:00\t733,6\t739\t716,8\t721,9\t278458\tEUR\t\n",
            &["MC 721.9"],
        ),
        (
            "Swiss apostrophes, both kinds",
            &[],
            "Symbol;Kurs\nNESN;CHF 1'234.50\nGIVN;3’480\n".as_bytes(),
            &["NESN 1234.50", "GIVN 3480"],
        ),
        (
            "Excel's sep line, empty rows, and its padding",
            &[],
            "\u{feff}sep=;\r\nSymbol;Price;;\r\n;;;\r\nAAPL;172,50;;\r\n;;;\r\n".as_bytes(),
            &["AAPL 172.50"],
        ),
        (
            "semicolons inside the quotes of a comma file",
            &[],
            b"Symbol,\"Note; long\",Price\nAAPL,\"a; b; c\",172.50\n",
            &["AAPL 172.50"],
        ),
        (
            "old Mac",
            &[],
            b"AAPL,172.5\rMSFT,410.1\r",
            &["AAPL 172.5", "MSFT 410.1"],
        ),
        (
            "all three line ends",
            &[],
            b"stock,price\r\nAAPL,1\rAAPL,2\nAAPL,3",
            &["AAPL 1", "AAPL 2", "AAPL 3"],
        ),
        (
            "a column of its own",
            &["--stock", "AAPL", "--decimal", "comma"],
            b"172,50\n1.173,5\n",
            &["AAPL 172.50", "AAPL 1173.5"],
        ),
        (
            "the flag, where nothing else decides",
            &["--decimal", "point"],
            b"Symbol,Price\nNDX,\"16,543\"\n",
            &["NDX 16543"],
        ),
        (
            "pandas, with its index, by tabs",
            &[],
            b"\tDate\tTicker\tClose\n0\t2024-01-02\tAAPL\t185.63999938964844\n",
            &["AAPL 185.63999938964844"],
        ),
        (
            "bars",
            &[],
            b"Symbol|Last\nBRK.B|359.2\n",
            &["BRK.B 359.2"],
        ),
    ]);
}

#[test]
fn a_file_that_nothing_decides_or_of_another_kind_is_refused_and_nothing_of_it_is_published() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let subscriber = Subscriber::start(&redis);
    for (flags, text, says) in [
        (
            &[][..],
            &b"Symbol,Price\nNDX,\"16,543\"\n"[..],
            "\"16,543\" is 16.543 with a decimal comma and 16543 with a decimal point",
        ),
        (
            &[],
            b"Symbol;Price\nDAX;16.769\n",
            "--decimal comma or --decimal point",
        ),
        (&["--stock", "AAPL"], b"172,50\n", "--decimal comma"),
        (
            &[],
            b"observation_date,SP500\n2024-01-02,4742.83\n",
            "--stock SP500",
        ),
        (
            &[],
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03AAPL",
            "this is compressed (gzip)",
        ),
        (
            &[],
            b"PK\x03\x04\x14\0\x06\0\x08\0",
            "an Excel workbook (.xlsx)",
        ),
        (&[], b"\xff\xfeA\0A\0P\0L\0", "this is UTF-16"),
        (
            &[],
            b"[{\"symbol\":\"AAPL\",\"price\":172.5}]\n",
            "this is JSON",
        ),
        (&[], b"%PDF-1.7\n", "this is a PDF"),
        (&[], b"<!DOCTYPE html>\n<html>\n", "this is a web page"),
        (
            &[],
            b"[Event \"London\"]\n",
            "this is a file of chess games (PGN)",
        ),
    ] {
        for through_a_pipe in [false, true] {
            let output = publish(&redis, flags, text, through_a_pipe);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{errors}");
            assert!(errors.contains(says), "{says}: {errors}");
            assert!(errors.contains("nothing was published"), "{errors}");
            assert_eq!(subscriber.received(&redis), [""; 0], "{errors}");
        }
    }
    // Only a file can be read to its end before its first price leaves.
    let text = b"Symbol,Price\nAAPL,172\nNDX,\"16,543\"\n";
    let output = publish(&redis, &[], text, false);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(subscriber.received(&redis), [""; 0]);
}

#[test]
fn days_without_a_price_are_counted_and_do_not_fail_a_strict_run() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    let text = b"observation_date,SP500\n2024-01-01,\n2024-01-02,4742.83\n";
    let output = publish(&redis, &["--strict", "--stock", "^GSPC"], text, false);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    assert!(errors.contains("published 1 price of 1 stock"), "{errors}");
    assert!(errors.contains("; 1 line without a price"), "{errors}");
}
