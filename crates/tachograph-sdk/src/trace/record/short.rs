//! Short keys and values, which are copied by a few instructions instead of a call.

use super::layout::{ATTRIBUTE_HEAD, MAX_KEY, cut};

/// Longest key or value that is copied without a call; most are no longer.
pub(super) const SHORT: usize = 32;

/// Bytes of the longest attribute of a short key and value. Where an attribute is put there is always a place of this size, whose
/// rest may be written over: sizes are constant then, and one comparison with the buffer's end is enough.
pub(super) const PLACE: usize = ATTRIBUTE_HEAD + 2 * SHORT;

/// An attribute's head. The tag tells most keys of one length from each other.
#[inline(always)]
pub(super) fn head(kind: u8, key: &[u8], value_len: usize) -> [u8; ATTRIBUTE_HEAD] {
    let tag = key.last().copied().unwrap_or(0);
    let [k0, k1] = (key.len() as u16).to_ne_bytes();
    let [v0, v1, v2, v3] = (value_len as u32).to_ne_bytes();
    [kind, tag, k0, k1, v0, v1, v2, v3]
}

/// A key in the form in which spans are recorded, made once for many spans: setting an attribute copies it as it is.
///
/// For code that knows the keys before there are values, as the fields of a `tracing` callsite are known; see
/// [`AttributeWriter::add_key`](crate::trace::AttributeWriter::add_key). Keys of up to 32 bytes gain by it.
#[derive(Clone, Copy, Debug)]
pub struct AttributeKey {
    text: &'static str,
    /// The head of an attribute without a kind and a value.
    head: u64,
    bytes: [u8; SHORT],
    /// Where the value begins; beyond any place for a key that is not short, or that is refused because it is empty.
    end: usize,
}

impl AttributeKey {
    /// Of a key's text.
    pub fn new(text: &'static str) -> Self {
        let mut bytes = [0; SHORT];
        let mut end = usize::from(u16::MAX);
        if !text.is_empty() && text.len() <= SHORT {
            end = ATTRIBUTE_HEAD + text.len();
            bytes[..text.len()].copy_from_slice(text.as_bytes());
        }
        let head = u64::from_ne_bytes(head(0, text.as_bytes(), 0));
        AttributeKey { text: cut(text, MAX_KEY), head, bytes, end }
    }

    /// The key's text, cut where it is longer than any key may be.
    pub fn text(&self) -> &'static str {
        self.text
    }

    /// Where the value begins.
    #[inline(always)]
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Puts head and key at a place, and gives that of the value; `None` for a key that is not short.
    #[inline(always)]
    pub(super) fn put<'p>(
        &self,
        place: &'p mut [u8; PLACE],
        kind: u8,
        value_len: u32,
    ) -> Option<&'p mut [u8; SHORT]> {
        let [v0, v1, v2, v3] = value_len.to_ne_bytes();
        let head = self.head | u64::from_ne_bytes([kind, 0, 0, 0, v0, v1, v2, v3]);
        place[..ATTRIBUTE_HEAD].copy_from_slice(&head.to_ne_bytes());
        place[ATTRIBUTE_HEAD..ATTRIBUTE_HEAD + SHORT].copy_from_slice(&self.bytes);
        place.get_mut(self.end..)?.first_chunk_mut()
    }
}

/// What may go the short way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShortLimits {
    /// Attributes of the span.
    pub(super) attributes: u32,
    /// Bytes of a text.
    pub(super) text: usize,
}

impl ShortLimits {
    /// A text of so many bytes has no more characters than `value_length`.
    #[inline(always)]
    pub(crate) fn new(attributes: u32, value_length: Option<usize>) -> Self {
        ShortLimits { attributes, text: value_length.map_or(SHORT, |limit| limit.min(SHORT)) }
    }
}

/// Copies up to [`SHORT`] bytes: the first and the last few, which overlap.
#[inline(always)]
pub(super) fn copy_short(to: &mut [u8; SHORT], from: &[u8]) {
    #[inline(always)]
    fn edges<const N: usize>(to: &mut [u8; SHORT], from: &[u8]) {
        if let (Some(first), Some(last)) = (from.first_chunk::<N>(), from.last_chunk::<N>()) {
            to[..N].copy_from_slice(first);
            if let Some(to) = to.get_mut(from.len() - N..).and_then(|to| to.first_chunk_mut()) {
                *to = *last;
            }
        }
    }
    match from.len() {
        16.. => edges::<16>(to, from),
        8.. => edges::<8>(to, from),
        4.. => edges::<4>(to, from),
        2.. => edges::<2>(to, from),
        _ => edges::<1>(to, from),
    }
}

/// Puts a head and a short key at a place, and gives that of the value.
#[inline(always)]
pub(super) fn put_short<'p>(
    place: &'p mut [u8; PLACE],
    head: [u8; ATTRIBUTE_HEAD],
    key: &[u8],
) -> Option<&'p mut [u8; SHORT]> {
    let (to_head, rest) = place.split_first_chunk_mut()?;
    *to_head = head;
    copy_short(rest.first_chunk_mut()?, key);
    rest.get_mut(key.len()..)?.first_chunk_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_texts_of_every_length_are_copied_whole() {
        let text: Vec<u8> = (1..=SHORT as u8).collect();
        for len in 0..=SHORT {
            let mut place = [0; SHORT];
            copy_short(&mut place, &text[..len]);
            assert_eq!(place[..len], text[..len], "{len}");
            assert!(place[len..].iter().all(|byte| *byte == 0), "{len}");
        }
    }
}
