//! From attributes to a series: which cell a measurement goes to.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use opentelemetry::{KeyValue, Value};

use crate::attributes::{AttributeSet, Attributes, AttributesHash, Seed, address_hash};
use crate::cells::{self, Row};
use crate::clock::Clock;
use crate::sync::{AppendVec, Index, Mutex, Payload, lock};

/// The attribute of the series that takes what exceeds a stream's cardinality limit.
pub const OVERFLOW_ATTRIBUTE: &str = "otel.metric.overflow";

/// What a stream's rows are, and so how wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowKind {
    /// No row: an observable instrument's values belong to one collection.
    None,
    Sum,
    LastValue,
    Histogram {
        buckets: usize,
    },
}

impl RowKind {
    fn width(self) -> Option<usize> {
        match self {
            RowKind::None => None,
            RowKind::Sum => Some(cells::SUM_WIDTH),
            RowKind::LastValue => Some(cells::LAST_VALUE_WIDTH),
            RowKind::Histogram { buckets } => Some(cells::histogram_width(buckets)),
        }
    }
}

/// One series of a stream.
pub(crate) struct Series {
    pub(crate) attributes: AttributeSet,
    /// `None` for an observable instrument's.
    pub(crate) row: Option<Row>,
    pub(crate) start_unix_nanos: u64,
    /// The caller's order of the pairs whose addresses are those of `attributes`, see [`Order`].
    order: Order,
}

/// A second spelling of a series by addresses: the same literals elsewhere in the program.
struct Alias {
    /// In the caller's order; clones, so that the addresses stay taken as long as this lives.
    pairs: Box<[KeyValue]>,
    series: Payload,
}

/// A payload of the index by address that is an alias, not a series.
const ALIAS: Payload = 1 << 31;

/// A stream's series, found by their attributes.
///
/// Finding a series that exists takes no lock and allocates nothing: two [`Index`]es lead into an
/// append-only vector. `by_content` serves every spelling. `by_address` is a short cut for
/// `&[KeyValue]` whose strings are static or shared: when all addresses and lengths are those of the
/// clones kept here, the contents are equal too, for the clones keep that memory alive and it is
/// immutable. No guess about the caller's strings is involved: an owned string of the caller's never
/// has the address of a live clone.
pub(crate) struct SeriesTable {
    series: AppendVec<Series>,
    by_content: Index,
    by_address: Index,
    aliases: AppendVec<Alias>,
    seed: Seed,
    kind: RowKind,
    limit: usize,
    /// Set once the limit is reached; from then on unknown attributes need no lock to be refused.
    full: AtomicBool,
    /// The overflow series' number plus one.
    overflow: AtomicUsize,
    insert: Mutex<()>,
    clock: Arc<dyn Clock>,
}

/// What a look-up found.
#[derive(Clone, Copy)]
pub(crate) struct Found<'a> {
    pub(crate) id: usize,
    pub(crate) series: &'a Series,
    /// Whether it is the overflow series, in place of one that would exceed the limit.
    pub(crate) overflow: bool,
    /// Whether it is the look-up that first met the limit.
    pub(crate) first_overflow: bool,
}

impl SeriesTable {
    pub(crate) fn new(kind: RowKind, limit: usize, clock: Arc<dyn Clock>) -> Self {
        SeriesTable {
            series: AppendVec::new(),
            by_content: Index::new(),
            by_address: Index::new(),
            aliases: AppendVec::new(),
            seed: Seed::of_process(),
            kind,
            limit,
            full: AtomicBool::new(false),
            overflow: AtomicUsize::new(0),
            insert: Mutex::new(()),
            clock,
        }
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    pub(crate) fn len(&self) -> usize {
        self.series.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Series> {
        self.series.iter()
    }

    pub(crate) fn get(&self, id: usize) -> Option<&Series> {
        self.series.get(id)
    }

    /// Whether measurements go to the overflow series.
    pub(crate) fn overflows(&self) -> bool {
        self.overflow.load(Ordering::Acquire) != 0
    }

    /// The series of some attributes, made if need be.
    #[inline]
    pub(crate) fn find<A: Attributes + ?Sized>(&self, attributes: &A) -> Option<Found<'_>> {
        if let Some(pairs) = attributes.as_key_values() {
            return self.find_pairs(pairs);
        }
        let hash = AttributesHash::of(self.seed, attributes);
        match self.by_content(hash, attributes) {
            Some(found) => Some(found),
            None => self.find_or_insert(hash, attributes),
        }
    }

    #[inline]
    fn find_pairs(&self, pairs: &[KeyValue]) -> Option<Found<'_>> {
        let by_address = address_hash(self.seed, pairs);
        if let Some(hash) = by_address {
            let mut found = None;
            self.by_address.get(hash, |payload| {
                found = self.same_addresses(payload, pairs);
                found.is_some()
            });
            if let Some((id, series)) = found {
                return Some(self.found(id, series));
            }
        }
        self.find_pairs_by_content(by_address, pairs)
    }

    #[inline]
    fn same_addresses(&self, payload: Payload, pairs: &[KeyValue]) -> Option<(usize, &Series)> {
        if payload & ALIAS == 0 {
            let id = payload as usize;
            let series = self.series.get(id)?;
            let own = series.attributes.pairs();
            let same = own.len() == pairs.len()
                && pairs.iter().enumerate().all(|(at, pair)| {
                    own.get(series.order.of(at)).is_some_and(|own| same_address(own, pair))
                });
            same.then_some((id, series))
        } else {
            let alias = self.aliases.get((payload & !ALIAS) as usize)?;
            let same = alias.pairs.len() == pairs.len()
                && alias.pairs.iter().zip(pairs).all(|(own, pair)| same_address(own, pair));
            let id = alias.series as usize;
            if same { self.series.get(id).map(|series| (id, series)) } else { None }
        }
    }

    fn find_pairs_by_content(&self, by_address: Option<u32>, pairs: &[KeyValue]) -> Option<Found<'_>> {
        let hash = AttributesHash::of(self.seed, pairs);
        let known = match self.by_content(hash, pairs) {
            Some(found) => found,
            None => self.find_or_insert(hash, pairs)?,
        };
        if let Some(by_address) = by_address {
            self.learn_address(by_address, pairs, known);
        }
        Some(known)
    }

    #[inline]
    fn by_content<A: Attributes + ?Sized>(&self, hash: u32, attributes: &A) -> Option<Found<'_>> {
        let mut found = None;
        self.by_content.get(hash, |payload| {
            found = self
                .series
                .get(payload as usize)
                .filter(|series| series.attributes.is_spelled_by(attributes))
                .map(|series| (payload as usize, series));
            found.is_some()
        });
        found.map(|(id, series)| self.found(id, series))
    }

    #[inline]
    fn found<'a>(&'a self, id: usize, series: &'a Series) -> Found<'a> {
        let overflow = id + 1 == self.overflow.load(Ordering::Relaxed);
        Found { id, series, overflow, first_overflow: false }
    }

    /// For attributes that no series is spelled by as they are: duplicates, or a new series.
    #[cold]
    fn find_or_insert<A: Attributes + ?Sized>(&self, spelled: u32, attributes: &A) -> Option<Found<'_>> {
        let hash = hash_of_meant(self.seed, attributes).unwrap_or(spelled);
        if let Some(found) = self.by_meaning(hash, attributes) {
            return Some(found);
        }
        if self.full.load(Ordering::Acquire) {
            return self.overflow_series(false);
        }
        let _one_at_a_time = lock(&self.insert);
        if let Some(found) = self.by_meaning(hash, attributes) {
            return Some(found);
        }
        if self.series.len() >= self.limit {
            let first = !self.full.swap(true, Ordering::Relaxed);
            self.make_overflow_series()?;
            return self.overflow_series(first);
        }
        let set = AttributeSet::with_keys_of(attributes, self.series.get(0).map(|first| &first.attributes));
        let order = attributes.as_key_values().and_then(|pairs| Order::new(pairs, set.pairs()));
        let id = self.push(hash, set, order.unwrap_or_default())?;
        if let (Some(_), Some(pairs)) = (order, attributes.as_key_values())
            && let Some(by_address) = address_hash(self.seed, pairs)
        {
            self.by_address.insert(by_address, id as Payload);
        }
        self.series.get(id).map(|series| self.found(id, series))
    }

    fn by_meaning<A: Attributes + ?Sized>(&self, hash: u32, attributes: &A) -> Option<Found<'_>> {
        let mut found = None;
        self.by_content.get(hash, |payload| {
            found = self
                .series
                .get(payload as usize)
                .filter(|series| series.attributes.is_meant_by(attributes))
                .map(|series| (payload as usize, series));
            found.is_some()
        });
        found.map(|(id, series)| self.found(id, series))
    }

    /// Appends a series and makes it findable by content. The caller holds `insert`.
    fn push(&self, hash: u32, attributes: AttributeSet, order: Order) -> Option<usize> {
        let row = match self.kind.width() {
            Some(width) => Some(cells::allocate(width)?),
            None => None,
        };
        let start_unix_nanos = self.clock.unix_nanos();
        let id = self.series.push(Series { attributes, row, start_unix_nanos, order }).ok()?;
        self.by_content.insert(hash, id as Payload);
        Some(id)
    }

    /// The caller holds `insert`.
    fn make_overflow_series(&self) -> Option<()> {
        if self.overflow.load(Ordering::Relaxed) == 0 {
            let pairs = [KeyValue::new(OVERFLOW_ATTRIBUTE, true)];
            let hash = AttributesHash::of(self.seed, &pairs);
            // Someone may have recorded with that very attribute: then it is the series.
            let id = match self.by_meaning(hash, &pairs) {
                Some(found) => found.id,
                None => self.push(hash, AttributeSet::new(&pairs), Order::default())?,
            };
            self.overflow.store(id + 1, Ordering::Release);
        }
        Some(())
    }

    fn overflow_series(&self, first_overflow: bool) -> Option<Found<'_>> {
        let id = self.overflow.load(Ordering::Acquire).checked_sub(1);
        match id {
            Some(id) => {
                let series = self.series.get(id)?;
                Some(Found { id, series, overflow: true, first_overflow })
            }
            // `full` was seen before the series was: its maker still holds the lock.
            None => {
                let _maker = lock(&self.insert);
                self.make_overflow_series()?;
                let id = self.overflow.load(Ordering::Acquire).checked_sub(1)?;
                Some(Found { id, series: self.series.get(id)?, overflow: true, first_overflow })
            }
        }
    }

    /// Remembers addresses that turned out to mean a known series, if they can be kept.
    fn learn_address(&self, hash: u32, pairs: &[KeyValue], known: Found<'_>) {
        // Twice the limit, and some: literals come from several places, and in several orders.
        let room = self.limit.saturating_mul(2).saturating_add(64).min(ALIAS as usize - 1);
        if self.aliases.len() >= room || pairs.is_empty() || !pairs.iter().all(keeps_its_address) {
            return;
        }
        let _one_at_a_time = lock(&self.insert);
        let mut learnt = false;
        self.by_address.get(hash, |payload| {
            learnt = self.same_addresses(payload, pairs).is_some();
            learnt
        });
        let kept: Box<[KeyValue]> = pairs.into();
        if learnt || !kept.iter().zip(pairs).all(|(kept, pair)| same_address(kept, pair)) {
            return;
        }
        if let Ok(alias) = self.aliases.push(Alias { pairs: kept, series: known.id as Payload }) {
            self.by_address.insert(hash, ALIAS | alias as Payload);
        }
    }
}

impl Drop for SeriesTable {
    fn drop(&mut self) {
        if let Some(width) = self.kind.width() {
            cells::free(width, self.series.iter().filter_map(|series| series.row));
        }
    }
}

/// The hash of attributes in which the last value of a key wins, or `None` if no key is repeated.
fn hash_of_meant<A: Attributes + ?Sized>(seed: Seed, attributes: &A) -> Option<u32> {
    let mut hash = AttributesHash::new(seed);
    let mut repeated = false;
    let mut at = 0;
    attributes.visit(|key, value| {
        at += 1;
        let mut other = 0;
        let mut again = false;
        attributes.visit(|later, _| {
            other += 1;
            again |= other > at && later == key;
        });
        if again {
            repeated = true;
        } else {
            hash.add(key, value);
        }
    });
    repeated.then(|| hash.finish())
}

/// Whether two pairs are the same memory, or the same number: then they are equal.
#[inline]
fn same_address(a: &KeyValue, b: &KeyValue) -> bool {
    #[inline]
    fn same(a: &str, b: &str) -> bool {
        std::ptr::eq(a.as_ptr(), b.as_ptr()) && a.len() == b.len()
    }
    same(a.key.as_str(), b.key.as_str())
        && match (&a.value, &b.value) {
            (Value::String(a), Value::String(b)) => same(a.as_str(), b.as_str()),
            (Value::I64(a), Value::I64(b)) => a == b,
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::F64(a), Value::F64(b)) => a.to_bits() == b.to_bits(),
            _ => false,
        }
}

/// Whether a clone of the pair is likely to have the same addresses: its strings are not owned.
///
/// The API does not say; its `Debug` text does, for 0.33. That is a hint and no more, which saves
/// cloning owned strings in vain: what is cloned is compared with the original before it is used.
fn keeps_its_address(pair: &KeyValue) -> bool {
    fn is_owned(text: &dyn std::fmt::Debug) -> bool {
        struct First(Option<u8>);
        impl std::fmt::Write for First {
            fn write_str(&mut self, text: &str) -> std::fmt::Result {
                self.0 = self.0.or(text.bytes().next());
                // Enough was seen.
                Err(std::fmt::Error)
            }
        }
        let mut first = First(None);
        let _ = std::fmt::write(&mut first, format_args!("{text:?}"));
        !matches!(first.0, Some(b'S' | b'R'))
    }
    !is_owned(&pair.key)
        && match &pair.value {
            Value::String(value) => !is_owned(value),
            Value::Array(_) => false,
            _ => true,
        }
}

/// The caller's order of up to sixteen pairs: four bits for each say where it is in the sorted set.
#[derive(Clone, Copy, Default)]
struct Order(u64);

impl Order {
    #[inline]
    fn of(self, at: usize) -> usize {
        (self.0 >> (4 * (at & 15))) as usize & 15
    }

    /// The order of `pairs` relative to `sorted`, if they are the same pairs at the same addresses.
    fn new(pairs: &[KeyValue], sorted: &[KeyValue]) -> Option<Self> {
        if pairs.len() > 16 || pairs.is_empty() || pairs.len() != sorted.len() {
            return None;
        }
        let mut order = 0;
        for (at, pair) in pairs.iter().enumerate() {
            let place = sorted.iter().position(|own| same_address(own, pair))?;
            order |= (place as u64) << (4 * at);
        }
        Some(Order(order))
    }
}
