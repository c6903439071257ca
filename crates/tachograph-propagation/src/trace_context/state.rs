//! The `tracestate` header: a list of `key=value` of the tracing systems that took part.

use opentelemetry::trace::TraceState;

use crate::carrier::{Field, Source, trimmed};

/// A list has at most so many members.
const MEMBERS: usize = 32;

/// A key, and a value, have at most so many characters.
const KEY: usize = 256;
const VALUE: usize = 256;

/// Lists of more bytes, over all headers, are not read: 32 members have at most 16,447, and the rest is for white
/// space and empty members. It bounds the work that a header can ask for.
pub(crate) const READ_AT_MOST: usize = 32 * 1024;

/// Lists are cut to so many characters when they are sent, well above the 512 that must be passed on.
pub(crate) const WRITE_AT_MOST: usize = 4096;

/// Where a list must be cut, members of more characters go first.
const LARGE: usize = 128;

/// Reads all headers as one list. A list that breaks the grammar anywhere is discarded whole, and is then
/// empty, as the list of a request without the header is.
pub(super) fn read(source: &impl Source) -> TraceState {
    let mut list = List { members: [("", ""); MEMBERS], count: 0, bytes: 0, broken: false };
    source.each(Field::TraceState, &mut |header| list.header(header));
    match list.members.get(..list.count) {
        Some(members) if !list.broken && !members.is_empty() => hold(members),
        _ => TraceState::NONE,
    }
}

/// What the API's type can hold of the members. It knows less than the grammar: of a key it takes no second
/// `@`, and after the first at most 13 characters that start with a letter or a digit.
fn hold(members: &[(&str, &str)]) -> TraceState {
    TraceState::from_key_value(members.iter().copied()).unwrap_or_else(|_| {
        let holds = |member: &&(&str, &str)| TraceState::from_key_value([**member]).is_ok();
        TraceState::from_key_value(members.iter().filter(holds).copied()).unwrap_or_default()
    })
}

struct List<'a> {
    members: [(&'a str, &'a str); MEMBERS],
    count: usize,
    bytes: usize,
    broken: bool,
}

impl<'a> List<'a> {
    fn header(&mut self, header: &'a [u8]) {
        self.bytes = self.bytes.saturating_add(header.len());
        self.broken |= self.bytes > READ_AT_MOST;
        if !self.broken {
            self.broken = header.split(|byte| *byte == b',').any(|member| self.member(member).is_none());
        }
    }

    /// Adds a member; nothing if it is malformed, or one too many.
    fn member(&mut self, member: &'a [u8]) -> Option<()> {
        let member = trimmed(member);
        if member.is_empty() {
            return Some(());
        }
        let separator = member.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (member.get(..separator)?, member.get(separator + 1..)?);
        if !is_key(key) || !is_value(value) {
            return None;
        }
        let place = self.members.get_mut(self.count)?;
        *place = (str::from_utf8(key).ok()?, str::from_utf8(value).ok()?);
        self.count += 1;
        Some(())
    }
}

fn is_key(key: &[u8]) -> bool {
    let starts = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    key.len() <= KEY
        && key.first().is_some_and(starts)
        && key.iter().all(|byte| starts(byte) || matches!(byte, b'_' | b'-' | b'*' | b'/' | b'@'))
}

/// Whether it is a value; one that does not end in a space.
fn is_value(value: &[u8]) -> bool {
    value.len() <= VALUE
        && value.last().is_some_and(|byte| *byte != b' ')
        && value.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b',' | b'='))
}

/// The list as one header; nothing if it is empty, since an empty one is not sent.
///
/// Members that the grammar does not know, such as one without a value, are left out: the API's type holds
/// them, but for whoever receives them the whole list would be broken.
pub(super) fn write(state: &TraceState) -> Option<Vec<u8>> {
    let mut members = [("", ""); MEMBERS];
    let mut count = 0;
    let valid = state.into_iter().filter(|(key, value)| is_key(key.as_bytes()) && is_value(value.as_bytes()));
    for (place, member) in members.iter_mut().zip(valid) {
        *place = member;
        count += 1;
    }
    let members = members.get_mut(..count)?;
    let mut size = members.iter().map(length).sum::<usize>() + count.checked_sub(1)?;
    // From the right, where those are that changed least recently: first the large ones, then all.
    for larger_than in [LARGE, 0] {
        for member in members.iter_mut().rev() {
            if size > WRITE_AT_MOST && length(member) > larger_than {
                size -= length(member) + 1;
                *member = ("", "");
            }
        }
    }
    let mut header = Vec::with_capacity(size);
    for (key, value) in members.iter().filter(|(key, _)| !key.is_empty()) {
        if !header.is_empty() {
            header.push(b',');
        }
        header.extend_from_slice(key.as_bytes());
        header.push(b'=');
        header.extend_from_slice(value.as_bytes());
    }
    Some(header)
}

/// How many characters a member has; none if it was dropped.
fn length((key, value): &(&str, &str)) -> usize {
    if key.is_empty() { 0 } else { key.len() + 1 + value.len() }
}
