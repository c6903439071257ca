//! That no series is on a page twice.
//!
//! Two series are one to a Prometheus server if their label texts are equal. Different attribute sets
//! can have equal texts: keys that translate to one name (`a.b`, `a_b`), values of different types with
//! one spelling (`1`, `"1"`), a value that is empty beside none, metrics of one name from different
//! scopes when scope labels are off. A server drops one of the two and warns, and which one it is is
//! chance; so it must not come to that.
//!
//! Telling by the texts themselves would keep every text twice. But equal texts are impossible while
//! every label's name comes from one key only, with values of one type that have one spelling, which is
//! how programs are: [`Identities`] watches that, at the price of a few keys per family, and begins to
//! keep texts when it no longer holds.

use std::collections::HashMap;
use std::mem::Discriminant;

use opentelemetry::Value;

use crate::labels::{Label, LabelValue};

/// A series of a family: the metric's place among the family's members, and the series' number.
pub(crate) type SeriesId = (u32, usize);

/// So many labels of a family are watched; a family with more keeps its texts.
const WATCHED: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Identities {
    labels: Vec<WatchedLabel>,
    /// The first series of each text, once texts can be equal.
    owners: Option<HashMap<Box<[u8]>, SeriesId>>,
    /// Series that are added up, by the number of the sum: those whose text an earlier series has,
    /// and that earlier one.
    groups: HashMap<SeriesId, Group>,
    group_count: usize,
}

/// A sum that a series is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The sum's number.
    pub(crate) number: usize,
    /// Whether the series is the one that had the labels first.
    pub(crate) is_first: bool,
}

#[derive(Debug)]
struct WatchedLabel {
    name: Box<str>,
    key: Box<str>,
    kind: Discriminant<Value>,
}

impl Identities {
    /// Whether equal texts are impossible so far, that is, whether texts need not be compared.
    pub(crate) fn are_distinct(&self) -> bool {
        self.owners.is_none()
    }

    /// Looks at the labels of a new series; `false` when equal texts have become possible by them.
    pub(crate) fn stay_distinct(&mut self, labels: &[Label<'_>]) -> bool {
        labels.iter().all(|label| match label.value {
            LabelValue::Text(_) => true,
            LabelValue::Attribute(value) => self.watch(label, value),
        })
    }

    fn watch(&mut self, label: &Label<'_>, value: &Value) -> bool {
        let has_one_spelling = match value {
            Value::String(text) => !text.as_str().is_empty(),
            Value::Bool(_) | Value::I64(_) => true,
            // The zeros, the kinds of NaN, and arrays of either.
            _ => false,
        };
        // An attribute that looks like a scope's could make members equal that differ by their scopes; each
        // escaping scheme has its own idea of the prefix.
        if !has_one_spelling || (label.name.contains("otel") && label.name.contains("scope")) {
            return false;
        }
        let kind = std::mem::discriminant(value);
        match self.labels.iter().find(|watched| *watched.name == *label.name) {
            Some(watched) => *watched.key == *label.key && watched.kind == kind,
            None if self.labels.len() >= WATCHED => false,
            None => {
                let (name, key) = ((*label.name).into(), (*label.key).into());
                self.labels.push(WatchedLabel { name, key, kind });
                true
            }
        }
    }

    /// Begins to compare texts: `known` are those of all series so far, which are distinct.
    pub(crate) fn compare<'a>(&mut self, known: impl Iterator<Item = (SeriesId, &'a [u8])>) {
        let owners = known.map(|(series, text)| (text.into(), series)).collect();
        self.owners.get_or_insert(owners);
    }

    /// Enters a new series' text. Returns the series that has it already, if there is one.
    pub(crate) fn enter(&mut self, series: SeriesId, text: &[u8]) -> Option<SeriesId> {
        let owners = self.owners.as_mut()?;
        match owners.get(text) {
            Some(owner) => Some(*owner),
            None => {
                owners.insert(text.into(), series);
                None
            }
        }
    }

    /// Adds a series up with the one that had its text first.
    pub(crate) fn group(&mut self, owner: SeriesId, series: SeriesId) {
        let Group { number, .. } = *self.groups.entry(owner).or_insert_with(|| {
            self.group_count += 1;
            Group { number: self.group_count - 1, is_first: true }
        });
        self.groups.insert(series, Group { number, is_first: false });
    }

    /// How many sums of several series there are.
    pub(crate) fn group_count(&self) -> usize {
        self.group_count
    }

    /// The sum that a series is part of.
    pub(crate) fn group_of(&self, series: SeriesId) -> Option<Group> {
        self.groups.get(&series).copied()
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;

    use super::*;
    use crate::labels::series_labels;
    use crate::naming::Naming;
    use crate::{EscapingScheme, TranslationStrategy};

    fn stay_distinct(identities: &mut Identities, attributes: &[KeyValue]) -> bool {
        let pairs = attributes.iter().map(|pair| (&pair.key, &pair.value));
        identities.stay_distinct(&series_labels(
            pairs,
            &[],
            Naming::new(TranslationStrategy::default(), EscapingScheme::default()),
        ))
    }

    #[test]
    fn ordinary_attributes_need_no_comparison() {
        let mut identities = Identities::default();
        for (method, status) in [("GET", 200), ("GET", 404), ("POST", 200)] {
            let attributes = [KeyValue::new("http.request.method", method), KeyValue::new("status", status)];
            assert!(stay_distinct(&mut identities, &attributes));
        }
        assert!(stay_distinct(&mut identities, &[]));
        assert!(identities.are_distinct());
    }

    #[test]
    fn whatever_can_make_equal_texts_needs_comparison() {
        let first = [KeyValue::new("a.b", "x")];
        for second in [
            KeyValue::new("a_b", "x"),
            KeyValue::new("a.b", 1),
            KeyValue::new("c", ""),
            KeyValue::new("c", 0.5),
            KeyValue::new("otel.scope.name", "x"),
        ] {
            let mut identities = Identities::default();
            assert!(stay_distinct(&mut identities, &first));
            assert!(!stay_distinct(&mut identities, &[second]));
        }
        let many: Vec<_> = (0..100).map(|n| KeyValue::new(format!("key{n}"), "x")).collect();
        assert!(!stay_distinct(&mut Identities::default(), &many));
    }

    #[test]
    fn a_text_belongs_to_the_series_that_had_it_first() {
        let mut identities = Identities::default();
        assert_eq!(identities.enter((0, 0), b"a"), None);
        identities.compare([((0, 0), &b"a"[..])].into_iter());
        assert_eq!(identities.enter((0, 1), b"b"), None);
        assert_eq!(identities.enter((1, 0), b"a"), Some((0, 0)));
        assert_eq!(identities.enter((1, 1), b"b"), Some((0, 1)));
        identities.group((0, 0), (1, 0));
        identities.group((0, 1), (1, 1));
        identities.group((0, 0), (2, 7));
        assert_eq!(identities.group_count(), 2);
        let group = |number, is_first| Some(Group { number, is_first });
        assert_eq!(identities.group_of((0, 0)), group(0, true));
        assert_eq!(identities.group_of((2, 7)), group(0, false));
        assert_eq!(identities.group_of((1, 1)), group(1, false));
        assert_eq!(identities.group_of((5, 5)), None);
    }
}
