//! The pace at which a user is sent prices, as the command line and the address of a handshake name it.

use axum::http::Uri;
use pubsub_manager::{BadPace, Pace};
use url::form_urlencoded;

use crate::request::BadRequest;

/// The parameter of a handshake's address, as in `/ws?pace=1s`. A browser's page can set no header of a
/// handshake, and a request after it would come when the user was sent prices at another pace already.
const PARAMETER: &str = "pace";

/// Reads a pace as a person writes it, for instance `500ms` or `1s`.
pub(crate) fn pace(text: &str) -> Result<Pace, BadPace> {
    let interval = humantime::parse_duration(text).map_err(|_| BadPace)?;
    Pace::new(interval)
}

/// The pace that a user asks for, or that of this server if it asks for none.
pub(crate) fn asked(address: &Uri, own: Option<Pace>) -> Result<Option<Pace>, BadRequest> {
    let query = address.query().unwrap_or_default();
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    let Some((_, text)) = parameters.find(|(name, _)| name == PARAMETER) else {
        return Ok(own);
    };
    let pace = pace(&text).map_err(|error| BadRequest::BadPace(error.to_string()))?;
    match own {
        Some(own) if pace < own => Err(BadRequest::BadPace(format!(
            "this server's pace is {}, and a user may only ask for a slower one",
            humantime::format_duration(own.interval())
        ))),
        _ => Ok(Some(pace)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked_of(own: Option<&str>, address: &str) -> Result<Option<Pace>, &'static str> {
        let own = own.map(|own| pace(own).unwrap());
        asked(&address.parse().unwrap(), own).map_err(|error| error.code())
    }

    #[test]
    fn a_user_asks_for_a_pace_by_the_query_of_its_address() {
        for (address, wanted) in [
            ("/ws?pace=1s", "1s"),
            ("/ws?v=1&pace=100ms", "100ms"),
            ("/ws?pace=1500ms&v=1", "1500ms"),
            ("/ws?pace=1s%20500ms", "1500ms"),
            ("/ws?pace=1s+500ms", "1500ms"),
            ("/ws?pace=60s", "1m"),
        ] {
            assert_eq!(asked_of(None, address), Ok(pace(wanted).ok()), "{address}");
        }
    }

    #[test]
    fn a_user_that_asks_for_none_has_the_servers() {
        for address in ["/ws", "/ws?", "/ws?v=1", "/ws?PACE=2s", "/ws?%zz&=&x=pace"] {
            assert_eq!(asked_of(None, address), Ok(None), "{address}");
            assert_eq!(
                asked_of(Some("1s"), address),
                Ok(pace("1s").ok()),
                "{address}"
            );
        }
    }

    #[test]
    fn a_pace_that_is_invalid_or_out_of_bounds_has_a_code() {
        for text in [
            "",
            "0s",
            "99ms",
            "60001ms",
            "61s",
            "1",
            "-1s",
            "abc",
            "1e9s",
            "99999999999999y",
        ] {
            let address = format!("/ws?pace={text}");
            assert_eq!(asked_of(None, &address), Err("bad_pace"), "{text}");
        }
        assert_eq!(asked_of(None, "/ws?pace"), Err("bad_pace"));
    }

    #[test]
    fn a_user_may_ask_for_a_slower_pace_than_the_servers_and_not_for_a_faster_one() {
        for (text, wanted) in [
            ("1s", Ok(pace("1s").ok())),
            ("2s", Ok(pace("2s").ok())),
            ("999ms", Err("bad_pace")),
        ] {
            assert_eq!(
                asked_of(Some("1s"), &format!("/ws?pace={text}")),
                wanted,
                "{text}"
            );
        }
    }
}
