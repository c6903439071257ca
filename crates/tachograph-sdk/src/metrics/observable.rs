//! Observable instruments: callbacks, and what they observed in one collection.

use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use opentelemetry::KeyValue;
use opentelemetry::metrics::{AsyncInstrument, Callback};

use super::series::Overflow;
use super::stream::Stream;
use crate::diag;
use crate::number::Number;

/// What one collection observed: by stream number.
#[derive(Default)]
pub(crate) struct Observations {
    streams: Vec<Observed>,
}

#[derive(Default)]
struct Observed {
    /// By series number; series beyond the end were not observed.
    values: Vec<Option<u64>>,
    /// Series that have values of several sets.
    shared: HashSet<usize>,
    /// Whether the callbacks ran, and to their ends.
    is_whole: Option<bool>,
}

impl Observations {
    pub(crate) fn clear(&mut self) {
        for observed in &mut self.streams {
            observed.values.clear();
            observed.shared.clear();
            observed.is_whole = None;
        }
    }

    /// The values of a stream's series; series beyond the end were not observed.
    pub(crate) fn of(&self, stream: usize) -> &[Option<u64>] {
        self.streams.get(stream).map_or(&[], |observed| &observed.values)
    }

    /// The streams of which everything was observed that there is, each with its number.
    pub(crate) fn whole(&self) -> impl Iterator<Item = (usize, &[Option<u64>])> {
        let streams = self.streams.iter().enumerate();
        streams.filter(|(_, of)| of.is_whole == Some(true)).map(|(number, of)| (number, &*of.values))
    }

    fn stream(&mut self, number: usize) -> &mut Observed {
        if self.streams.len() <= number {
            self.streams.resize_with(number + 1, Observed::default);
        }
        &mut self.streams[number]
    }

    /// Notes that a callback of a stream has run, and whether to its end.
    fn end(&mut self, stream: usize, is_whole: bool) {
        let observed = self.stream(stream);
        observed.is_whole = Some(is_whole && observed.is_whole != Some(false));
    }

    /// Keeps a value. One for a series that has values of several sets, as `is_shared` says of this one, adds up (`add`) with what
    /// was observed before in this collection; else what was observed last counts.
    fn put(
        &mut self,
        stream: usize,
        series: usize,
        bits: u64,
        is_shared: bool,
        add: impl FnOnce(u64) -> u64,
    ) {
        let Observed { values, shared, .. } = self.stream(stream);
        if values.len() <= series {
            values.resize(series + 1, None);
        }
        if is_shared {
            shared.insert(series);
        }
        let adds_up = is_shared || shared.contains(&series);
        values[series] = Some(values[series].filter(|_| adds_up).map_or(bits, add));
    }
}

/// A registered callback with its instrument.
pub(crate) trait Observe: Send + Sync {
    /// Runs the callback; a panic is contained and reported.
    fn observe(&self, into: &Mutex<Observations>);
}

pub(crate) struct Observable<N> {
    /// The instrument's first stream.
    pub(crate) stream: Arc<Stream>,
    pub(crate) callback: Callback<N>,
}

impl<N: Number> Observe for Observable<N> {
    fn observe(&self, into: &Mutex<Observations>) {
        let observer = Observer { observable: self, into, number: PhantomData::<fn(N)> };
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.callback)(&observer)));
        {
            let mut into = into.lock().unwrap_or_else(PoisonError::into_inner);
            for stream in self.stream.chain().filter(|stream| !stream.is_of_nothing()) {
                into.end(stream.number as usize, outcome.is_ok());
            }
        }
        if let Err(panic) = outcome {
            let name = &*self.stream.descriptor.name;
            diag::report(
                "callback.panic",
                name,
                format_args!(
                    "a callback of instrument {name:?} of scope {:?} panicked: {}; what it had observed before is \
                     kept, and collection goes on",
                    self.stream.scope.name(),
                    diag::text_of_panic(&*panic)
                ),
            );
            diag::let_go(panic);
        }
    }
}

/// What a callback observes through.
struct Observer<'a, N> {
    observable: &'a Observable<N>,
    into: &'a Mutex<Observations>,
    number: PhantomData<fn(N)>,
}

impl<N: Number> AsyncInstrument<N> for Observer<'_, N> {
    fn observe(&self, measurement: N, attributes: &[KeyValue]) {
        let mut refused = false;
        for stream in self.observable.stream.chain() {
            if stream.accepts(measurement) {
                self.observe_in(stream, measurement, attributes);
            } else if !std::mem::replace(&mut refused, true) {
                stream.refuse(measurement);
            }
        }
    }
}

impl<N: Number> Observer<'_, N> {
    fn observe_in(&self, stream: &Stream, measurement: N, attributes: &[KeyValue]) {
        if stream.is_of_nothing() {
            return;
        }
        let (found, is_reduced) = match stream.filter() {
            None => (stream.series.find(attributes), false),
            Some(filter) => (stream.series.find(&filter.of(attributes)), filter.reduces(attributes)),
        };
        let Some(found) = found.or_else(|| stream.lose()) else {
            return;
        };
        if found.overflow != Overflow::No {
            stream.count_overflow(found.overflow);
        }
        // What is observed twice is what was observed last; but what different sets have in common, beyond the limit or behind a
        // filter, adds up, as it does for synchronous instruments.
        let is_shared = stream.aggregator.is_sum() && (is_reduced || stream.series.is_shared(&found));
        let mut into = self.into.lock().unwrap_or_else(PoisonError::into_inner);
        into.put(stream.number as usize, found.id, measurement.to_bits(), is_shared, |before| {
            N::add(before, measurement)
        });
    }
}

impl<N> fmt::Debug for Observable<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Observable({:?})", self.stream)
    }
}
