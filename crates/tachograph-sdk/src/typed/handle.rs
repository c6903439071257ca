//! What all instruments of this crate share: a stream, and for typed attributes an index into it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use crate::attributes::Attributes;
use crate::cells::{self, Row};
use crate::metrics::{Bound, Stream};
use crate::number::Number;
use crate::sync::OnceBox;

/// Counts measurements made through instruments that are bound to no provider: in a row like any other,
/// for a program whose telemetry is turned off is not to pay for it with a contended counter.
static UNBOUND: OnceLock<Option<Row>> = OnceLock::new();

/// How many measurements were made so far through instruments that are bound to no provider.
pub(crate) fn unbound_measurements() -> u64 {
    UNBOUND.get().copied().flatten().map_or(0, cells::sum::<u64>)
}

/// An instrument's connection to its stream, for numbers `N` and attributes `A`.
///
/// `None` where there is no provider, or none any more: then measurements are only counted.
pub(crate) struct Handle<N, A: ?Sized> {
    inner: Option<Arc<Inner>>,
    of: PhantomData<fn(N, &A)>,
}

struct Inner {
    stream: Arc<Stream>,
    /// Rows of a sum, to which there is a short cut.
    sums: Dense,
    /// Rows of anything else. One of the two tables is never made.
    others: Dense,
    /// The same of the instrument's next stream.
    next: OnceBox<Inner>,
}

/// The rows of typed attributes by [`Attributes::index`], zero where there is none yet; made with the
/// first measurement.
type Dense = OnceLock<Box<[AtomicU32]>>;

impl<N, A: ?Sized> Clone for Handle<N, A> {
    fn clone(&self) -> Self {
        Handle { inner: self.inner.clone(), of: PhantomData }
    }
}

impl<N, A: ?Sized> Handle<N, A> {
    /// A handle that is bound to nothing.
    pub(crate) const UNBOUND: Self = Handle { inner: None, of: PhantomData };

    pub(crate) fn new(stream: Option<Arc<Stream>>) -> Self {
        Handle { inner: stream.map(|stream| Arc::new(Inner::new(stream))), of: PhantomData }
    }
}

impl<N: Number, A: ?Sized> Handle<N, A> {
    /// Records with attributes that are looked up.
    #[inline]
    pub(crate) fn record<B: Attributes + ?Sized>(&self, value: N, attributes: &B) {
        match &self.inner {
            Some(inner) => inner.stream.record(value, attributes),
            None => count_unbound(),
        }
    }

    /// Removes the series of some attributes, if it can.
    pub(crate) fn remove<B: Attributes + ?Sized>(&self, attributes: &B) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.stream.remove(attributes))
    }

    pub(crate) fn bind<B: Attributes + ?Sized>(&self, attributes: &B) -> Bound<N> {
        self.inner.as_ref().map_or_else(Bound::to_nothing, |inner| Bound::new(&inner.stream, attributes))
    }
}

impl<N: Number, A: Attributes> Handle<N, A> {
    /// Records with typed attributes: by index where there is one.
    #[inline]
    pub(crate) fn record_typed(&self, value: N, attributes: &A) {
        let Some(inner) = &self.inner else {
            return count_unbound();
        };
        if A::CARDINALITY.is_none() {
            return inner.stream.record(value, attributes);
        }
        if inner.stream.next().is_some() {
            return inner.record_in_all(value, attributes);
        }
        inner.record(value, attributes);
    }
}

/// The row of typed attributes, if their index leads to one.
#[inline(always)]
fn row_of<A: Attributes>(dense: &Dense, attributes: &A) -> Option<Row> {
    Row::from_bits(dense.get()?.get(attributes.index())?.load(Ordering::Acquire))
}

impl Drop for Inner {
    fn drop(&mut self) {
        let dense = self.sums.get().into_iter().chain(self.others.get()).flatten();
        for row in dense.filter_map(|place| Row::from_bits(place.load(Ordering::Acquire))) {
            self.stream.unpin(row);
        }
    }
}

impl Inner {
    fn new(stream: Arc<Stream>) -> Self {
        Inner { stream, sums: OnceLock::new(), others: OnceLock::new(), next: OnceBox::new() }
    }

    /// Records in this stream alone.
    #[inline(always)]
    fn record<N: Number, A: Attributes>(&self, value: N, attributes: &A) {
        match row_of(&self.sums, attributes) {
            Some(row) if value.suits_any_sum() => {
                cells::add(row, value);
                if cells::is_due() {
                    self.offer(value, attributes);
                }
            }
            _ => self.record_other(value, attributes),
        }
    }

    #[cold]
    #[inline(never)]
    fn offer<N: Number, A: Attributes>(&self, value: N, attributes: &A) {
        if let Some(row) = row_of(&self.sums, attributes) {
            self.stream.offer_with(row, value, attributes);
        }
    }

    /// Records in this stream and in those after it.
    #[cold]
    #[inline(never)]
    fn record_in_all<N: Number, A: Attributes>(&self, value: N, attributes: &A) {
        self.record(value, attributes);
        let mut inner = self;
        while let Some(next) = inner.stream.next() {
            let before = &inner.stream;
            inner = inner.next.get_or_init(|| Inner::new(Arc::clone(next)));
            // What the stream before refused is not counted again.
            if next.accepts(value) || before.accepts(value) {
                inner.record(value, attributes);
            }
        }
    }

    #[inline(never)]
    fn record_other<N: Number, A: Attributes>(&self, value: N, attributes: &A) {
        let dense = if self.stream.aggregator.is_sum() { &self.sums } else { &self.others };
        match row_of(dense, attributes) {
            // An exemplar tells what a view takes away.
            Some(row) if self.stream.filter().is_some() => {
                self.stream.record_made_with(row, value, attributes)
            }
            Some(row) => self.stream.record_other(row, value),
            None => self.record_first(dense, value, attributes),
        }
    }

    /// Looks typed attributes up by content, and leaves the row where the next look finds it by index.
    fn record_first<N: Number, A: Attributes>(&self, dense: &Dense, value: N, attributes: &A) {
        // What is refused makes no series.
        if !self.stream.accepts(value) {
            return self.stream.refuse(value);
        }
        let limit = self.stream.series.limit();
        let dense = dense.get_or_init(|| {
            // Without a place for every value there is none for any: the attributes are looked up.
            let len = A::CARDINALITY.filter(|cardinality| *cardinality <= limit).unwrap_or(0);
            (0..len).map(|_| AtomicU32::new(0)).collect()
        });
        let Some(place) = dense.get(attributes.index()) else {
            return self.stream.record_alone(value, attributes);
        };
        // Of two that came at once the first has pinned it already.
        if let Some(row) = self.stream.record_first(value, attributes)
            && place.swap(Row::to_bits(row), Ordering::AcqRel) != 0
        {
            self.stream.unpin(row);
        }
    }
}

#[cold]
#[inline(never)]
pub(crate) fn count_unbound() {
    if let Some(row) = UNBOUND.get_or_init(|| cells::allocate(cells::SUM_WIDTH)) {
        cells::add(*row, 1_u64);
    }
}

impl<N, A: ?Sized> fmt::Debug for Handle<N, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Some(inner) => inner.stream.fmt(f),
            None => f.write_str("not bound to a provider"),
        }
    }
}
