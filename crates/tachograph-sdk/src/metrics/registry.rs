//! Which instruments a provider has, and what becomes of their declarations.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use opentelemetry::InstrumentationScope;
use opentelemetry::metrics::Histogram;

use super::aggregation::Aggregation;
use super::component::Numbers;
use super::conflicts;
use super::observable::{Observations, Observe};
use super::pipeline::Pipeline;
use super::resolve::{Asked, Defaults, Report, Resolved, resolve};
use super::scope::ScopeKey;
use super::settings::Settings;
use super::stream::{Descriptor, Spec, Stream};
use super::validate::{self, Invalid};
use super::view::View;
use crate::attributes::AttributesSchema;
use crate::cells;
use crate::resource::Resource;
use crate::sync::AppendVec;

/// How many configurations of readers a provider keeps apart.
const MOST_PIPELINES: usize = 16;

/// All that the instruments of one provider are and record; what meters, readers and the provider share.
pub(crate) struct Registry {
    pub(crate) resource: Resource,
    pub(crate) settings: Arc<Settings>,
    /// All streams, by number; read by collections without a lock.
    pub(crate) streams: AppendVec<Arc<Stream>>,
    instruments: Mutex<Instruments>,
    /// What is known of the attributes of streams, by their number; of those whose attributes have a type.
    attributes: Mutex<Vec<(u32, &'static AttributesSchema)>>,
    callbacks: Mutex<Vec<Arc<dyn Observe>>>,
    /// Who else is to know of the shutdown; each function once.
    at_shutdown: Mutex<Vec<Hook>>,
    pub(crate) is_shut_down: AtomicBool,
    /// Where readers record how long they collect, once somebody wants to know.
    collections: OnceLock<Histogram<f64>>,
    /// Of readers.
    pub(crate) numbers: Arc<Numbers>,
    /// Streams that could not be kept; sixteen million is the most.
    refused_streams: AtomicU64,
}

/// What is told of a shutdown.
type Hook = fn(&Arc<Registry>);

/// Which instruments and pipelines there are: each instrument has its streams in each pipeline.
struct Instruments {
    /// By scope and by name in lower case.
    scopes: HashMap<ScopeKey, HashMap<Box<str>, Registered>>,
    /// The first is that of readers without settings of their own.
    pipelines: Vec<Arc<Pipeline>>,
    count: u64,
    /// Which stream has a name first, and whether a view gave it, where views rename any: by scope, in lower case.
    names: HashMap<ScopeKey, Names>,
}

type Names = HashMap<Box<str>, (Arc<Stream>, bool)>;

struct Registered {
    /// The instrument's first stream.
    first: Arc<Stream>,
    /// What it was declared as, where that is not what its first stream says.
    declared: Option<Box<Declared>>,
    /// Whether it asked for the aggregation that its first stream has.
    is_advised: bool,
    /// Another instrument of its name, which is rare: a list without an allocation of its own.
    other: Option<Box<Registered>>,
}

/// An instrument's declaration.
struct Declared {
    descriptor: Descriptor,
    advice: Option<Aggregation>,
    limit: Option<usize>,
}

impl Registered {
    /// This instrument and the others of its name.
    fn all(&self) -> impl Iterator<Item = &Registered> {
        std::iter::successors(Some(self), |instrument| instrument.other.as_deref())
    }

    fn find(&self, is_it: impl Fn(&Registered) -> bool) -> Option<&Registered> {
        self.all().find(|instrument| is_it(instrument))
    }

    fn append(&mut self, last: Registered) {
        match &mut self.other {
            Some(other) => other.append(last),
            None => self.other = Some(Box::new(last)),
        }
    }

    /// Whether a view drops it: then it records nothing.
    fn is_dropped(&self) -> bool {
        self.first.is_of_nothing()
    }

    /// Whether its streams are those that were resolved, no more and no fewer.
    fn is_alike(&self, resolved: &[Vec<Resolved>]) -> bool {
        let specs = || resolved.iter().flatten().map(|resolved| &resolved.spec);
        let streams = || self.first.chain().filter(|stream| !stream.is_of_nothing());
        specs().all(|spec| streams().any(|stream| stream.is(spec)))
            && streams().all(|stream| specs().any(|spec| stream.is(spec)))
    }

    fn descriptor(&self) -> &Descriptor {
        self.declared.as_ref().map_or(&self.first.descriptor, |declared| &declared.descriptor)
    }

    /// The aggregation that it asked for: boundaries are kept once, in the stream, if they are as asked.
    fn advice(&self) -> Option<Cow<'_, Aggregation>> {
        if self.is_advised {
            return self.first.aggregator.aggregation().map(Cow::Owned);
        }
        self.declared.as_ref()?.advice.as_ref().map(Cow::Borrowed)
    }

    fn asked<'a>(&'a self, advice: Option<&'a Aggregation>) -> Asked<'a> {
        let limit = self.declared.as_ref().and_then(|declared| declared.limit);
        Asked { descriptor: self.descriptor(), scope: &self.first.scope, advice, limit }
    }
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
        let instruments = Instruments {
            scopes: HashMap::new(),
            pipelines: vec![Arc::new(Pipeline::new(Defaults::default()))],
            count: 0,
            names: HashMap::new(),
        };
        Registry {
            resource,
            settings: Arc::new(settings),
            streams: AppendVec::new(),
            instruments: Mutex::new(instruments),
            attributes: Mutex::default(),
            callbacks: Mutex::default(),
            at_shutdown: Mutex::default(),
            is_shut_down: AtomicBool::new(false),
            collections: OnceLock::new(),
            numbers: Arc::default(),
            refused_streams: AtomicU64::new(0),
        }
    }

    /// Has readers record how long they collect; the first call counts.
    pub(crate) fn measure_collections(&self, durations: Histogram<f64>) {
        let _ = self.collections.set(durations);
    }

    /// Where readers record how long they collect.
    pub(crate) fn collections(&self) -> Option<&Histogram<f64>> {
        self.collections.get()
    }

    /// Streams that could not be kept.
    pub(crate) fn refused_streams(&self) -> u64 {
        self.refused_streams.load(Ordering::Relaxed)
    }

    /// Keeps what is known of a stream's attributes, for the catalogue.
    pub(crate) fn describe_attributes(&self, stream: u32, schema: &'static AttributesSchema) {
        let mut attributes = self.attributes.lock().unwrap_or_else(PoisonError::into_inner);
        // In the order of streams: a new one comes last.
        let end = attributes.partition_point(|(known, _)| *known <= stream);
        let of_stream = attributes[..end].iter().rev().take_while(|(known, _)| *known == stream);
        if !of_stream.clone().any(|(_, of)| std::ptr::eq(*of, schema)) {
            attributes.insert(end, (stream, schema));
        }
    }

    /// What is known of the attributes of streams, by their number: all that each was declared with.
    pub(crate) fn attributes(&self) -> HashMap<u32, Vec<&'static AttributesSchema>> {
        let mut by_stream = HashMap::<_, Vec<_>>::new();
        for (stream, schema) in &*self.attributes.lock().unwrap_or_else(PoisonError::into_inner) {
            by_stream.entry(*stream).or_default().push(*schema);
        }
        by_stream
    }

    /// Notes what a collection observed, and so what it did not; `window` is the one that it began.
    pub(crate) fn note_observed(&self, observations: &Observations, window: u64) {
        for (number, values) in observations.whole() {
            if let Some(stream) = self.streams.get(number) {
                stream.series.note_observed(values, window);
            }
        }
    }

    /// Has series go that are to go.
    pub(crate) fn sweep(&self) {
        if self.settings.departures.swap(false, Ordering::AcqRel) {
            self.streams.iter().for_each(|stream| stream.series.sweep(stream.created_unix_nanos));
        }
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
        let mut callbacks = self.callbacks();
        // With the lock held: what comes after a shutdown has taken them would stay for ever.
        if !self.is_shut_down.load(Ordering::Acquire) {
            callbacks.push(callback);
        }
    }

    /// The callback of this number; those registered meanwhile come after those before.
    pub(crate) fn callback(&self, number: usize) -> Option<Arc<dyn Observe>> {
        self.callbacks().get(number).cloned()
    }

    pub(crate) fn callback_count(&self) -> usize {
        self.callbacks().len()
    }

    fn instruments(&self) -> MutexGuard<'_, Instruments> {
        self.instruments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The streams that readers without settings of their own see.
    pub(crate) fn default_streams(&self) -> Vec<&Arc<Stream>> {
        let pipeline = Arc::clone(&self.instruments().pipelines[0]);
        pipeline.streams.iter().filter_map(|number| self.streams.get(*number as usize)).collect()
    }

    /// How many instruments there are; identical ones count once.
    pub(crate) fn instrument_count(&self) -> u64 {
        self.instruments().count
    }

    /// The first stream of an instrument, made if need be; `None` if there are too many.
    ///
    /// Identical instruments share their streams. One that differs from those of its name gets streams of its own, and a
    /// warning names both.
    pub(crate) fn instrument(
        &self,
        scope: &Arc<InstrumentationScope>,
        request: Request,
    ) -> Option<Arc<Stream>> {
        let Request { mut descriptor, advice, limit } = request;
        let mut guard = self.instruments();
        let Instruments { scopes, pipelines, count, names } = &mut *guard;
        let instruments = scopes.entry(ScopeKey::new(scope)).or_default();
        let lower: Box<str> = descriptor.name.to_lowercase().into();
        let same_name = instruments.get(&lower);
        let mut conflict = None;
        if let Some(first) = same_name {
            let asked = descriptor.name.clone();
            // Names are the same in whatever case; the first spelling stays.
            descriptor.name.clone_from(&first.descriptor().name);
            if let Some(known) = first.find(|known| *known.descriptor() == descriptor) {
                let again = Asked { descriptor: &descriptor, scope, advice: advice.as_ref(), limit };
                let advice = known.advice();
                let known_as = known.asked(advice.as_deref());
                let reports = match known.is_dropped() {
                    true => Vec::new(),
                    false => conflicts::same_but_for(known_as, &known.first, again, &asked),
                };
                let stream = Arc::clone(&known.first);
                drop(guard);
                reports.iter().for_each(Report::tell);
                return Some(stream);
            }
            // What is dropped is in nobody's way.
            conflict = first.find(|known| !known.is_dropped()).map(|known| known.descriptor().clone());
        }
        // What is to be said is said once the lock is given back: a subscriber is user code.
        let mut reports = Vec::new();
        let asked = Asked { descriptor: &descriptor, scope, advice: advice.as_ref(), limit };
        let resolved: Vec<_> = pipelines
            .iter()
            .map(|pipeline| resolve(asked, &self.settings, &pipeline.defaults, &mut reports))
            .collect();
        let mut streams = Vec::new();
        let mut invalid = Vec::new();
        // A view that says the same of what differed makes one of both.
        let alike = same_name.and_then(|first| first.find(|known| known.is_alike(&resolved)));
        let first = if let Some(alike) = alike {
            conflict = None;
            Arc::clone(&alike.first)
        } else {
            for (pipeline, resolved) in pipelines.iter().zip(resolved) {
                self.attach(resolved, scope, pipeline, &mut streams, &mut invalid)?;
            }
            for pair in streams.windows(2) {
                pair[0].append(Arc::clone(&pair[1]));
            }
            match streams.first() {
                Some(first) => Arc::clone(first),
                None => {
                    conflict = None;
                    let settings = Arc::clone(&self.settings);
                    Arc::new(Stream::of_nothing(descriptor.clone(), Arc::clone(scope), settings))
                }
            }
        };
        if self.settings.views.iter().any(View::renames) {
            let names = names.entry(ScopeKey::new(scope)).or_default();
            note_names(names, &streams, &descriptor, &mut reports);
        }
        *count += 1;
        let is_advised = advice.is_some() && advice == first.aggregator.aggregation();
        let is_plain = (advice.is_none() || is_advised) && limit.is_none() && first.descriptor == descriptor;
        let declare = || Declared { descriptor: descriptor.clone(), advice, limit };
        let declared = (!is_plain).then(|| Box::new(declare()));
        let registered = Registered { first: Arc::clone(&first), declared, is_advised, other: None };
        match instruments.entry(lower) {
            Entry::Occupied(known) => known.into_mut().append(registered),
            Entry::Vacant(place) => {
                place.insert(registered);
            }
        }
        drop(guard);
        validate::check_name(&descriptor.name);
        validate::check_unit(&descriptor.name, &descriptor.unit);
        tell(&reports, &invalid);
        if let Some(known) = conflict {
            conflicts::instruments(&known, &descriptor, scope).tell();
        }
        Some(first)
    }

    /// Puts what was resolved for a pipeline there, in a stream of the instrument's that is like it, or a new one. `None` if
    /// there are too many streams.
    fn attach(
        &self,
        resolved: Vec<Resolved>,
        scope: &Arc<InstrumentationScope>,
        pipeline: &Pipeline,
        streams: &mut Vec<Arc<Stream>>,
        invalid: &mut Vec<(Arc<Stream>, Invalid)>,
    ) -> Option<()> {
        for Resolved { spec, invalid: what } in resolved {
            let stream = match streams.iter().find(|stream| stream.is(&spec)) {
                Some(like) => Arc::clone(like),
                None => {
                    let stream = self.make(spec, scope)?;
                    streams.push(Arc::clone(&stream));
                    stream
                }
            };
            // It holds as many as there are streams.
            let _ = pipeline.streams.push(stream.number);
            invalid.extend(what.map(|what| (stream, what)));
        }
        Some(())
    }

    /// Makes a stream. The caller holds `instruments`.
    fn make(&self, spec: Spec, scope: &Arc<InstrumentationScope>) -> Option<Arc<Stream>> {
        let number = u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
        let stream = Arc::new(Stream::new(number, spec, Arc::clone(scope), Arc::clone(&self.settings)));
        if self.streams.push(Arc::clone(&stream)).is_err() {
            self.refused_streams.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        Some(stream)
    }

    /// The pipeline of readers with these defaults. Where it is new, all instruments get the streams that it is missing, which
    /// begin now.
    pub(crate) fn pipeline(&self, defaults: Defaults) -> Arc<Pipeline> {
        let mut guard = self.instruments();
        let Instruments { scopes, pipelines, .. } = &mut *guard;
        if let Some(known) = pipelines.iter().find(|known| known.defaults == defaults) {
            return Arc::clone(known);
        }
        if pipelines.len() >= MOST_PIPELINES {
            let first = Arc::clone(&pipelines[0]);
            drop(guard);
            conflicts::too_many_pipelines(MOST_PIPELINES).tell();
            return first;
        }
        let pipeline = Arc::new(Pipeline::new(defaults));
        let (mut reports, mut invalid, mut are_late) = (Vec::new(), Vec::new(), false);
        let mut instruments: Vec<&Registered> =
            scopes.values().flat_map(HashMap::values).flat_map(Registered::all).collect();
        // In the order in which they were created; two that are alike have one first stream.
        instruments.sort_by_key(|instrument| (instrument.first.number, Arc::as_ptr(&instrument.first)));
        instruments.dedup_by(|a, b| Arc::ptr_eq(&a.first, &b.first));
        for instrument in instruments {
            let advice = instrument.advice();
            let asked = instrument.asked(advice.as_deref());
            let resolved = resolve(asked, &self.settings, &pipeline.defaults, &mut reports);
            let mut streams: Vec<_> = instrument.first.chain().cloned().collect();
            let known = streams.len();
            let scope = &instrument.first.scope;
            // Where there are too many streams, the reader goes without those.
            let _ = self.attach(resolved, scope, &pipeline, &mut streams, &mut invalid);
            for at in known..streams.len() {
                streams[at - 1].append(Arc::clone(&streams[at]));
                are_late = true;
            }
        }
        if are_late {
            cells::close_short_cuts();
        }
        pipelines.push(Arc::clone(&pipeline));
        drop(guard);
        tell(&reports, &invalid);
        pipeline
    }
}

fn tell(reports: &[Report], invalid: &[(Arc<Stream>, Invalid)]) {
    reports.iter().for_each(Report::tell);
    for (stream, invalid) in invalid {
        validate::report_histogram(&stream.descriptor.name, invalid, &stream.aggregator);
    }
}

/// Notes the names of an instrument's streams, and which of them another instrument's stream has already.
fn note_names(
    names: &mut Names,
    streams: &[Arc<Stream>],
    instrument: &Descriptor,
    reports: &mut Vec<Report>,
) {
    for stream in streams {
        let is_renamed = stream.descriptor.name != instrument.name;
        let name = stream.descriptor.name.to_lowercase().into();
        let (first, was_renamed) = names.entry(name).or_insert_with(|| (Arc::clone(stream), is_renamed));
        let is_own = streams.iter().any(|own| Arc::ptr_eq(own, first));
        if !is_own && (is_renamed || *was_renamed) {
            reports.push(conflicts::renamed(instrument, stream));
        }
    }
}
