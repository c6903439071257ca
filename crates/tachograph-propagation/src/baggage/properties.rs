//! A member's properties: `;key` and `;key=value` after its value.
//!
//! The API keeps them as one text, its *metadata*. There values are decoded, as a member's value is, with one
//! exception: a `;` in a value would be the end of it, so it stays `%3B`; and where a value really has those
//! three characters, their `%` stays `%25`. Thus what is written is what was read.
//!
//! Keys are tokens, and are not encoded.

use crate::carrier::trimmed_text as trimmed;
use crate::coding::{Equals, decode, encode, encode_token};

/// The metadata for the properties that follow a value's first `;`.
pub(super) fn read(properties: &str) -> String {
    let mut metadata = String::new();
    if properties.is_empty() {
        return metadata;
    }
    for property in properties.split(';') {
        let (key, value) = match property.split_once('=') {
            Some((key, value)) => (trimmed(key), Some(trimmed(value))),
            None => (trimmed(property), None),
        };
        if key.is_empty() {
            continue;
        }
        if !metadata.is_empty() {
            metadata.push(';');
        }
        metadata.push_str(key);
        if let Some(value) = value {
            metadata.push('=');
            protect(&mut metadata, &decode(value));
        }
    }
    metadata
}

/// Appends the properties that the metadata has, each with the `;` before it.
pub(super) fn write(out: &mut Vec<u8>, metadata: &str, equals: Equals) {
    for property in metadata.split(';') {
        let (key, value) = match property.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.trim())),
            None => (property.trim(), None),
        };
        if key.is_empty() {
            continue;
        }
        out.push(b';');
        encode_token(out, key);
        if let Some(value) = value {
            out.push(b'=');
            encode(out, &unprotect(value), equals);
        }
    }
}

/// How many bytes [`write`] appends with `=` kept.
pub(super) fn written_length(metadata: &str) -> usize {
    if metadata.is_empty() {
        return 0;
    }
    let mut out = Vec::new();
    write(&mut out, metadata, Equals::Kept);
    out.len()
}

/// Appends a value so that it has no `;`.
fn protect(out: &mut String, value: &str) {
    for (at, character) in value.char_indices() {
        match character {
            ';' => out.push_str("%3B"),
            '%' if is_protected(value, at) => out.push_str("%25"),
            _ => out.push(character),
        }
    }
}

/// Undoes [`protect`].
fn unprotect(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let (character, length) = match escape.get(..3) {
            Some("%3B" | "%3b") => (';', 3),
            Some("%25") if is_protected(rest, at) => ('%', 3),
            _ => ('%', 1),
        };
        out.push(character);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Whether the `%` at `at` starts `%3B`, or that with the `%` protected any number of times.
fn is_protected(text: &str, at: usize) -> bool {
    let mut rest = text.get(at + 1..).unwrap_or_default();
    while let Some(next) = rest.strip_prefix("25") {
        rest = next;
    }
    rest.starts_with("3B") || rest.starts_with("3b")
}
