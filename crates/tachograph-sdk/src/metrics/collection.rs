use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::metric::{Buffers, Metric};
use super::pipeline::Pipeline;
use super::producer::ProducedBatch;
use super::registry::Registry;
use crate::resource::Resource;

/// One collection: the metrics there were, and what the callbacks observed.
///
/// Values of synchronous instruments are read as they are visited, each data point whole by itself.
pub struct Collection {
    pipeline: Arc<Pipeline>,
    spare: Arc<Spare>,
    parts: Parts,
}

/// What a reader makes a collection of.
pub(super) struct Parts {
    pub(super) visit: Visit,
    pub(super) buffers: Buffers,
    /// How many streams there were.
    pub(super) streams: usize,
    pub(super) produced: Vec<ProducedBatch>,
    pub(super) unix_nanos: u64,
}

/// A collection under way: numbers of series mean the same ones until its end. Then those go that are to go.
pub(super) struct Visit(Arc<Registry>);

impl Visit {
    pub(super) fn new(provider: &Arc<Registry>) -> Self {
        provider.settings.gate.enter();
        Visit(Arc::clone(provider))
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        self.0.settings.gate.leave();
        self.0.sweep();
    }
}

/// Buffers of past collections, so that a steady reader allocates nothing.
#[derive(Default)]
pub(super) struct Spare(Mutex<Vec<Buffers>>);

impl Spare {
    pub(super) fn take(&self) -> Buffers {
        self.lock().pop().unwrap_or_default()
    }

    fn put(&self, buffers: Buffers) {
        let mut spare = self.lock();
        // As many as collections were ever made at a time, up to a few.
        if spare.len() < 4 {
            spare.push(buffers);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Buffers>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Collection {
    pub(super) fn new(pipeline: &Arc<Pipeline>, spare: &Arc<Spare>, parts: Parts) -> Self {
        Collection { pipeline: Arc::clone(pipeline), spare: Arc::clone(spare), parts }
    }

    /// What the metrics are about.
    pub fn resource(&self) -> &Resource {
        &self.parts.visit.0.resource
    }

    /// When the collection was made, in nanoseconds since the Unix epoch.
    pub fn unix_nanos(&self) -> u64 {
        self.parts.unix_nanos
    }

    /// The metrics, in the order in which their instruments were created; those without series too.
    pub fn metrics(&self) -> impl Iterator<Item = Metric<'_>> {
        let numbers = self.pipeline.streams.iter().take(self.parts.streams);
        numbers.enumerate().filter_map(|(id, number)| self.stream(id, *number))
    }

    fn stream(&self, id: usize, number: u32) -> Option<Metric<'_>> {
        let stream = self.parts.visit.0.streams.get(number as usize)?;
        Some(Metric::new(id, stream, &self.parts.buffers))
    }

    /// What the reader's producers gave, in the order in which they were registered: a batch for each.
    pub fn produced(&self) -> &[ProducedBatch] {
        &self.parts.produced
    }

    /// The metric of an [id](Metric::id), if the collection has it: where a visit in parts goes on.
    pub fn metric(&self, id: usize) -> Option<Metric<'_>> {
        let number = (id < self.parts.streams).then(|| self.pipeline.streams.get(id))??;
        self.stream(id, *number)
    }
}

impl Drop for Collection {
    fn drop(&mut self) {
        self.spare.put(std::mem::take(&mut self.parts.buffers));
    }
}

impl fmt::Debug for Collection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.metrics()).finish()
    }
}
