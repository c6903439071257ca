//! The `tracestate` header: a list of `key=value` of the tracing systems that took part.

use std::borrow::Cow;

use opentelemetry::trace::TraceState;

use crate::carrier::{Field, Source, Text, trimmed_text};
use crate::class::Class;

/// A list has at most so many members.
const MEMBERS: usize = 32;

/// A key, and a value, have at most so many characters.
const LONGEST: usize = 256;

/// Lists of more bytes, over all headers, are not read: 32 members have at most 16,447, and the rest is for white
/// space and empty members. It bounds the work that a header can ask for.
const READ_AT_MOST: usize = 32 * 1024;

/// Lists are cut to so many characters when they are sent, well above the 512 that must be passed on.
const WRITE_AT_MOST: usize = 4096;

/// Where a list must be cut, members of more characters go first.
const LARGE: usize = 128;

/// Reads all headers as one list. A list that breaks the grammar anywhere is discarded whole, and is then
/// empty, as the list of a request without the header is.
pub(super) fn read(source: &impl Source) -> TraceState {
    let mut headers = source.each(Field::TraceState);
    let Some(first) = headers.next() else { return TraceState::NONE };
    joined(first, headers).as_deref().and_then(list).unwrap_or_default()
}

/// The headers as one, unless that has too many bytes, or some that the grammar does not know anywhere.
fn joined<'a>(first: Text<'a>, others: impl Iterator<Item = Text<'a>>) -> Option<Cow<'a, str>> {
    let mut list = Cow::Borrowed(first.ok()?);
    for header in others {
        let header = header.ok()?;
        if list.len() + header.len() >= READ_AT_MOST {
            return None;
        }
        let list = list.to_mut();
        list.push(',');
        list.push_str(header);
    }
    (list.len() <= READ_AT_MOST).then_some(list)
}

/// Reads a list; nothing for one that is malformed or has too many members.
fn list(list: &str) -> Option<TraceState> {
    let mut members = Members { rest: Some(list), count: 0, malformed: false };
    let state = TraceState::from_key_value(&mut members);
    // The API stops at the last member it can hold, or at the first that it cannot.
    members.by_ref().for_each(drop);
    match state {
        _ if members.malformed || members.count > MEMBERS => None,
        Ok(state) => Some(state),
        Err(_) => Some(what_is_held(list)),
    }
}

/// What the API's type can hold of a valid list. It knows less than the grammar: of a key it takes no second
/// `@`, and after the first at most 13 characters that start with a letter or a digit.
fn what_is_held(list: &str) -> TraceState {
    let members = Members { rest: Some(list), count: 0, malformed: false };
    let held = members.filter(|member| TraceState::from_key_value([*member]).is_ok());
    TraceState::from_key_value(held).unwrap_or_default()
}

/// A list's members, without the empty ones, up to the first that is malformed.
struct Members<'a> {
    rest: Option<&'a str>,
    count: usize,
    malformed: bool,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let rest = self.rest?;
            let member = match plain(rest) {
                Some((member, rest)) => {
                    self.rest = rest;
                    Some(member)
                }
                None => {
                    let comma = rest.bytes().position(|byte| byte == b',');
                    let member = trimmed_text(rest.get(..comma.unwrap_or(rest.len()))?);
                    self.rest = comma.and_then(|comma| rest.get(comma + 1..));
                    if member.is_empty() {
                        continue;
                    }
                    member.split_once('=').filter(is_valid)
                }
            };
            self.count += 1;
            self.malformed = member.is_none();
            if self.malformed || self.count > MEMBERS {
                self.rest = None;
            }
            return member;
        }
    }
}

/// The first member and what follows its comma, if it is valid, with nothing around it to leave out. Looks at
/// each character once.
fn plain(list: &str) -> Option<((&str, &str), Option<&str>)> {
    let (key, rest) = list.split_at_checked(Class::STATE_KEY.run(list.as_bytes()))?;
    let value = rest.strip_prefix('=')?;
    let (value, rest) = value.split_at_checked(Class::STATE_VALUE.run(value.as_bytes()))?;
    let rest = match rest.as_bytes() {
        [] => None,
        [b',', ..] => rest.get(1..),
        _ => return None,
    };
    has_right_ends((key.as_bytes(), value.as_bytes())).then_some(((key, value), rest))
}

/// Whether key and value are what the grammar knows.
fn is_valid((key, value): &(&str, &str)) -> bool {
    let (key, value) = (key.as_bytes(), value.as_bytes());
    has_right_ends((key, value)) && Class::STATE_KEY.has_all(key) && Class::STATE_VALUE.has_all(value)
}

/// Whether lengths, a key's start and a value's end, which is no space, are what the grammar knows.
fn has_right_ends((key, value): (&[u8], &[u8])) -> bool {
    key.len() <= LONGEST
        && value.len() <= LONGEST
        && key.first().is_some_and(|byte| Class::STATE_KEY_START.has(*byte))
        && value.last().is_some_and(|byte| *byte != b' ')
}

/// The list as one header; nothing if it is empty, since an empty one is not sent.
///
/// Members that the grammar does not know, such as one without a value, are left out: the API's type holds
/// them, but for whoever receives them the whole list would be broken.
pub(super) fn write(state: &TraceState) -> Option<Vec<u8>> {
    // Each with the comma after it.
    let size_of = |member| is_valid(&member).then(|| length(member) + 1);
    match state.into_iter().map(size_of).sum::<Option<usize>>() {
        Some(size) => fitting(size, state.into_iter()),
        None => {
            let valid: Vec<_> = state.into_iter().filter(is_valid).collect();
            fitting(valid.iter().map(|member| length(*member) + 1).sum(), valid.into_iter())
        }
    }
}

/// The members, which have `size` bytes with a comma after each, as one header: as many as it may have.
fn fitting<'a>(size: usize, members: impl Iterator<Item = (&'a str, &'a str)>) -> Option<Vec<u8>> {
    let size = size.checked_sub(1)?;
    Some(if size <= WRITE_AT_MOST { written(size, members) } else { cut(size, members.collect()) })
}

fn written<'a>(size: usize, members: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    let mut header = Vec::with_capacity(size);
    for (key, value) in members {
        if !header.is_empty() {
            header.push(b',');
        }
        header.extend_from_slice(key.as_bytes());
        header.push(b'=');
        header.extend_from_slice(value.as_bytes());
    }
    header
}

/// As [`written`], without as many members as are too many: from the right, where those are that were changed
/// least recently; the large ones first, and then any.
fn cut(mut size: usize, mut members: Vec<(&str, &str)>) -> Vec<u8> {
    for larger_than in [LARGE, 0] {
        let mut index = members.len();
        while size > WRITE_AT_MOST && index > 0 {
            index -= 1;
            if let Some(length) =
                members.get(index).map(|member| length(*member)).filter(|l| *l > larger_than)
            {
                size -= length + 1;
                members.remove(index);
            }
        }
    }
    written(size, members.into_iter())
}

/// How many characters a member has.
fn length((key, value): (&str, &str)) -> usize {
    key.len() + 1 + value.len()
}
