//! Which metrics there are of one kind: by name, and by name and labels.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use foldhash::fast::RandomState;
use metrics::Key;

use crate::kinds::{Kind, attributes};

/// Tables by key, so that threads rarely meet at one lock.
const SHARDS: usize = 16;

/// The metrics of one kind.
pub(crate) struct Families<K: Kind> {
    shards: [RwLock<Table<Key, K::Handle>>; SHARDS],
    by_name: RwLock<Table<Box<str>, Family<K>>>,
}

type Table<Of, To> = HashMap<Of, Arc<To>, RandomState>;

/// The metrics of one name.
struct Family<K: Kind> {
    instrument: K,
    /// How many label sets have a handle.
    handles: AtomicUsize,
    overflow: OnceLock<Arc<K::Handle>>,
}

/// Bounds on what is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) names: usize,
    pub(crate) handles: usize,
}

impl<K: Kind> Default for Families<K> {
    fn default() -> Self {
        Families { shards: Default::default(), by_name: RwLock::default() }
    }
}

impl<K: Kind> Families<K> {
    /// The handle of a metric, made if need be; `declare` makes the instrument of a new name. `None` if
    /// there are too many names.
    pub(crate) fn handle(
        &self,
        key: &Key,
        limits: Limits,
        declare: impl FnOnce() -> K,
    ) -> Option<Arc<K::Handle>> {
        let shard = &self.shards[key.get_hash() as usize % SHARDS];
        if let Some(handle) = shard.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Some(Arc::clone(handle));
        }
        let family = self.family(key.name(), limits.names, declare)?;
        if family.handles.load(Ordering::Relaxed) >= limits.handles {
            return Some(family.overflow());
        }
        let distinct = without_repeated_labels(key);
        if let Some(distinct) = &distinct {
            let handle = self.of_family(&family, distinct, limits)?;
            return Some(self.keep(&family, key, handle, limits));
        }
        self.of_family(&family, key, limits)
    }

    /// The handle of a metric whose labels are distinct.
    fn of_family(&self, family: &Family<K>, key: &Key, limits: Limits) -> Option<Arc<K::Handle>> {
        let shard = &self.shards[key.get_hash() as usize % SHARDS];
        if let Some(handle) = shard.read().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Some(Arc::clone(handle));
        }
        if !family.has_room(limits) {
            return Some(family.overflow());
        }
        // Outside the lock: a report of the engine's runs a subscriber, which may use the facade itself.
        let handle = Arc::new(family.instrument.bind(&attributes(key.labels())));
        let mut handles = shard.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = handles.get(key) {
            family.handles.fetch_sub(1, Ordering::Relaxed);
            return Some(Arc::clone(other));
        }
        handles.insert(key.clone(), Arc::clone(&handle));
        Some(handle)
    }

    /// Keeps a handle by another spelling of its labels, which counts as one more.
    fn keep(&self, family: &Family<K>, key: &Key, handle: Arc<K::Handle>, limits: Limits) -> Arc<K::Handle> {
        if family.has_room(limits) {
            let shard = &self.shards[key.get_hash() as usize % SHARDS];
            let mut handles = shard.write().unwrap_or_else(PoisonError::into_inner);
            handles.insert(key.clone(), Arc::clone(&handle));
        }
        handle
    }

    fn family(&self, name: &str, limit: usize, declare: impl FnOnce() -> K) -> Option<Arc<Family<K>>> {
        if let Some(family) = self.by_name.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Some(Arc::clone(family));
        }
        let full = |names: usize| names >= limit;
        if full(self.by_name.read().unwrap_or_else(PoisonError::into_inner).len()) {
            return None;
        }
        // Outside the lock, as a handle is. Two that are declared at once are one instrument of the engine's.
        let instrument = declare();
        let mut by_name = self.by_name.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(family) = by_name.get(name) {
            return Some(Arc::clone(family));
        }
        if full(by_name.len()) {
            return None;
        }
        let family = Arc::new(Family { instrument, handles: AtomicUsize::new(0), overflow: OnceLock::new() });
        by_name.insert(name.into(), Arc::clone(&family));
        Some(family)
    }

    /// Whether a name has been used.
    pub(crate) fn knows(&self, name: &str) -> bool {
        self.by_name.read().unwrap_or_else(PoisonError::into_inner).contains_key(name)
    }
}

impl<K: Kind> Family<K> {
    /// Takes the place of one handle, if there is one left.
    fn has_room(&self, limits: Limits) -> bool {
        let next = |handles| (handles < limits.handles).then_some(handles + 1);
        self.handles.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).is_ok()
    }

    fn overflow(&self) -> Arc<K::Handle> {
        Arc::clone(self.overflow.get_or_init(|| Arc::new(self.instrument.bind_overflow())))
    }
}

/// The key in which of labels with one name the last is left; `None` if no name is repeated.
fn without_repeated_labels(key: &Key) -> Option<Key> {
    let labels: Vec<_> = key.labels().cloned().collect();
    let last = |at: usize| labels[at + 1..].iter().all(|later| later.key() != labels[at].key());
    if (0..labels.len()).all(last) {
        return None;
    }
    let distinct: Vec<_> = (0..labels.len()).filter(|at| last(*at)).map(|at| labels[at].clone()).collect();
    Some(Key::from_parts(key.name_shared(), distinct))
}
