use std::fmt;

use crate::attributes::{Attributes, ValueRef};

/// Keys and values of one exemplar take no more bytes than this; an attribute that does not fit is left out.
const BUDGET: usize = 256;

/// The attributes of a measurement that its series has not.
///
/// Keys and values together take at most 256 bytes: what does not fit is left out, attribute by attribute, in the order in
/// which the measurement named them. Arrays are kept as their text.
#[derive(Default, PartialEq)]
pub struct FilteredAttributes {
    /// One attribute after the other: kind, length of the key, key, value; a string with its length before it.
    bytes: Vec<u8>,
}

const STR: u8 = 0;
const BOOL: u8 = 1;
const I64: u8 = 2;
const F64: u8 = 3;

impl FilteredAttributes {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The attributes, in the order in which they were named; each key once.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ValueRef<'_>)> {
        let mut rest = &*self.bytes;
        std::iter::from_fn(move || read(&mut rest))
    }

    /// Replaces what there is by those of some attributes that are not among the series' own; keeps its memory.
    pub(crate) fn set<A: Attributes + ?Sized>(&mut self, attributes: &A, is_own: impl Fn(&str) -> bool) {
        self.bytes.clear();
        attributes.visit(|key, value| {
            if !is_own(key.as_str()) {
                self.put(key.as_str(), value);
            }
        });
    }

    /// Adds an attribute if there is room; one whose key is there already replaces it.
    fn put(&mut self, key: &str, value: ValueRef<'_>) {
        self.remove(key);
        let text;
        let (kind, word, value): (u8, [u8; 8], &[u8]) = match value {
            ValueRef::Str(value) => (STR, [0; 8], value.as_bytes()),
            ValueRef::Bool(value) => (BOOL, u64::from(value).to_le_bytes(), &[]),
            ValueRef::I64(value) => (I64, value.to_le_bytes(), &[]),
            ValueRef::F64(value) => (F64, value.to_bits().to_le_bytes(), &[]),
            ValueRef::Array(value) => {
                text = value.to_string();
                (STR, [0; 8], text.as_bytes())
            }
        };
        let taken: usize = self.iter().map(|(key, value)| size(key, value)).sum();
        let size = key.len() + if kind == STR { value.len() } else { word.len() };
        let (Ok(key_len), Ok(value_len)) = (u16::try_from(key.len()), u16::try_from(value.len())) else {
            return;
        };
        if taken + size > BUDGET {
            return;
        }
        self.bytes.push(kind);
        self.bytes.extend_from_slice(&key_len.to_le_bytes());
        self.bytes.extend_from_slice(key.as_bytes());
        if kind == STR {
            self.bytes.extend_from_slice(&value_len.to_le_bytes());
            self.bytes.extend_from_slice(value);
        } else {
            self.bytes.extend_from_slice(&word);
        }
    }

    fn remove(&mut self, key: &str) {
        let mut rest = &*self.bytes;
        let found = std::iter::from_fn(|| {
            let before = rest.len();
            read(&mut rest).map(|(name, _)| (name == key, before, rest.len()))
        })
        .find(|(same, ..)| *same);
        if let Some((_, before, after)) = found {
            let all = self.bytes.len();
            self.bytes.drain(all - before..all - after);
        }
    }
}

fn size(key: &str, value: ValueRef<'_>) -> usize {
    key.len() + if let ValueRef::Str(text) = value { text.len() } else { size_of::<u64>() }
}

/// Reads one attribute off the front; `None` at the end.
fn read<'a>(rest: &mut &'a [u8]) -> Option<(&'a str, ValueRef<'a>)> {
    let kind = *rest.split_off_first()?;
    let key = text(rest)?;
    if kind == STR {
        return Some((key, ValueRef::Str(text(rest)?)));
    }
    let word = u64::from_le_bytes(*rest.split_off(..8)?.first_chunk()?);
    let value = match kind {
        BOOL => ValueRef::Bool(word != 0),
        I64 => ValueRef::I64(word.cast_signed()),
        _ => ValueRef::F64(f64::from_bits(word)),
    };
    Some((key, value))
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let len = u16::from_le_bytes(*rest.split_off(..2)?.first_chunk()?);
    std::str::from_utf8(rest.split_off(..usize::from(len))?).ok()
}

impl Clone for FilteredAttributes {
    fn clone(&self) -> Self {
        FilteredAttributes { bytes: self.bytes.clone() }
    }

    /// Keeps the memory that there is.
    fn clone_from(&mut self, other: &Self) {
        self.bytes.clone_from(&other.bytes);
    }
}

impl fmt::Debug for FilteredAttributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::{Array, KeyValue, Value};

    fn of(attributes: &[KeyValue], kept: &[&str]) -> FilteredAttributes {
        let mut filtered = FilteredAttributes::default();
        filtered.set(attributes, |key| kept.contains(&key));
        filtered
    }

    fn shown(filtered: &FilteredAttributes) -> String {
        format!("{filtered:?}")
    }

    #[test]
    fn attributes_of_every_kind_come_back_in_order_without_those_that_the_series_has() {
        let attributes = [
            KeyValue::new("text", "ä"),
            KeyValue::new("own", "no"),
            KeyValue::new("flag", true),
            KeyValue::new("n", -7),
            KeyValue::new("ratio", 0.5),
            KeyValue::new("list", Value::Array(Array::I64(vec![1, 2]))),
            KeyValue::new("", ""),
        ];
        assert_eq!(
            shown(&of(&attributes, &["own"])),
            r#"{"text": Str("ä"), "flag": Bool(true), "n": I64(-7), "ratio": F64(0.5), "list": Str("[1,2]"), "": Str("")}"#
        );
    }

    #[test]
    fn the_last_of_duplicates_is_kept() {
        let attributes = [KeyValue::new("a", "1"), KeyValue::new("b", 2), KeyValue::new("a", "3")];
        assert_eq!(shown(&of(&attributes, &[])), r#"{"b": I64(2), "a": Str("3")}"#);
    }

    #[test]
    fn what_exceeds_the_budget_is_left_out_attribute_by_attribute() {
        let attributes = [
            KeyValue::new("a", "x".repeat(200)),
            KeyValue::new("b", "y".repeat(55)),
            KeyValue::new("c", "z".repeat(70_000)),
            KeyValue::new("d", "z".repeat(52)),
            KeyValue::new("e", ""),
        ];
        let filtered = of(&attributes, &[]);
        let keys: Vec<&str> = filtered.iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["a", "d", "e"], "201 bytes, 53 and 1");
    }
}
