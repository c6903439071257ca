//! Instruments in a `static`, which exist before any provider does.
#![allow(unsafe_code)]

use std::fmt;
use std::ops::Deref;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::diag;
use crate::metrics::{Aggregation, Meter, MeterProvider, Registry, unbound_measurements};

/// An instrument that a [`Static`] can hold; implemented by this crate's instruments.
pub trait Declared: Sized {
    /// An instrument that only counts that something was recorded.
    #[doc(hidden)]
    const UNBOUND: Self;

    /// Makes the instrument.
    #[doc(hidden)]
    fn declare(meter: &Meter, declaration: &StaticBuilder) -> Self;
}

/// An instrument that is declared in a `static`.
///
/// ```
/// use tachograph_sdk::{Counter, MeterProvider, Static, declare, follow};
///
/// static ORDERS: Static<Counter<u64>> = declare("shop", "order.created.total").with_unit("{order}").build();
///
/// ORDERS.add(1, &()); // no provider yet: counted as such, and not recorded
/// let provider = MeterProvider::new();
/// follow(&provider);
/// ORDERS.add(1, &()); // recorded
/// ```
///
/// It follows the provider last given to [`follow`] (the facade's `install` does so), and turns to it
/// with its first measurement afterwards. Before there is one, and after that provider's shutdown,
/// measurements are counted and reported, but not recorded. A handle bound from it stays with the
/// provider it was bound under. Following another provider is cheap but not free: the instrument of
/// each provider that a static has followed, some 100 bytes and the provider's data with it, is kept
/// until the process ends.
///
/// A measurement costs two loads and a comparison more than that of the instrument itself.
pub struct Static<I> {
    declaration: StaticBuilder,
    unbound: I,
    /// The instrument of the provider last followed; null before the first.
    ///
    /// # Protocol
    ///
    /// Replaced only under the lock of [`FOLLOWED`] (release); read at any time (acquire). Replaced
    /// ones stay linked by `previous` and are freed only in `Drop`, which a static never runs:
    /// references to them may be in use.
    current: AtomicPtr<Generation<I>>,
}

/// Declares an instrument for a [`Static`]: the name of its scope, usually the crate's, and its own.
///
/// Which kind of instrument it is follows from the type of the static.
pub const fn declare(scope: &'static str, name: &'static str) -> StaticBuilder {
    StaticBuilder { scope, name, unit: "", description: "", advice: None }
}

/// Sets up a [`Static`]; made by [`declare`].
#[derive(Clone, Copy, Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct StaticBuilder {
    scope: &'static str,
    pub(super) name: &'static str,
    pub(super) unit: &'static str,
    pub(super) description: &'static str,
    pub(super) advice: Option<StaticAdvice>,
}

/// What a declaration asks of a histogram.
#[derive(Clone, Copy, Debug)]
pub(super) enum StaticAdvice {
    Boundaries(&'static [f64]),
    ExponentialBuckets,
}

impl From<StaticAdvice> for Aggregation {
    fn from(advice: StaticAdvice) -> Self {
        match advice {
            StaticAdvice::Boundaries(boundaries) => Aggregation::explicit_bucket_histogram(boundaries),
            StaticAdvice::ExponentialBuckets => Aggregation::base2_exponential_bucket_histogram(),
        }
    }
}

impl StaticBuilder {
    /// The unit, in UCUM's case-sensitive notation: `s`, `By`, `{request}`.
    pub const fn with_unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// What it measures, for people.
    pub const fn with_description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// The boundaries of a histogram, as [`HistogramBuilder::with_boundaries`] has them; other
    /// instruments have none, and ignore them.
    ///
    /// [`HistogramBuilder::with_boundaries`]: crate::HistogramBuilder::with_boundaries
    pub const fn with_boundaries(mut self, boundaries: &'static [f64]) -> Self {
        self.advice = Some(StaticAdvice::Boundaries(boundaries));
        self
    }

    /// Exponential buckets for a histogram, as [`HistogramBuilder::with_exponential_buckets`] has them; other
    /// instruments ignore them.
    ///
    /// [`HistogramBuilder::with_exponential_buckets`]: crate::HistogramBuilder::with_exponential_buckets
    pub const fn with_exponential_buckets(mut self) -> Self {
        self.advice = Some(StaticAdvice::ExponentialBuckets);
        self
    }

    /// The declaration as a value for a `static`.
    pub const fn build<I: Declared>(self) -> Static<I> {
        Static { declaration: self, unbound: I::UNBOUND, current: AtomicPtr::new(ptr::null_mut()) }
    }
}

struct Generation<I> {
    number: u64,
    instrument: I,
    previous: *mut Generation<I>,
}

// SAFETY: the raw pointers are to generations that this value owns; they give out `&I` to any thread.
unsafe impl<I: Send + Sync> Sync for Static<I> {}
// SAFETY: as above.
unsafe impl<I: Send> Send for Static<I> {}

struct Followed {
    provider: Option<MeterProvider>,
}

static FOLLOWED: Mutex<Followed> = Mutex::new(Followed { provider: None });

/// Goes up whenever the followed provider changes; 0 before the first.
static GENERATION: AtomicU64 = AtomicU64::new(0);

fn followed() -> MutexGuard<'static, Followed> {
    FOLLOWED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes all [`Static`] instruments of the process follow a provider, until its shutdown or the next
/// call.
pub fn follow(provider: &MeterProvider) {
    let previous = {
        let mut followed = followed();
        GENERATION.fetch_add(1, Ordering::Release);
        followed.provider.replace(provider.clone())
    };
    provider.registry.at_shutdown(unfollow);
    // Outside the lock: dropping the last handle of a provider drops the user's callbacks.
    drop(previous);
    let lost = unbound_measurements();
    if lost > 0 {
        diag::inform(
            "static.unbound",
            format_args!(
                "{lost} measurements were made through static instruments while no Telemetry was installed; they \
                 were not recorded: install it first thing in main"
            ),
        );
    }
}

/// Makes the statics follow nothing, if they follow this provider.
fn unfollow(registry: &Arc<Registry>) {
    let mut followed = followed();
    if followed.provider.as_ref().is_some_and(|current| Arc::ptr_eq(&current.registry, registry)) {
        GENERATION.fetch_add(1, Ordering::Release);
        let provider = followed.provider.take();
        drop(followed);
        drop(provider);
    }
}

impl<I: Declared> Static<I> {
    /// Declares the instrument at a provider, as its first measurement there would: so that a
    /// [`Catalogue`](crate::catalogue::Catalogue) has it. It follows the provider no more than before.
    pub fn declare_in(&self, provider: &MeterProvider) {
        I::declare(&provider.meter(self.declaration.scope), &self.declaration);
    }

    #[cold]
    #[inline(never)]
    fn turn(&self) -> &I {
        let (provider, number) = {
            let followed = followed();
            match &followed.provider {
                Some(provider) => (provider.clone(), GENERATION.load(Ordering::Acquire)),
                None => return &self.unbound,
            }
        };
        // Outside the lock: a report of a bad declaration runs the user's subscriber.
        let instrument = I::declare(&provider.meter(self.declaration.scope), &self.declaration);
        let _only_writer = followed();
        let previous = self.current.load(Ordering::Acquire);
        // SAFETY: generations live as long as this value (see the field).
        if let Some(current) = unsafe { previous.as_ref() }
            && current.number >= number
        {
            return &current.instrument;
        }
        let generation = Box::into_raw(Box::new(Generation { number, instrument, previous }));
        self.current.store(generation, Ordering::Release);
        // SAFETY: as above.
        unsafe { &(*generation).instrument }
    }
}

impl<I: Declared> Deref for Static<I> {
    type Target = I;

    #[inline]
    fn deref(&self) -> &I {
        let current = self.current.load(Ordering::Acquire);
        // SAFETY: generations live as long as this value (see the field).
        match unsafe { current.as_ref() } {
            Some(current) if current.number == GENERATION.load(Ordering::Acquire) => &current.instrument,
            _ => self.turn(),
        }
    }
}

impl<I> Drop for Static<I> {
    fn drop(&mut self) {
        let mut generation = self.current.load(Ordering::Acquire);
        while !generation.is_null() {
            // SAFETY: made by `Box::into_raw` in `turn`, linked once; `&mut self` excludes references.
            generation = unsafe { Box::from_raw(generation) }.previous;
        }
    }
}

impl<I> fmt::Debug for Static<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Static").field("declaration", &self.declaration).finish_non_exhaustive()
    }
}
