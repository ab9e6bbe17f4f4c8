//! Messages and names in words.
//!
//! A message is described in the student's own terms: its type and its fields, from its JSON.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::Serialize;
use serde_json::Value;

/// A message in words: its type, then its values. Sender and receiver are known already.
pub(crate) fn message<M: Serialize>(message: &M, known: [&str; 2]) -> String {
    let json = serde_json::to_string(message).expect("messages are plain data");
    let Fields(fields) = serde_json::from_str(&json).expect("a message is an object");
    let parts = fields.iter().filter_map(|(name, value)| match value {
        Value::String(text) if known.contains(&text.as_str()) => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(list) if list.is_empty() => Some("(no moves)".to_owned()),
        Value::Array(list) => {
            let list: Vec<_> = list.iter().filter_map(Value::as_str).collect();
            Some(format!("({})", list.join(" ")))
        }
        Value::Number(number) if name == "request" => Some(format!("#{number}")),
        Value::Number(number) if name == "number" => Some(number.to_string()),
        other => Some(format!("{name} {other}")),
    });
    parts.collect::<Vec<_>>().join(" ")
}

/// The fields of an object in the order in which they are written; `serde_json::Map` sorts them.
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// A name with its article: "the broker", but "Ann" and "server-1".
pub(crate) fn the(name: &str) -> String {
    let proper = name.contains(|letter: char| letter.is_uppercase() || letter.is_numeric());
    match proper {
        true => name.to_owned(),
        false => format!("the {name}"),
    }
}

pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).collect()
}
