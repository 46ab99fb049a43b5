//! JSON, strictly: what two readers could understand in two ways is refused.
//!
//! A key that stands twice, a number that is no size, and text after the end are such ways
//! (CVE-2021-41190 is one of a family). serde's own structs would also take a list for an object.
//! Go's reader, which most tools are made with, takes `Layers` for `layers`, and the last of several:
//! so a key that differs from one that counts in its case alone is refused.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::LARGEST_DOCUMENT;
use super::malformed::{Malformed, short};

/// Objects and lists inside each other at most.
const DEEPEST: usize = 64;
/// So that memory is some 20 MiB at most, whatever the 4 MiB are made of.
const MOST_VALUES: usize = 100_000;
/// All larger numbers are not exact in every reader.
const LARGEST_NUMBER: u64 = 1 << 53;

/// One value. Numbers that are no size are kept as such only.
#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    Number(Option<u64>),
    Bool,
    Text(String),
    List(Vec<Value>),
    /// Sorted by key.
    Object(Vec<(String, Value)>),
}

/// An object, and how to call it in messages.
pub(in crate::image) struct Object<'a> {
    values: &'a [(String, Value)],
    /// `layers[3]`; empty for the whole document.
    place: String,
}

/// A document as it was read.
pub(in crate::image) struct Json(Value);

impl Json {
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() as u64 > LARGEST_DOCUMENT {
            return Err(Malformed::new(format!(
                "it is larger than {} MiB",
                LARGEST_DOCUMENT >> 20
            )));
        }
        let mut values = 0;
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let seed = Seed { depth: 0, values: &mut values };
        seed.deserialize(&mut reader)
            .and_then(|value| reader.end().map(|()| Self(value)))
            .map_err(|error| Malformed::new(format!("it is no JSON: {}", words(&error))))
    }

    /// The object that the whole document is.
    pub fn root(&self) -> Result<Object<'_>, Malformed> {
        match &self.0 {
            Value::Object(values) => Ok(Object { values, place: String::new() }),
            _ => Err(Malformed::new("it is no JSON object")),
        }
    }

    /// The objects in the list that the whole document is.
    pub fn roots(&self) -> Result<Vec<Object<'_>>, Malformed> {
        match &self.0 {
            Value::List(list) => objects(list, ""),
            _ => Err(Malformed::new("it is no JSON list")),
        }
    }
}

// `null` counts as absent everywhere: the tools, which are written in Go, write it for what is empty.
impl<'a> Object<'a> {
    pub fn has(&self, key: &str) -> Result<bool, Malformed> {
        Ok(self.get(key)?.is_some())
    }

    pub fn text(&self, key: &str) -> Result<Option<&'a str>, Malformed> {
        match self.get(key)? {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.malformed(key, "is no text")),
        }
    }

    /// A whole number from 0 to 2^53 - 1.
    pub fn number(&self, key: &str) -> Result<Option<u64>, Malformed> {
        match self.get(key)? {
            None => Ok(None),
            Some(Value::Number(Some(number))) => Ok(Some(*number)),
            Some(_) => Err(self.malformed(key, "is no whole number from 0 to 2^53 - 1")),
        }
    }

    pub fn object(&self, key: &str) -> Result<Option<Object<'a>>, Malformed> {
        match self.get(key)? {
            None => Ok(None),
            Some(Value::Object(values)) => Ok(Some(Object { values, place: self.place(key) })),
            Some(_) => Err(self.malformed(key, "is no object")),
        }
    }

    pub fn objects(&self, key: &str) -> Result<Option<Vec<Object<'a>>>, Malformed> {
        let Some(list) = self.list(key)? else { return Ok(None) };
        objects(list, &self.place(key)).map(Some)
    }

    pub fn texts(&self, key: &str) -> Result<Option<Vec<&'a str>>, Malformed> {
        let Some(list) = self.list(key)? else { return Ok(None) };
        let text = |value: &'a Value| match value {
            Value::Text(text) => Ok(text.as_str()),
            _ => Err(self.malformed(key, "has something else than texts in it")),
        };
        list.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// Complains about the value of `key`.
    pub fn malformed(&self, key: &str, what: impl fmt::Display) -> Malformed {
        Malformed::new(format!("`{}` {what}", self.place(key)))
    }

    fn list(&self, key: &str) -> Result<Option<&'a [Value]>, Malformed> {
        match self.get(key)? {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(_) => Err(self.malformed(key, "is no list")),
        }
    }

    fn get(&self, key: &str) -> Result<Option<&'a Value>, Malformed> {
        let mut found = None;
        for (name, value) in self.values {
            if name == key {
                found = Some(value).filter(|value| **value != Value::Null);
            } else if folded(name).eq(folded(key)) {
                let (name, key) = (short(name), self.place(key));
                return Err(Malformed::new(format!("it has `{name}` where `{key}` is meant")));
            }
        }
        Ok(found)
    }

    fn place(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }
}

fn objects<'a>(list: &'a [Value], place: &str) -> Result<Vec<Object<'a>>, Malformed> {
    let object = |(index, value): (usize, &'a Value)| match value {
        Value::Object(values) => Ok(Object { values, place: format!("{place}[{index}]") }),
        _ => Err(Malformed::new(format!("`{place}[{index}]` is no object"))),
    };
    list.iter().enumerate().map(object).collect()
}

/// The letters without their case, as Go compares keys: `ſ` is an `s` too (encoding/json, `foldName`).
fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// Reads one value, and counts.
struct Seed<'a> {
    depth: usize,
    values: &'a mut usize,
}

impl Seed<'_> {
    fn inner(&mut self) -> Seed<'_> {
        Seed { depth: self.depth + 1, values: self.values }
    }

    fn check_depth<E: Error>(&self) -> Result<(), E> {
        if self.depth < DEEPEST {
            return Ok(());
        }
        Err(E::custom(format!("more than {DEEPEST} objects and lists inside each other")))
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        *self.values += 1;
        if *self.values > MOST_VALUES {
            return Err(D::Error::custom(format!("more than {MOST_VALUES} values")));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Bool)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number((number < LARGEST_NUMBER).then_some(number)))
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Number(None))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Number(None))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut list = Vec::new();
        while let Some(value) = items.next_element_seed(self.inner())? {
            list.push(value);
        }
        list.shrink_to_fit();
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut entries: A) -> Result<Value, A::Error> {
        self.check_depth()?;
        let mut object = Vec::new();
        while let Some(key) = entries.next_key::<String>()? {
            object.push((key, entries.next_value_seed(self.inner())?));
        }
        object.sort_by(|(one, _), (other, _)| one.cmp(other));
        if let Some(pair) = object.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(A::Error::custom(format!("the key `{}` stands twice", short(&pair[0].0))));
        }
        object.shrink_to_fit();
        Ok(Value::Object(object))
    }
}

/// serde_json's words without capitals.
fn words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.strip_prefix("EOF") {
        Some(rest) => format!("it ends too early{rest}"),
        None => text,
    }
}
