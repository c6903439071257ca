//! What all instruments of this crate share: a stream, and for typed attributes an index into it.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use crate::attributes::Attributes;
use crate::cells::Row;
use crate::metrics::{Bound, Number, Stream};

/// Measurements made through instruments that are bound to no provider.
static UNBOUND: AtomicU64 = AtomicU64::new(0);

/// How many measurements were made so far through instruments that are bound to no provider.
pub(crate) fn unbound_measurements() -> u64 {
    UNBOUND.load(Ordering::Relaxed)
}

/// Attributes of whatever spelling, for instruments that are not typed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Dynamic;

/// An instrument's connection to its stream, for numbers `N` and attributes `A`.
///
/// `None` where there is no provider, or none any more: then measurements are only counted.
pub(crate) struct Handle<N, A: ?Sized> {
    inner: Option<Arc<Inner>>,
    of: PhantomData<fn(N, &A)>,
}

struct Inner {
    stream: Arc<Stream>,
    /// The rows of typed attributes by [`Attributes::index`], zero where there is none yet; made with
    /// the first measurement.
    dense: OnceLock<Box<[AtomicU64]>>,
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
        let inner = stream.map(|stream| Arc::new(Inner { stream, dense: OnceLock::new() }));
        Handle { inner, of: PhantomData }
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

    pub(crate) fn bind<B: Attributes + ?Sized>(&self, attributes: &B) -> Option<Bound<N>> {
        self.inner.as_ref().map(|inner| Bound::new(Arc::clone(&inner.stream), attributes))
    }
}

impl<N: Number, A: Attributes> Handle<N, A> {
    /// Records with typed attributes: by index where there is one.
    #[inline]
    pub(crate) fn record_typed(&self, value: N, attributes: &A) {
        let Some(inner) = &self.inner else {
            return count_unbound();
        };
        let stream = &*inner.stream;
        if !stream.aggregation.accepts(value) {
            return stream.refuse(value);
        }
        let row = if A::CARDINALITY.is_some() { inner.dense_row(attributes) } else { stream.row(attributes) };
        if let Some(row) = row {
            stream.aggregation.record(row, value);
        }
    }
}

impl Inner {
    #[inline]
    fn dense_row<A: Attributes>(&self, attributes: &A) -> Option<Row> {
        if let Some(dense) = self.dense.get()
            && let Some(row) = dense.get(attributes.index())
            && let Some(row) = Row::from_bits(row.load(Ordering::Acquire))
        {
            return Some(row);
        }
        self.find_dense_row(attributes)
    }

    #[cold]
    #[inline(never)]
    fn find_dense_row<A: Attributes>(&self, attributes: &A) -> Option<Row> {
        let table = self.stream.series.limit();
        let dense = self.dense.get_or_init(|| {
            // Without a place for every value there is none for any: the attributes are looked up.
            let len = A::CARDINALITY.filter(|cardinality| *cardinality <= table).unwrap_or(0);
            (0..len).map(|_| AtomicU64::new(0)).collect()
        });
        let found = self.stream.series.find(attributes)?;
        if found.overflow {
            self.stream.count_overflow(found);
        } else if let Some(place) = dense.get(attributes.index()) {
            place.store(Row::to_bits(found.series.row), Ordering::Release);
        }
        found.series.row
    }
}

#[cold]
pub(crate) fn count_unbound() {
    UNBOUND.fetch_add(1, Ordering::Relaxed);
}

impl<N, A: ?Sized> fmt::Debug for Handle<N, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.inner {
            Some(inner) => inner.stream.fmt(f),
            None => f.write_str("not bound to a provider"),
        }
    }
}
