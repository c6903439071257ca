//! What all instruments of this crate share: a stream, and for typed attributes an index into it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::attributes::Attributes;
use crate::cells::{self, Row, Spot};
use crate::metrics::{Bound, Descriptor, Stream, count_unbound};
use crate::number::Number;
use crate::sync::{LateTable, OnceBox};

/// An instrument's connection to its stream, for numbers `N` and attributes `A`.
///
/// `None` where there is no provider, or none any more: then measurements are only counted.
pub(crate) struct Handle<N, A: ?Sized> {
    inner: Option<Arc<Inner>>,
    of: PhantomData<fn(N, &A)>,
}

struct Inner {
    stream: Arc<Stream>,
    /// By [`Attributes::index`]: the bits of the [`Spot`] of a sum that is all there is, which is the short way.
    spots: Table,
    /// Likewise: the bits of the [`Row`] of anything else. Of most instruments one of the tables is never made.
    rows: Table,
    /// The same of the instrument's next stream.
    next: OnceBox<Inner>,
}

type Table = LateTable<AtomicU32>;

/// The bits at an index, zero if there are none yet.
#[inline(always)]
fn bits(table: &Table, index: usize) -> u32 {
    table.get(index).map_or(0, |place| place.load(Ordering::Acquire))
}

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
    pub(crate) fn record_dynamic<B: Attributes + ?Sized>(&self, value: N, attributes: &B) {
        match &self.inner {
            Some(inner) => inner.stream.record(value, attributes),
            None => count_unbound(),
        }
    }

    /// What it was declared as; `None` where there is no provider.
    pub(crate) fn descriptor(&self) -> Option<&Descriptor> {
        self.inner.as_ref().map(|inner| &inner.stream.descriptor)
    }

    /// Whether any stream keeps what is recorded.
    pub(crate) fn is_enabled(&self) -> bool {
        self.inner.as_ref().is_some_and(|inner| inner.stream.chain().any(|stream| !stream.is_of_nothing()))
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
    /// Records with typed attributes in what is likely a sum: by index where there is one, the short way if it is a sum.
    #[inline]
    pub(crate) fn add(&self, value: N, attributes: &A) {
        if A::CARDINALITY.is_some()
            && let Some(inner) = &self.inner
            && let Some(place) = inner.spots.get(attributes.index())
            && value.suits_any_sum()
            && cells::add_at(Spot::from_bits(place.load(Ordering::Acquire)), value)
        {
            if cells::is_due() {
                self.offer(value, attributes);
            }
        } else {
            self.record(value, attributes);
        }
    }

    /// Records with typed attributes: by index where there is one.
    #[inline]
    pub(crate) fn record(&self, value: N, attributes: &A) {
        match A::CARDINALITY {
            Some(_) => self.record_by_index(value, attributes),
            None => self.record_dynamic(value, attributes),
        }
    }

    #[inline(never)]
    fn record_by_index(&self, value: N, attributes: &A) {
        match &self.inner {
            Some(inner) => inner.record(value, attributes),
            None => count_unbound(),
        }
    }

    #[cold]
    #[inline(never)]
    fn offer(&self, value: N, attributes: &A) {
        if let Some(inner) = &self.inner
            && let Some(row) = inner.row_of(attributes)
        {
            inner.stream.offer_with(row, value, attributes);
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let load = |place: &AtomicU32| place.load(Ordering::Acquire);
        let rows = self.rows.iter().map(load).filter_map(Row::from_bits);
        let spots = self.spots.iter().map(load).filter_map(|bits| Spot::from_bits(bits).row());
        for row in rows.chain(spots) {
            self.stream.unpin(row);
        }
    }
}

impl Inner {
    fn new(stream: Arc<Stream>) -> Self {
        Inner { stream, spots: LateTable::new(), rows: LateTable::new(), next: OnceBox::new() }
    }

    /// The row of typed attributes, if it is known.
    #[inline]
    fn row_of<A: Attributes>(&self, attributes: &A) -> Option<Row> {
        let index = attributes.index();
        Row::from_bits(bits(&self.rows, index)).or_else(|| Spot::from_bits(bits(&self.spots, index)).row())
    }

    #[inline]
    fn record<N: Number, A: Attributes>(&self, value: N, attributes: &A) {
        match self.row_of(attributes) {
            Some(row) if self.stream.is_plain() => self.stream.record_at_once(row, value),
            row => self.record_specially(row, value, attributes),
        }
    }

    #[inline(never)]
    fn record_specially<N: Number, A: Attributes>(&self, row: Option<Row>, value: N, attributes: &A) {
        if self.stream.next().is_some() {
            return self.record_in_all(value, attributes);
        }
        // What is refused makes no series.
        if row.is_none() && !self.stream.accepts(value) {
            return self.stream.refuse(value);
        }
        let record = |row| self.stream.record_made_with(row, value, attributes);
        match row {
            Some(row) => record(row),
            None if self.record_first(attributes, record) => {}
            None => self.stream.record(value, attributes),
        }
    }

    /// Records in this stream and in those after it.
    #[cold]
    #[inline(never)]
    fn record_in_all<N: Number, A: Attributes>(&self, value: N, attributes: &A) {
        let admitted = self.stream.attend();
        let (mut inner, mut may_refuse) = (self, true);
        loop {
            let stream = &inner.stream;
            if stream.accepts(value) {
                let record = |row| stream.record_attended_in(row, value, attributes, admitted);
                match inner.row_of(attributes) {
                    Some(row) => record(row),
                    None if inner.record_first(attributes, record) => {}
                    None => stream.record_attended(value, attributes, admitted),
                }
            } else if may_refuse {
                stream.refuse(value);
            }
            let Some(next) = stream.next() else { break };
            // What the stream before refused is not counted again.
            may_refuse = stream.accepts(value);
            inner = inner.next.get_or_init(|| Inner::new(Arc::clone(next)));
        }
    }

    /// Records the first measurement with some typed attributes by `record`, and leaves the row where the next look finds it by index. `false` if there is no
    /// place for it: such attributes are looked up each time.
    #[cold]
    #[inline(never)]
    fn record_first<A: Attributes>(&self, attributes: &A, record: impl Fn(Row)) -> bool {
        let limit = self.stream.series.limit();
        let index = attributes.index();
        // Without a place for every value there is none for any.
        let Some(len) = A::CARDINALITY.filter(|cardinality| *cardinality <= limit && index < *cardinality)
        else {
            return false;
        };
        if let Some(row) = self.stream.record_first(attributes, record) {
            // A stream that comes between this and the next record closes the short cuts.
            let is_alone_a_sum = self.stream.aggregator.is_sum() && self.stream.next().is_none();
            let (table, bits) = match row.spot() {
                spot if is_alone_a_sum && spot != Spot::NOWHERE => (&self.spots, spot.to_bits()),
                _ => (&self.rows, Row::to_bits(row)),
            };
            // Of two that came at once the first has pinned it already.
            let place = table.get_or_make(len, index);
            if place.is_none_or(|place| place.swap(bits, Ordering::AcqRel) != 0) {
                self.stream.unpin(row);
            }
        }
        true
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
