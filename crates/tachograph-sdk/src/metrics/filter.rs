//! Which attributes a stream keeps.

use crate::attributes::{Attributes, KeyRef, ValueRef};

/// The keys that a view lets by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Sorted; `None` lets all by.
    kept: Option<Box<[Box<str>]>>,
    /// Sorted.
    excluded: Box<[Box<str>]>,
}

impl Filter {
    pub(crate) fn keep(&mut self, keys: impl IntoIterator<Item = impl Into<String>>) {
        self.kept = Some(sorted(keys));
    }

    pub(crate) fn exclude(&mut self, keys: impl IntoIterator<Item = impl Into<String>>) {
        self.excluded = sorted(keys);
    }

    /// Whether it lets everything by.
    pub(crate) fn is_open(&self) -> bool {
        self.kept.is_none() && self.excluded.is_empty()
    }

    pub(crate) fn keeps(&self, key: &str) -> bool {
        let is_in = |keys: &[Box<str>]| keys.binary_search_by(|known| (**known).cmp(key)).is_ok();
        self.kept.as_deref().is_none_or(is_in) && !is_in(&self.excluded)
    }

    /// Attributes without those that it does not let by.
    pub(crate) fn of<'a, A: ?Sized>(&'a self, attributes: &'a A) -> Filtered<'a, A> {
        Filtered { filter: self, attributes }
    }

    /// Whether it takes anything away.
    pub(crate) fn reduces<A: Attributes + ?Sized>(&self, attributes: &A) -> bool {
        let mut reduces = false;
        attributes.visit(|key, _| reduces |= !self.keeps(key.as_str()));
        reduces
    }
}

fn sorted(keys: impl IntoIterator<Item = impl Into<String>>) -> Box<[Box<str>]> {
    let mut keys: Vec<Box<str>> = keys.into_iter().map(|key| key.into().into_boxed_str()).collect();
    keys.sort();
    keys.dedup();
    keys.into()
}

/// Attributes behind a filter: look-up sees what is left, and knows nothing of it.
pub(crate) struct Filtered<'a, A: ?Sized> {
    filter: &'a Filter,
    attributes: &'a A,
}

impl<A: Attributes + ?Sized> Attributes for Filtered<'_, A> {
    fn visit<'a>(&'a self, mut visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
        self.attributes.visit(|key, value| {
            if self.filter.keeps(key.as_str()) {
                visitor(key, value);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attributes::AttributeSet;

    fn left(filter: &Filter) -> Vec<String> {
        let set = AttributeSet::new(&filter.of(&[("a", 1), ("b", 2), ("c", 3)]));
        set.iter().map(|(key, _)| key.to_string()).collect()
    }

    #[test]
    fn keys_are_kept_and_excluded() {
        let mut filter = Filter::default();
        assert!(filter.is_open());
        assert_eq!(left(&filter), ["a", "b", "c"]);
        filter.exclude(["b", "x"]);
        assert_eq!(left(&filter), ["a", "c"]);
        filter.keep(["c", "b"]);
        assert_eq!(left(&filter), ["c"]);
        filter.keep(Vec::<String>::new());
        assert!(left(&filter).is_empty() && !filter.is_open());
    }

    #[test]
    fn a_filter_reduces_what_has_a_key_that_it_does_not_let_by() {
        let mut filter = Filter::default();
        filter.keep(["a"]);
        assert!(!filter.reduces(&[("a", 1)]));
        assert!(filter.reduces(&[("a", 1), ("b", 1)]));
    }
}
