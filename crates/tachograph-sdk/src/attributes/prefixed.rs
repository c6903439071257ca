//! Keys of a set within a set, behind a prefix: put together at compile time.
//!
//! A key that is recorded is a string that lives as long as the program, and so has to be the key of
//! a nested set with its prefix. What it is made of are constants of two crates, which `concat!` cannot
//! join; what is here can, in constants of a fixed size.

use super::key::KeyRef;
use super::schema::{AttributesSchema, Part};
use super::value_ref::ValueRef;

/// The most attributes that a set with sets inside may have.
const MOST_KEYS: usize = 32;
/// The most bytes that their keys may have together.
const MOST_BYTES: usize = 1_024;

/// The keys of a set, each behind a prefix, one after the other; for the derive.
#[doc(hidden)]
#[derive(Debug)]
pub struct KeyTexts {
    bytes: [u8; MOST_BYTES],
    len: usize,
    /// Where each key ends.
    ends: [usize; MOST_KEYS],
    keys: usize,
    prefix: usize,
    mistake: Option<&'static str>,
}

/// What stands before a key: the prefixes of the sets that it is in, the innermost first.
struct Prefix<'a> {
    text: &'a str,
    outer: Option<&'a Prefix<'a>>,
}

impl Prefix<'_> {
    const fn is_empty(&self) -> bool {
        self.text.is_empty()
            && match self.outer {
                Some(outer) => outer.is_empty(),
                None => true,
            }
    }
}

impl KeyTexts {
    /// The keys of `schema` behind `prefix`.
    pub const fn new(prefix: &str, schema: &AttributesSchema) -> Self {
        let mut texts = KeyTexts {
            bytes: [0; MOST_BYTES],
            len: 0,
            ends: [0; MOST_KEYS],
            keys: 0,
            prefix: prefix.len(),
            mistake: None,
        };
        texts.add_set(&Prefix { text: prefix, outer: None }, schema);
        texts
    }

    /// What is wrong with the keys.
    pub const fn mistake(&self) -> Option<&'static str> {
        self.mistake
    }

    const fn add_set(&mut self, prefix: &Prefix<'_>, schema: &AttributesSchema) {
        if schema.open && !prefix.is_empty() {
            self.mistake = Some(
                "a set whose keys are not known at compile time cannot have a prefix: flatten it without one, or \
                 give its type a `SCHEMA`",
            );
        }
        let mut at = 0;
        while at < schema.fields.len() && self.mistake.is_none() {
            let field = &schema.fields[at];
            match field.part {
                Part::Set(set) => self.add_set(&Prefix { text: field.name, outer: Some(prefix) }, set),
                Part::Value(_) => self.add_key(&Prefix { text: field.name, outer: Some(prefix) }),
            }
            at += 1;
        }
    }

    const fn add_key(&mut self, key: &Prefix<'_>) {
        if self.keys == MOST_KEYS {
            self.mistake = Some("a set with sets inside may have at most 32 attributes");
            return;
        }
        self.add_text(key);
        self.ends[self.keys] = self.len;
        self.keys += 1;
        let mut other = 0;
        while other + 1 < self.keys {
            if same(self.bytes_of(other), self.bytes_of(self.keys - 1)) {
                self.mistake = Some(
                    "two attributes of one set have the same key: rename a field, or give the set within the set \
                     a prefix",
                );
            }
            other += 1;
        }
    }

    /// Appends the outermost prefix first.
    const fn add_text(&mut self, part: &Prefix<'_>) {
        if let Some(outer) = part.outer {
            self.add_text(outer);
        }
        let text = part.text.as_bytes();
        if self.len + text.len() > MOST_BYTES {
            self.mistake = Some("the keys of a set with sets inside may have at most 1,024 bytes together");
            return;
        }
        let mut at = 0;
        while at < text.len() {
            self.bytes[self.len] = text[at];
            self.len += 1;
            at += 1;
        }
    }

    const fn bytes_of(&self, key: usize) -> &[u8] {
        let begin = if key == 0 { 0 } else { self.ends[key - 1] };
        self.bytes.split_at(self.ends[key]).0.split_at(begin).1
    }
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// From the keys of a set within a set to those of the set around it; for the derive.
#[doc(hidden)]
#[derive(Debug)]
pub struct PrefixedKeys {
    /// The key within, and the whole one, of which it is the end.
    keys: [(&'static str, &'static str); MOST_KEYS],
    len: usize,
}

impl PrefixedKeys {
    /// The keys with these texts.
    ///
    /// # Panics
    ///
    /// At compile time, where something is wrong with them.
    pub const fn new(texts: &'static KeyTexts) -> Self {
        if let Some(mistake) = texts.mistake {
            panic!("{}", mistake);
        }
        let mut keys = [("", ""); MOST_KEYS];
        let mut at = 0;
        while at < texts.keys {
            let whole = texts.bytes_of(at);
            let within = whole.split_at(texts.prefix).1;
            // Joined from whole strings, so that both are text.
            if let (Ok(within), Ok(whole)) = (str::from_utf8(within), str::from_utf8(whole)) {
                keys[at] = (within, whole);
            }
            at += 1;
        }
        PrefixedKeys { keys, len: texts.keys }
    }

    /// The whole key; a key that the set's schema does not have stays as it is.
    #[inline]
    pub fn whole<'a>(&'static self, within: KeyRef<'a>) -> KeyRef<'a> {
        let text = within.as_str();
        self.keys[..self.len]
            .iter()
            .find(|(key, _)| *key == text)
            .map_or(within, |(_, whole)| KeyRef::from_static(whole))
    }

    /// A visitor that gives the whole keys to another.
    #[inline]
    pub fn visitor<'a>(
        &'static self,
        mut visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>),
    ) -> impl FnMut(KeyRef<'a>, ValueRef<'a>) {
        move |key, value| visitor(self.whole(key), value)
    }
}
