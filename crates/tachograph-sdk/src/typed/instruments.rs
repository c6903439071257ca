use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use super::attributes::{Dynamic, InstrumentAttributes};
use super::handle::Handle;
use super::late::{Declared, StaticBuilder};
use super::time_unit::TimeUnit;
use crate::attributes::Attributes;
use crate::metrics::{Aggregation, Bound, Descriptor, InstrumentKind, Meter, Number, Request};

/// Numbers that a [`Counter`] adds: `u64` and `f64`.
pub trait CounterNumber: Number {}
impl CounterNumber for u64 {}
impl CounterNumber for f64 {}

/// Numbers that an [`UpDownCounter`] adds: `i64` and `f64`.
pub trait UpDownCounterNumber: Number {
    /// One more.
    #[doc(hidden)]
    const ONE: Self;
    /// One less.
    #[doc(hidden)]
    const MINUS_ONE: Self;
}

impl UpDownCounterNumber for i64 {
    const ONE: Self = 1;
    const MINUS_ONE: Self = -1;
}

impl UpDownCounterNumber for f64 {
    const ONE: Self = 1.0;
    const MINUS_ONE: Self = -1.0;
}

/// Numbers that a [`Histogram`] records: `u64` and `f64`.
pub trait HistogramNumber: Number {
    /// A duration in a unit of time.
    #[doc(hidden)]
    fn of_duration(duration: Duration, unit: TimeUnit) -> Self;
}

impl HistogramNumber for u64 {
    fn of_duration(duration: Duration, unit: TimeUnit) -> Self {
        unit.rounded(duration)
    }
}

impl HistogramNumber for f64 {
    fn of_duration(duration: Duration, unit: TimeUnit) -> Self {
        unit.exactly(duration)
    }
}

/// Defines an instrument, its bound form and its builder; all differ in name and verb only.
macro_rules! instrument {
    (
        $(#[$doc:meta])*
        $instrument:ident: $number:ident, $bound:ident, $builder:ident, $method:ident;
        $(#[$record_doc:meta])*
        fn $record:ident
    ) => {
        $(#[$doc])*
        ///
        /// `A` is the type of the attributes, usually one that derives [`Attributes`]; by default they are
        /// [`Dynamic`]: of any type that implements the trait, call by call. Clones are the same instrument.
        pub struct $instrument<N, A: ?Sized = Dynamic> {
            pub(super) handle: Handle<N, A>,
        }

        impl<N: $number> $instrument<N, Dynamic> {
            $(#[$record_doc])*
            #[inline]
            pub fn $record<A: Attributes + ?Sized>(&self, value: N, attributes: &A) {
                self.handle.record_dynamic(value, attributes);
            }

            /// Removes the series of these attributes: it is shown no more, and starts anew, from zero, when somebody records with
            /// them again. A measurement that is made meanwhile is in the old series or in the new one.
            ///
            /// Says whether it goes: at once, or, if a thread is in the middle of a record, after the next collection. There are series that stay: the
            /// overflow series, those that a bound handle has been made for as long as that lives, and those that a typed
            /// instrument finds by index (its type says at compile time how many there are). Its cost is that of some
            /// microseconds for every thread of the process; spellings are learnt anew.
            pub fn remove<A: Attributes + ?Sized>(&self, attributes: &A) -> bool {
                self.handle.remove(attributes)
            }

            /// A handle to the series of these attributes, which exists from now on.
            pub fn bind<A: Attributes + ?Sized>(&self, attributes: &A) -> $bound<N> {
                $bound { bound: self.handle.bind(attributes) }
            }
        }

        impl<N: $number, A: Attributes> $instrument<N, A> {
            $(#[$record_doc])*
            #[inline]
            pub fn $record(&self, value: N, attributes: &A) {
                self.handle.$record(value, attributes);
            }

            /// Removes the series of these attributes: it is shown no more, and starts anew, from zero, when somebody records with
            /// them again. A measurement that is made meanwhile is in the old series or in the new one.
            ///
            /// Says whether it goes: at once, or, if a thread is in the middle of a record, after the next collection. There are series that stay: the
            /// overflow series, those that a bound handle has been made for as long as that lives, and those that a typed
            /// instrument finds by index (its type says at compile time how many there are). Its cost is that of some
            /// microseconds for every thread of the process; spellings are learnt anew.
            pub fn remove(&self, attributes: &A) -> bool {
                self.handle.remove(attributes)
            }

            /// A handle to the series of these attributes, which exists from now on.
            pub fn bind(&self, attributes: &A) -> $bound<N> {
                $bound { bound: self.handle.bind(attributes) }
            }
        }

        impl<N: $number, A: ?Sized> $instrument<N, A> {
            /// Whether what is recorded may be read: not where there is no provider, and where every view that selects the instrument
            /// drops it.
            ///
            /// For code whose measurement is dear to make. Ask each time, as an instrument in a static may find its provider at any
            /// time; it costs a few loads.
            pub fn is_enabled(&self) -> bool {
                self.handle.is_enabled()
            }
        }

        impl<N, A: ?Sized> Clone for $instrument<N, A> {
            fn clone(&self) -> Self {
                $instrument { handle: self.handle.clone() }
            }
        }

        impl<N, A: ?Sized> fmt::Debug for $instrument<N, A> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($instrument)).field(&self.handle).finish()
            }
        }

        impl<N: $number, A: InstrumentAttributes + ?Sized> Declared for $instrument<N, A> {
            const UNBOUND: Self = $instrument { handle: Handle::UNBOUND };

            fn declare(meter: &Meter, declaration: &StaticBuilder) -> Self {
                let StaticBuilder { name, unit, description, .. } = *declaration;
                let mut builder = meter.$method(name).with_unit(unit).with_description(description);
                builder.declaration.advice = declaration.advice.map(Into::into);
                builder.build()
            }
        }

        #[doc = concat!("One series of a [`", stringify!($instrument), "`], found once.")]
        ///
        /// Recording through it takes no lock, allocates nothing and looks nothing up. It keeps its
        /// series alive. Clones are the same series.
        #[derive(Clone)]
        pub struct $bound<N> {
            pub(super) bound: Bound<N>,
        }

        impl<N: $number> $bound<N> {
            $(#[$record_doc])*
            #[inline]
            pub fn $record(&self, value: N) {
                self.bound.$record(value);
            }
        }

        impl<N> fmt::Debug for $bound<N> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($bound)).field(&self.bound).finish()
            }
        }

        #[doc = concat!("Sets up a [`", stringify!($instrument), "`].")]
        #[derive(Debug)]
        #[must_use = "a builder does nothing until it builds"]
        pub struct $builder<'a> {
            declaration: Declaration<'a>,
        }

        impl $builder<'_> {
            /// The unit, in UCUM's case-sensitive notation: `s`, `By`, `{request}`.
            pub fn with_unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
                self.declaration.unit = unit.into();
                self
            }

            /// What it measures, for people.
            pub fn with_description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
                self.declaration.description = description.into();
                self
            }

            /// How many attribute sets it may have, at least 1; the provider's limit unless set. Of an
            /// instrument that exists already the limit stays as it was.
            pub fn with_cardinality_limit(mut self, limit: usize) -> Self {
                self.declaration.limit = Some(limit.max(1));
                self
            }

            /// Makes the instrument. Never fails: what is wrong with the declaration is reported.
            pub fn build<N: $number, A: InstrumentAttributes + ?Sized>(self) -> $instrument<N, A> {
                $instrument { handle: self.declaration.declare(InstrumentKind::$instrument) }
            }
        }

        impl Meter {
            #[doc = concat!("Declares a [`", stringify!($instrument), "`].")]
            pub fn $method(&self, name: impl Into<Cow<'static, str>>) -> $builder<'_> {
                $builder { declaration: Declaration::new(self, name.into()) }
            }
        }
    };
}

/// What a builder gathers.
#[derive(Debug)]
struct Declaration<'a> {
    meter: &'a Meter,
    name: Cow<'static, str>,
    unit: Cow<'static, str>,
    description: Cow<'static, str>,
    advice: Option<Aggregation>,
    limit: Option<usize>,
}

impl<'a> Declaration<'a> {
    fn new(meter: &'a Meter, name: Cow<'static, str>) -> Self {
        Declaration { meter, name, unit: "".into(), description: "".into(), advice: None, limit: None }
    }

    fn declare<N: Number, A: InstrumentAttributes + ?Sized>(self, kind: InstrumentKind) -> Handle<N, A> {
        let descriptor = Descriptor {
            name: self.name.into(),
            description: self.description.into(),
            unit: self.unit.into(),
            kind,
            number: N::KIND,
        };
        let request = Request { descriptor, advice: self.advice, limit: self.limit };
        Handle::new(self.meter.scoped.register_with(request, A::schema()))
    }
}

instrument! {
    /// Adds up what never goes down: requests, bytes, failures. Exported as a monotonic sum.
    Counter: CounterNumber, BoundCounter, CounterBuilder, counter;
    /// Adds to the sum. Negative numbers, NaN and infinities are refused, counted and reported.
    fn add
}

instrument! {
    /// Adds up what goes up and down: items in a queue, requests in flight. Exported as a sum.
    UpDownCounter: UpDownCounterNumber, BoundUpDownCounter, UpDownCounterBuilder, up_down_counter;
    /// Adds to the sum. NaN and infinities are refused, counted and reported.
    fn add
}

instrument! {
    /// Keeps the last value: a temperature, a level, a setting. The latest write wins, in one order that
    /// all threads agree on.
    Gauge: Number, BoundGauge, GaugeBuilder, gauge;
    /// Sets the value. NaN and infinities are refused, counted and reported.
    fn record
}

instrument! {
    /// Counts values by size: durations, sizes of messages. Exported as a histogram with explicit
    /// boundaries, or with exponential ones if asked for, with sum, minimum and maximum.
    Histogram: HistogramNumber, BoundHistogram, HistogramBuilder, histogram;
    /// Adds a value, which by the specification should not be negative: a sum that can go down is none
    /// that every format has a place for. NaN and infinities are refused, counted and reported.
    fn record
}

impl HistogramBuilder<'_> {
    /// The upper, inclusive boundaries of the buckets, in the instrument's unit: finite and ascending
    /// strictly; one bucket more takes what is above the last. Boundaries that are not so are repaired
    /// and reported.
    ///
    /// Unless set they are those of the semantic conventions for durations where the unit is `s`, and
    /// the specification's defaults, 0 to 10,000, where it is another.
    pub fn with_boundaries(mut self, boundaries: impl Into<Vec<f64>>) -> Self {
        self.declaration.advice = Some(Aggregation::explicit_bucket_histogram(boundaries));
        self
    }

    /// Buckets that grow by a constant factor instead of boundaries: a base-2 exponential histogram of the
    /// specification's size and scale, which needs to know nothing of the values beforehand.
    ///
    /// Each bucket is at first a millionth wider than the one before; whenever more than 160 would be
    /// needed on one side of zero, all are made twice as wide. Where values differ by a factor of 1,000, a
    /// bucket is then about 4% wide; where they differ by a factor of a million, 9%. A series costs up to 1.4 KiB
    /// for each thread that records in it, and as much again if there are values below zero.
    pub fn with_exponential_buckets(mut self) -> Self {
        self.declaration.advice = Some(Aggregation::base2_exponential_bucket_histogram());
        self
    }
}
