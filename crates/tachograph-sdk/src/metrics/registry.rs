//! Which instruments a provider has, and what becomes of their declarations.

use std::collections::HashMap;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::InstrumentationScope;

use super::aggregation::Aggregation;
use super::aggregator::Aggregator;
use super::observable::Observe;
use super::settings::Settings;
use super::stream::{Descriptor, InstrumentKind, Stream};
use super::validate;
use crate::attributes::AttributesSchema;
use crate::diag;
use crate::resource::Resource;
use crate::sync::AppendVec;

/// All that the instruments of one provider are and record; what meters, readers and the provider share.
pub(crate) struct Registry {
    pub(crate) resource: Resource,
    pub(crate) settings: Arc<Settings>,
    /// All streams, in the order of their creation; read by collections without a lock.
    pub(crate) streams: AppendVec<Arc<Stream>>,
    scopes: Mutex<Scopes>,
    /// What is known of the attributes of streams, by their number; of those whose attributes have a type.
    attributes: Mutex<Vec<(usize, &'static AttributesSchema)>>,
    callbacks: Mutex<Vec<Arc<dyn Observe>>>,
    /// Who else is to know of the shutdown; each function once.
    at_shutdown: Mutex<Vec<Hook>>,
    pub(crate) is_shut_down: AtomicBool,
    /// Streams that could not be kept; sixteen million is the most.
    refused_streams: AtomicU64,
}

/// What is told of a shutdown.
type Hook = fn(&Arc<Registry>);

/// Which instruments there are, by scope and by name in lower case.
type Scopes = HashMap<InstrumentationScope, HashMap<Box<str>, Vec<Registered>>>;

#[derive(Clone)]
pub(crate) struct Registered {
    /// The stream's number in its provider.
    pub(crate) number: usize,
    pub(crate) stream: Arc<Stream>,
}

/// What an instrument is asked to be.
pub(crate) struct Request {
    pub(crate) descriptor: Descriptor,
    /// What the instrument itself asks to be aggregated as; for histograms.
    pub(crate) advice: Option<Aggregation>,
    pub(crate) limit: Option<usize>,
}

// Callbacks may be left half done by a panic of their own, which is theirs to care for; everything else
// here is valid at every step.
impl UnwindSafe for Registry {}
impl RefUnwindSafe for Registry {}

impl Registry {
    pub(crate) fn new(resource: Resource, settings: Settings) -> Self {
        Registry {
            resource,
            settings: Arc::new(settings),
            streams: AppendVec::new(),
            scopes: Mutex::default(),
            attributes: Mutex::default(),
            callbacks: Mutex::default(),
            at_shutdown: Mutex::default(),
            is_shut_down: AtomicBool::new(false),
            refused_streams: AtomicU64::new(0),
        }
    }

    /// Streams that could not be kept.
    pub(crate) fn refused_streams(&self) -> u64 {
        self.refused_streams.load(Ordering::Relaxed)
    }

    /// Keeps what is known of a stream's attributes, for the catalogue.
    pub(crate) fn describe_attributes(&self, stream: usize, schema: &'static AttributesSchema) {
        let mut attributes = self.attributes.lock().unwrap_or_else(PoisonError::into_inner);
        // In the order of streams: a new one comes last.
        let end = attributes.partition_point(|(known, _)| *known <= stream);
        let of_stream = attributes[..end].iter().rev().take_while(|(known, _)| *known == stream);
        if !of_stream.clone().any(|(_, of)| std::ptr::eq(*of, schema)) {
            attributes.insert(end, (stream, schema));
        }
    }

    /// What is known of the attributes of streams, by their number: all that each was declared with.
    pub(crate) fn attributes(&self) -> HashMap<usize, Vec<&'static AttributesSchema>> {
        let mut by_stream = HashMap::<_, Vec<_>>::new();
        for (stream, schema) in &*self.attributes.lock().unwrap_or_else(PoisonError::into_inner) {
            by_stream.entry(*stream).or_default().push(*schema);
        }
        by_stream
    }

    /// Has a function called at the shutdown.
    pub(crate) fn at_shutdown(&self, hook: Hook) {
        let mut hooks = self.at_shutdown.lock().unwrap_or_else(PoisonError::into_inner);
        if !hooks.iter().any(|known| std::ptr::fn_addr_eq(*known, hook)) {
            hooks.push(hook);
        }
    }

    /// Drops the callbacks, and calls whom `at_shutdown` named; further calls find nothing to do.
    pub(crate) fn shut_down(self: &Arc<Self>) {
        self.is_shut_down.store(true, Ordering::Release);
        // Dropped outside the lock: a callback's drop is user code.
        let callbacks = std::mem::take(&mut *self.callbacks());
        drop(callbacks);
        let hooks = std::mem::take(&mut *self.at_shutdown.lock().unwrap_or_else(PoisonError::into_inner));
        hooks.into_iter().for_each(|hook| hook(self));
    }

    fn callbacks(&self) -> MutexGuard<'_, Vec<Arc<dyn Observe>>> {
        self.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps a callback for collections to run.
    pub(crate) fn add_callback(&self, callback: Arc<dyn Observe>) {
        if !self.is_shut_down.load(Ordering::Acquire) {
            self.callbacks().push(callback);
        }
    }

    /// The callback of this number; those registered meanwhile come after those before.
    pub(crate) fn callback(&self, number: usize) -> Option<Arc<dyn Observe>> {
        self.callbacks().get(number).cloned()
    }

    pub(crate) fn callback_count(&self) -> usize {
        self.callbacks().len()
    }

    /// The stream of an instrument, made if need be; `None` if there are too many.
    ///
    /// Identical instruments share a stream. One that differs from those of its name gets a stream of
    /// its own, and a warning names both.
    pub(crate) fn instrument(
        &self,
        scope: &Arc<InstrumentationScope>,
        request: Request,
    ) -> Option<Registered> {
        let Request { mut descriptor, advice, limit } = request;
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        // Not looked up first: a scope with NaN among its attributes does not even equal itself.
        let instruments = scopes.entry((**scope).clone()).or_default();
        let same_name =
            instruments.entry(descriptor.name.to_lowercase().into()).or_insert_with(|| Vec::with_capacity(1));
        // Reported once the lock is given back: a subscriber is user code.
        let mut conflict = None;
        if let Some(first) = same_name.first() {
            let asked = descriptor.name.clone();
            // Names are the same in whatever case; the first spelling stays.
            descriptor.name.clone_from(&first.stream.descriptor.name);
            if let Some(known) = same_name.iter().find(|known| known.stream.descriptor == descriptor) {
                let known = known.clone();
                drop(scopes);
                report_same_but_for(&known.stream, &asked, advice.as_ref(), limit);
                return Some(known);
            }
            conflict = Some(Arc::clone(&first.stream));
        }
        let mut invalid = None;
        let aggregator = match descriptor.kind {
            InstrumentKind::Counter | InstrumentKind::ObservableCounter => {
                Aggregator::Sum { monotonic: true }
            }
            InstrumentKind::UpDownCounter | InstrumentKind::ObservableUpDownCounter => {
                Aggregator::Sum { monotonic: false }
            }
            InstrumentKind::Gauge | InstrumentKind::ObservableGauge => Aggregator::LastValue,
            InstrumentKind::Histogram => {
                let aggregator;
                (aggregator, invalid) = validate::histogram(&descriptor.unit, advice);
                aggregator
            }
        };
        let limit = limit.unwrap_or(self.settings.limit);
        let stream = Arc::new(Stream::new(
            descriptor,
            Arc::clone(scope),
            aggregator,
            limit,
            Arc::clone(&self.settings),
        ));
        let Ok(number) = self.streams.push(Arc::clone(&stream)) else {
            self.refused_streams.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let registered = Registered { number, stream };
        same_name.push(registered.clone());
        drop(scopes);
        let stream = &registered.stream;
        validate::check_name(&stream.descriptor.name);
        validate::check_unit(&stream.descriptor.name, &stream.descriptor.unit);
        if let Some(invalid) = invalid {
            validate::report_histogram(&stream.descriptor.name, &invalid, &stream.aggregator);
        }
        if let Some(first) = conflict {
            report_conflict(&first, stream);
        }
        Some(registered)
    }
}

fn report_conflict(first: &Stream, second: &Stream) {
    let name = &*first.descriptor.name;
    diag::report(
        "instrument.conflict",
        name,
        format_args!(
            "two instruments of scope {:?} have one name but are not the same: first {}, now {}; both record, and an \
             exporter may have to drop the second: give it a name of its own, or declare both alike",
            first.scope.name(),
            first.descriptor,
            second.descriptor
        ),
    );
}

/// Reports what an instrument that is otherwise known was asked to be and will not be.
fn report_same_but_for(known: &Stream, asked: &str, advice: Option<&Aggregation>, limit: Option<usize>) {
    let name = &*known.descriptor.name;
    let scope = known.scope.name();
    if asked != name {
        diag::report(
            "instrument.case",
            name,
            format_args!(
                "instrument {asked:?} of scope {scope:?} is the same as {name:?}, since names are the same in upper \
                 and lower case; it is recorded as {name:?}"
            ),
        );
    }
    match (advice, &known.aggregator) {
        (
            Some(Aggregation::ExplicitBucketHistogram { boundaries: asked, .. }),
            Aggregator::ExplicitBuckets(buckets),
        ) if asked != buckets.bounds() => diag::report(
            "instrument.boundaries.conflict",
            name,
            format_args!(
                "histogram {name:?} of scope {scope:?} was declared again with boundaries {asked:?}; those of its first \
                 declaration stay: {:?}",
                buckets.bounds()
            ),
        ),
        (Some(Aggregation::ExplicitBucketHistogram { .. }), Aggregator::Exponential(_))
        | (Some(Aggregation::Base2ExponentialBucketHistogram { .. }), Aggregator::ExplicitBuckets(_)) => {
            diag::report(
                "instrument.buckets.conflict",
                name,
                format_args!(
                    "histogram {name:?} of scope {scope:?} was declared with explicit boundaries and with exponential \
                     buckets; its first declaration counts: declare it once, or alike"
                ),
            );
        }
        _ => {}
    }
    if let Some(asked) = limit
        && asked != known.series.limit()
    {
        diag::report(
            "instrument.limit.conflict",
            name,
            format_args!(
                "instrument {name:?} of scope {scope:?} was declared again with a cardinality limit of {asked}; that of \
                 its first declaration stays: {}",
                known.series.limit()
            ),
        );
    }
}
