use std::fmt;
use std::sync::Arc;

use opentelemetry::{Key, KeyValue, Value};

use super::{Attributes, ValueRef};

/// A canonical set of attributes: sorted by key, each key once.
#[derive(Clone, PartialEq)]
pub struct AttributeSet {
    pairs: Box<[KeyValue]>,
}

impl AttributeSet {
    /// Makes the set of some attributes; of pairs with equal keys the last one is kept.
    pub fn new<A: Attributes + ?Sized>(attributes: &A) -> Self {
        Self::with_keys_of(attributes, None)
    }

    /// As [`new`](Self::new), sharing the storage of keys with a set that has the same ones.
    pub(crate) fn with_keys_of<A: Attributes + ?Sized>(attributes: &A, like: Option<&Self>) -> Self {
        let mut pairs: Vec<KeyValue> = Vec::new();
        match attributes.as_key_values() {
            // Clones keep the addresses of strings that are static or shared.
            Some(given) => pairs.extend_from_slice(given),
            None => attributes.visit(|key, value| {
                let known = like.and_then(|set| set.pairs.iter().find(|pair| pair.key.as_str() == key));
                let key = known.map_or_else(|| Key::from(Arc::<str>::from(key)), |pair| pair.key.clone());
                pairs.push(KeyValue::new(key, value.to_value()));
            }),
        }
        // A stable sort leaves the last of equal keys last; reversed, it is the one that is kept.
        pairs.reverse();
        pairs.sort_by(|a, b| a.key.cmp(&b.key));
        pairs.dedup_by(|later, first| later.key == first.key);
        AttributeSet { pairs: pairs.into_boxed_slice() }
    }

    /// How many attributes there are.
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The attributes, in the order of their keys' bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&Key, &Value)> {
        self.pairs.iter().map(|pair| (&pair.key, &pair.value))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let found = self.pairs.binary_search_by(|pair| pair.key.as_str().cmp(key)).ok()?;
        Some(&self.pairs[found].value)
    }

    /// The pairs, sorted.
    pub(crate) fn pairs(&self) -> &[KeyValue] {
        &self.pairs
    }

    /// Whether `attributes` are exactly this set, each key visited once.
    #[inline]
    pub(crate) fn is_spelled_by<A: Attributes + ?Sized>(&self, attributes: &A) -> bool {
        // One bit per key that was visited; a key visited twice is a job for `is_meant_by`.
        let mut visited = 0_u128;
        let mut next = 0;
        let mut equal = self.pairs.len() <= 128;
        attributes.visit(|key, value| {
            if !equal {
                return;
            }
            let Some(at) = self.position(key, next) else {
                equal = false;
                return;
            };
            let bit = 1_u128 << at;
            equal = visited & bit == 0 && same(ValueRef::from(&self.pairs[at].value), value);
            visited |= bit;
            next = at + 1;
        });
        equal && visited.count_ones() as usize == self.pairs.len()
    }

    /// Where `key` is; most callers name keys in some fixed order, so that it is often at `guess`.
    #[inline]
    fn position(&self, key: &str, guess: usize) -> Option<usize> {
        if let Some(pair) = self.pairs.get(guess)
            && same_str(pair.key.as_str(), key)
        {
            return Some(guess);
        }
        self.pairs.iter().position(|pair| same_str(pair.key.as_str(), key))
    }

    /// Whether `attributes` are this set once the last value of each key has won. Allocates nothing.
    pub(crate) fn is_meant_by<A: Attributes + ?Sized>(&self, attributes: &A) -> bool {
        let mut equal = true;
        attributes.visit(|key, _| equal &= self.get(key).is_some());
        equal
            && self.pairs.iter().all(|pair| {
                let mut last = None;
                attributes.visit(|key, value| {
                    if key == pair.key.as_str() {
                        last = Some(value);
                    }
                });
                last == Some(ValueRef::from(&pair.value))
            })
    }
}

#[inline]
fn same(a: ValueRef<'_>, b: ValueRef<'_>) -> bool {
    match (a, b) {
        (ValueRef::Str(a), ValueRef::Str(b)) => same_str(a, b),
        _ => a == b,
    }
}

/// Equality of strings that are mostly short or mostly the same ones: no call for either.
#[inline]
fn same_str(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    if std::ptr::eq(a.as_ptr(), b.as_ptr()) {
        return true;
    }
    // Two overlapping loads cover each range of lengths.
    if let (Some((head_a, _)), Some((head_b, _))) = (a.split_first_chunk::<8>(), b.split_first_chunk::<8>()) {
        if a.len() > 16 {
            return a == b;
        }
        let tail_a = a.last_chunk::<8>();
        let tail_b = b.last_chunk::<8>();
        return head_a == head_b && tail_a == tail_b;
    }
    if let (Some((head_a, _)), Some((head_b, _))) = (a.split_first_chunk::<4>(), b.split_first_chunk::<4>()) {
        return head_a == head_b && a.last_chunk::<4>() == b.last_chunk::<4>();
    }
    a.iter().eq(b)
}

impl fmt::Debug for AttributeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<A: Attributes> From<A> for AttributeSet {
    fn from(attributes: A) -> Self {
        AttributeSet::new(&attributes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_sorted_and_the_last_of_duplicates_wins() {
        let set = AttributeSet::new(&[("b", "1"), ("a", "2"), ("b", "3")]);
        let pairs: Vec<_> = set.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("a", "2".into()), ("b", "3".into())]);
        assert_eq!(set.get("b"), Some(&Value::from("3")));
        assert_eq!(set.get("c"), None);
    }

    #[test]
    fn a_set_knows_its_spellings() {
        let set = AttributeSet::new(&[("a", "1"), ("bb", "22222222"), ("ccc", "3")]);
        assert!(set.is_spelled_by(&[("bb", "22222222"), ("ccc", "3"), ("a", "1")]));
        assert!(!set.is_spelled_by(&[("bb", "22222222"), ("ccc", "3")]));
        assert!(!set.is_spelled_by(&[("bb", "22222223"), ("ccc", "3"), ("a", "1")]));
        assert!(!set.is_spelled_by(&[("a", "1"), ("bb", "22222222"), ("a", "1")]));
        let doubled = [("a", "0"), ("bb", "22222222"), ("a", "1"), ("ccc", "3")];
        assert!(!set.is_spelled_by(&doubled));
        assert!(set.is_meant_by(&doubled));
        assert!(!set.is_meant_by(&[("a", "1"), ("bb", "22222222"), ("a", "0"), ("ccc", "3")]));
        assert!(!set.is_meant_by(&[("a", "1"), ("bb", "22222222"), ("ccc", "3"), ("d", "4")]));
    }

    #[test]
    fn the_separator_between_values_is_not_lost() {
        let set = AttributeSet::new(&[("x", "ab"), ("y", "c")]);
        assert!(!set.is_spelled_by(&[("x", "a"), ("y", "bc")]));
    }

    #[test]
    fn strings_of_every_length_compare_by_content() {
        for len in 0..40 {
            let a = "x".repeat(len);
            assert!(same_str(&a, &a.clone()));
            for at in 0..len {
                let mut b = a.clone().into_bytes();
                b[at] = b'y';
                assert!(!same_str(&a, std::str::from_utf8(&b).unwrap()), "{len} {at}");
            }
        }
    }
}
