//! The label texts of one metric's series, formatted once: as text, or as messages.

/// What is known of a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeriesText<'a> {
    /// Its text has not been formatted.
    Unknown,
    /// It is not on the page: another series has its labels.
    Dropped,
    /// The text between a sample's name and its value, or the labels of a message.
    Text(&'a [u8]),
}

/// Texts by the number of the series: one allocation for all of them, and 8 bytes for each.
#[derive(Debug, Default)]
pub(crate) struct SeriesTexts {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// How many of the spans are unknown.
    unknown: usize,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    const UNKNOWN: Span = Span { start: 0, len: u32::MAX };
    const DROPPED: Span = Span { start: 0, len: u32::MAX - 1 };
}

impl SeriesTexts {
    /// How many series there is an answer for, [`SeriesText::Unknown`] included.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Makes room for series numbers below `len`.
    pub(crate) fn grow_to(&mut self, len: usize) {
        if len > self.spans.len() {
            let more = len - self.spans.len();
            reserve_frugally(&mut self.spans, more);
            self.spans.resize(len, Span::UNKNOWN);
            self.unknown += more;
        }
    }

    /// Whether there is a series below [`len`](Self::len) that has no text yet: it had no point when it was
    /// looked at.
    pub(crate) fn has_unknown(&self) -> bool {
        self.unknown > 0
    }

    fn set(&mut self, series: usize, span: Span) {
        let before = std::mem::replace(&mut self.spans[series], span);
        self.unknown -= usize::from(before.len == Span::UNKNOWN.len);
    }

    #[inline]
    pub(crate) fn get(&self, series: usize) -> SeriesText<'_> {
        let Some(span) = self.spans.get(series) else {
            return SeriesText::Unknown;
        };
        let start = span.start as usize;
        match self.bytes.get(start..start + span.len as usize) {
            Some(text) => SeriesText::Text(text),
            None if span.len == Span::DROPPED.len => SeriesText::Dropped,
            None => SeriesText::Unknown,
        }
    }

    /// Keeps a series' text. A metric's texts beyond 4 GiB are not kept, and their series dropped.
    pub(crate) fn insert(&mut self, series: usize, text: &[u8]) {
        self.grow_to(series + 1);
        let start = u32::try_from(self.bytes.len());
        let end = u32::try_from(self.bytes.len() + text.len());
        let span = match (start, end) {
            (Ok(start), Ok(end)) if end - start < Span::DROPPED.len => {
                reserve_frugally(&mut self.bytes, text.len());
                self.bytes.extend_from_slice(text);
                Span { start, len: end - start }
            }
            _ => Span::DROPPED,
        };
        self.set(series, span);
    }

    pub(crate) fn mark_dropped(&mut self, series: usize) {
        self.grow_to(series + 1);
        self.set(series, Span::DROPPED);
    }

    /// The texts there are, with the number of their series.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        (0..self.spans.len()).filter_map(|series| match self.get(series) {
            SeriesText::Text(text) => Some((series, text)),
            SeriesText::Unknown | SeriesText::Dropped => None,
        })
    }
}

/// Grows by a thirty-second: there may be a hundred thousand series, and half of it unused would be felt. What is
/// copied for that, once in the life of a text, is little beside formatting it.
fn reserve_frugally<T>(vec: &mut Vec<T>, more: usize) {
    if vec.capacity() - vec.len() < more {
        vec.reserve_exact(more.max(vec.capacity() / 32).max(64));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_by_series_in_whatever_order_they_came() {
        let mut texts = SeriesTexts::default();
        texts.insert(2, b"two");
        texts.insert(0, b"");
        texts.mark_dropped(3);
        assert_eq!(texts.get(0), SeriesText::Text(b""));
        assert_eq!(texts.get(1), SeriesText::Unknown);
        assert_eq!(texts.get(2), SeriesText::Text(b"two"));
        assert_eq!(texts.get(3), SeriesText::Dropped);
        assert_eq!(texts.get(4), SeriesText::Unknown);
        assert_eq!(texts.len(), 4);
        assert!(texts.has_unknown());
        texts.insert(1, b"one");
        assert!(!texts.has_unknown());
        let all: Vec<_> = texts.iter().collect();
        assert_eq!(all, [(0, &b""[..]), (1, b"one"), (2, b"two")]);
    }
}
