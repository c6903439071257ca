use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::{Key, KeyValue, Value};

use super::pairs::Pairs;
use super::{Attributes, PairStore, ValueRef};

/// A canonical set of attributes: sorted by key, each key once. Sets are equal if series would be the same: floats are compared by
/// their bits.
#[derive(Clone, PartialEq)]
pub struct AttributeSet {
    pairs: Pairs,
}

impl AttributeSet {
    /// Makes the set of some attributes; of pairs with equal keys the last one is kept.
    pub fn new<A: Attributes + ?Sized>(attributes: &A) -> Self {
        // Clones keep the addresses of strings that are static or shared.
        let mut pairs = match attributes.as_key_values() {
            Some(given) => given.to_vec(),
            None => {
                let mut pairs = Vec::with_capacity(count(attributes));
                attributes.visit(|key, value| pairs.push(KeyValue::new(key.to_key(), value.to_value())));
                pairs
            }
        };
        if !is_sorted(&pairs) {
            let len = sort(&mut pairs);
            pairs.truncate(len);
        }
        AttributeSet { pairs: Pairs::from(pairs) }
    }

    /// As [`new`](Self::new), in the memory of a store; and in which order the caller named the keys.
    pub(crate) fn within<A: Attributes + ?Sized>(store: &mut PairStore, attributes: &A) -> (Self, Order) {
        let count = count(attributes);
        if count == 0 {
            return (AttributeSet { pairs: Pairs::from(Vec::new()) }, Order::SORTED);
        }
        let mut run = store.run(count);
        match attributes.as_key_values() {
            Some(given) => given.iter().for_each(|pair| run.push(pair.clone())),
            None => attributes.visit(|key, value| run.push_copy(key, value)),
        }
        if is_sorted(run.pairs()) {
            return (AttributeSet { pairs: run.finish() }, Order::SORTED);
        }
        let len = sort(run.pairs());
        run.truncate(len);
        let set = AttributeSet { pairs: run.finish() };
        let order = Order::new(attributes, &set);
        (set, order)
    }

    /// Drops the set; a store that it is in may use its memory again.
    pub(crate) fn leave(self, store: &mut PairStore) {
        store.take_back(self.pairs);
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

    /// The attributes as the API's pairs, which are [`Attributes`] themselves.
    pub(crate) fn pairs(&self) -> &[KeyValue] {
        &self.pairs
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        let found = self.pairs.binary_search_by(|pair| pair.key.as_str().cmp(key)).ok()?;
        Some(&self.pairs[found].value)
    }

    /// Gives a key that there is another value.
    pub(crate) fn replace(&mut self, key: &str, value: &'static str) {
        if let Some(pair) = self.pairs.iter_mut().find(|pair| pair.key.as_str() == key) {
            pair.value = Value::from(value);
        }
    }

    /// Whether `attributes` are exactly this set, each key visited once; most likely in that order.
    #[inline]
    pub(crate) fn is_spelled_by<A: Attributes + ?Sized>(&self, order: Order, attributes: &A) -> bool {
        let pairs = &*self.pairs;
        // One bit per key that was visited; a key visited twice is a job for `is_meant_by`.
        let mut visited = 0_u64;
        let mut at = 0;
        let mut equal = pairs.len() <= 64;
        attributes.visit(|key, value| {
            if !equal {
                return;
            }
            let mut place = order.of(at);
            at += 1;
            if !pairs.get(place).is_some_and(|pair| same_str(pair.key.as_str(), key.as_str())) {
                place = self.position(key.as_str());
            }
            equal = pairs.get(place).is_some_and(|pair| {
                let bit = 1 << place;
                let again = visited & bit != 0;
                visited |= bit;
                !again && same(&pair.value, value)
            });
        });
        equal && at == pairs.len()
    }

    /// Where `key` is, or a place where nothing is.
    #[inline(never)]
    fn position(&self, key: &str) -> usize {
        self.pairs.iter().position(|pair| same_str(pair.key.as_str(), key)).unwrap_or(usize::MAX)
    }

    /// Whether `attributes` are this set once the last value of each key has won. Allocates nothing.
    pub(crate) fn is_meant_by<A: Attributes + ?Sized>(&self, attributes: &A) -> bool {
        let mut equal = true;
        attributes.visit(|key, _| equal &= self.get(key.as_str()).is_some());
        equal
            && self.pairs.iter().all(|pair| {
                let mut last = None;
                attributes.visit(|key, value| {
                    if key.as_str() == pair.key.as_str() {
                        last = Some(value);
                    }
                });
                last == Some(ValueRef::from(&pair.value))
            })
    }
}

fn count<A: Attributes + ?Sized>(attributes: &A) -> usize {
    if let Some(given) = attributes.as_key_values() {
        return given.len();
    }
    let mut count = 0;
    attributes.visit(|_, _| count += 1);
    count
}

/// Whether pairs are in the order of their keys' bytes, each key once.
fn is_sorted(pairs: &[KeyValue]) -> bool {
    pairs.windows(2).all(|pair| pair[0].key.as_str() < pair[1].key.as_str())
}

/// Puts pairs in the order of their keys' bytes, of equal keys the last one, and after them what is not to be kept; says how
/// many are.
fn sort(pairs: &mut [KeyValue]) -> usize {
    // A stable sort leaves the last of equal keys last; reversed, it is the first.
    pairs.reverse();
    pairs.sort_by(|a, b| a.key.cmp(&b.key));
    let mut kept = 0;
    for at in 0..pairs.len() {
        if kept == 0 || pairs[at].key != pairs[kept - 1].key {
            pairs.swap(kept, at);
            kept += 1;
        }
    }
    kept
}

#[inline(always)]
fn same(own: &Value, value: ValueRef<'_>) -> bool {
    match (own, value) {
        (Value::String(own), ValueRef::Str(value)) => same_str(own.as_str(), value),
        (Value::I64(own), ValueRef::I64(value)) => *own == value,
        (own, value) => same_other(own, value),
    }
}

#[inline(never)]
fn same_other(own: &Value, value: ValueRef<'_>) -> bool {
    ValueRef::from(own) == value
}

/// Equality of strings that are mostly short or mostly the same ones: no call for either.
#[inline(always)]
fn same_str(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    if std::ptr::eq(a.as_ptr(), b.as_ptr()) {
        return true;
    }
    // Two overlapping loads cover each range of lengths.
    if let (Some(head_a), Some(head_b)) = (a.first_chunk::<8>(), b.first_chunk::<8>()) {
        if a.len() > 16 {
            return a == b;
        }
        head_a == head_b && a.last_chunk::<8>() == b.last_chunk::<8>()
    } else if let (Some(head_a), Some(head_b)) = (a.first_chunk::<4>(), b.first_chunk::<4>()) {
        head_a == head_b && a.last_chunk::<4>() == b.last_chunk::<4>()
    } else {
        a.iter().eq(b)
    }
}

/// The order in which a caller names up to sixteen keys: four bits for each say where it is in the
/// sorted set. A hint; for more keys it hints at nothing.
#[derive(Clone, Copy, Default)]
pub(crate) struct Order(u64);

impl Order {
    /// That of the sorted set itself.
    const SORTED: Self = Order(0xfedc_ba98_7654_3210);

    pub(crate) fn new<A: Attributes + ?Sized>(attributes: &A, set: &AttributeSet) -> Self {
        let mut order = 0;
        let mut at = 0;
        attributes.visit(|key, _| {
            if at < 16 {
                order |= (set.position(key.as_str()) as u64 & 15) << (4 * at);
            }
            at += 1;
        });
        Order(order)
    }

    #[inline]
    fn of(self, at: usize) -> usize {
        (self.0 >> (4 * (at & 15))) as usize & 15
    }
}

/// An order that anyone may read while it is replaced.
#[derive(Default)]
pub(crate) struct LastOrder(AtomicU64);

impl LastOrder {
    #[inline]
    pub(crate) fn get(&self) -> Order {
        Order(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn set(&self, order: Order) {
        self.0.store(order.0, Ordering::Relaxed);
    }
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

    fn spelled(set: &AttributeSet, attributes: &[(&'static str, &str)]) -> bool {
        let right = set.is_spelled_by(Order::new(attributes, set), attributes);
        assert_eq!(right, set.is_spelled_by(Order::default(), attributes), "the order is only a hint");
        right
    }

    #[test]
    fn a_set_knows_its_spellings() {
        let set = AttributeSet::new(&[("a", "1"), ("bb", "22222222"), ("ccc", "3")]);
        assert!(spelled(&set, &[("bb", "22222222"), ("ccc", "3"), ("a", "1")]));
        assert!(!spelled(&set, &[("bb", "22222222"), ("ccc", "3")]));
        assert!(!spelled(&set, &[("bb", "22222223"), ("ccc", "3"), ("a", "1")]));
        assert!(!spelled(&set, &[("a", "1"), ("bb", "22222222"), ("a", "1")]));
        let doubled = [("a", "0"), ("bb", "22222222"), ("a", "1"), ("ccc", "3")];
        assert!(!spelled(&set, &doubled));
        assert!(set.is_meant_by(&doubled));
        assert!(!set.is_meant_by(&[("a", "1"), ("bb", "22222222"), ("a", "0"), ("ccc", "3")]));
        assert!(!set.is_meant_by(&[("a", "1"), ("bb", "22222222"), ("ccc", "3"), ("d", "4")]));
    }

    #[test]
    fn the_separator_between_values_is_not_lost() {
        let set = AttributeSet::new(&[("x", "ab"), ("y", "c")]);
        assert!(!spelled(&set, &[("x", "a"), ("y", "bc")]));
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
