//! One attribute whose values beyond the cardinality limit are all the same.

use std::collections::HashSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::cardinality::Widest;
use crate::attributes::{AttributeSet, Attributes, KeyRef, ValueRef};

/// The value of the attribute that is folded.
pub(super) const FOLDED: &str = "other";

/// What a stream folds once it has met its limit: decided once, and not changed.
pub(crate) struct Fold {
    widest: Widest,
    /// How many sets may have places of their own beyond the limit.
    most: usize,
    /// The numbers of the series that have those places.
    series: Mutex<HashSet<u32>>,
    /// Set once all places are taken; from then on further sets need no lock to be refused.
    full: AtomicBool,
    /// Whether it was said what is folded.
    told: AtomicBool,
}

impl Fold {
    pub(super) fn new(widest: Widest, most: usize) -> Self {
        Fold {
            widest,
            most,
            series: Mutex::default(),
            full: AtomicBool::new(false),
            told: AtomicBool::new(false),
        }
    }

    pub(super) fn key(&self) -> &str {
        self.widest.key()
    }

    pub(super) fn most(&self) -> usize {
        self.most
    }

    /// Attributes with the value replaced.
    pub(super) fn of<'a, A: ?Sized>(&'a self, attributes: &'a A) -> Folded<'a, A> {
        Folded { key: self.widest.key(), attributes }
    }

    /// The set of attributes with the value replaced; it has the strings that the attributes have.
    pub(super) fn apply(&self, set: &mut AttributeSet) {
        set.replace(self.widest.key(), FOLDED);
    }

    /// Whether these attributes become others.
    pub(super) fn changes<A: Attributes + ?Sized>(&self, attributes: &A) -> bool {
        let mut last = None;
        attributes.visit(|key, value| {
            if key.as_str() == self.widest.key() {
                last = Some(value);
            }
        });
        last.is_some_and(|value| value != ValueRef::Str(FOLDED))
    }

    /// Whether sets that become others end there.
    pub(super) fn leads_to(&self, set: &AttributeSet) -> bool {
        set.get(self.widest.key()).is_some_and(|value| ValueRef::from(value) == ValueRef::Str(FOLDED))
    }

    /// Whether it is to be said what is folded: once.
    pub(super) fn is_news(&self) -> bool {
        !self.told.load(Ordering::Relaxed) && !self.told.swap(true, Ordering::Relaxed)
    }

    fn series(&self) -> MutexGuard<'_, HashSet<u32>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many places are taken.
    pub(super) fn taken(&self) -> usize {
        self.series().len()
    }

    pub(super) fn take(&self, id: usize) {
        // Numbers of series are payloads of an index: far below.
        self.series().insert(id as u32);
    }

    pub(super) fn give_back(&self, id: u32) {
        self.series().remove(&id);
    }

    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Notes whether all places are taken; says whether that was known.
    pub(super) fn set_full(&self, full: bool) -> bool {
        self.full.swap(full, Ordering::AcqRel)
    }
}

impl fmt::Display for Fold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fold { widest, most, .. } = self;
        write!(
            f,
            "{widest}, and further sets are recorded with {FOLDED:?} in its place, in at most {most} series more; drop it \
             with a view, or raise the limit"
        )
    }
}

/// Attributes of which one has another value: look-up sees that, and knows nothing of it.
pub(super) struct Folded<'a, A: ?Sized> {
    key: &'a str,
    attributes: &'a A,
}

impl<A: Attributes + ?Sized> Attributes for Folded<'_, A> {
    fn visit<'a>(&'a self, mut visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
        self.attributes.visit(|key, value| {
            let value = if key.as_str() == self.key { ValueRef::Str(FOLDED) } else { value };
            visitor(key, value);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::Seed;

    fn fold() -> Fold {
        let sets = [AttributeSet::new(&[("a", 1), ("b", 1)]), AttributeSet::new(&[("a", 1), ("b", 2)])];
        Fold::new(Widest::of(Seed::of_process(), sets.iter()).unwrap(), 4)
    }

    #[test]
    fn what_look_up_sees_is_what_a_series_is_made_of() {
        let fold = fold();
        for attributes in [&[("a", 1), ("b", 7)][..], &[("b", 7), ("c", 1), ("b", 8)], &[("a", 1)], &[]] {
            let mut set = AttributeSet::new(attributes);
            fold.apply(&mut set);
            assert!(set.is_meant_by(&fold.of(attributes)), "{set:?}");
            assert_eq!(fold.leads_to(&set), fold.changes(attributes), "{set:?}");
        }
    }

    #[test]
    fn the_last_value_of_a_key_says_whether_it_changes() {
        let fold = fold();
        assert!(fold.changes(&[("b", "other"), ("b", "7")]));
        assert!(!fold.changes(&[("b", "7"), ("b", "other")]));
    }

    #[test]
    fn it_is_news_once() {
        let fold = fold();
        assert!(fold.is_news() && !fold.is_news());
    }
}
