//! What a thread keeps of the engines it works for.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Weak};

use super::core::{Core, Recording, Recordings};
use super::counters::ThreadCounters;
use super::sampler::Sampler;
use crate::pipeline::OwnLane;

/// How many engines a thread keeps things for before it looks for those that have stopped.
const KEPT: usize = 8;

/// How many recordings a thread keeps for its next spans.
const SPARE: usize = 64;

pub(crate) struct Local {
    pub(super) engine: u64,
    core: Weak<Core>,
    pub(crate) counters: ThreadCounters,
    /// The sampler used last, and its version.
    sampler: RefCell<Option<(u64, Arc<dyn Sampler>)>>,
    spare: RefCell<Recordings>,
    /// The buffer of spans that ended, for the engine's first batch processor.
    pub(crate) lane: OwnLane,
}

thread_local! {
    static LOCALS: RefCell<Vec<Rc<Local>>> = const { RefCell::new(Vec::new()) };
}

/// This thread's things of an engine; `None` where the thread is being destroyed.
#[inline]
pub(crate) fn of(core: &Arc<Core>) -> Option<Rc<Local>> {
    let found = LOCALS.try_with(|locals| {
        let locals = locals.try_borrow().ok()?;
        locals.iter().find(|local| local.engine == core.id).map(Rc::clone)
    });
    match found {
        Ok(Some(local)) => Some(local),
        Ok(None) => make(core),
        Err(_) => None,
    }
}

/// As [`of`], where there is something already.
#[inline(always)]
pub(crate) fn known(engine: u64) -> Option<Rc<Local>> {
    let found = LOCALS.try_with(|locals| {
        let locals = locals.try_borrow().ok()?;
        locals.iter().find(|local| local.engine == engine).map(Rc::clone)
    });
    found.ok().flatten()
}

/// Runs something with what [`known`] finds, without a reference to it.
#[inline(always)]
pub(crate) fn with_known<T>(engine: u64, run: impl FnOnce(&Local) -> T) -> Option<T> {
    let found = LOCALS.try_with(|locals| {
        let locals = locals.try_borrow().ok()?;
        locals.iter().find(|local| local.engine == engine).map(|local| run(local))
    });
    found.ok().flatten()
}

#[cold]
#[inline(never)]
fn make(core: &Arc<Core>) -> Option<Rc<Local>> {
    let local = Rc::new(Local {
        engine: core.id,
        core: Arc::downgrade(core),
        counters: ThreadCounters::new(&core.counters),
        sampler: RefCell::new(None),
        spare: RefCell::new(Vec::with_capacity(SPARE + 1)),
        lane: OwnLane::default(),
    });
    // What goes is dropped when the list is no longer borrowed: it may hold samplers of the user's.
    let gone = LOCALS.try_with(|locals| {
        let mut locals = locals.try_borrow_mut().ok()?;
        let mut gone = Vec::new();
        if locals.len() >= KEPT {
            let (kept, stopped) = locals.drain(..).partition(|local| !local.has_stopped());
            (*locals, gone) = (kept, stopped);
        }
        locals.push(Rc::clone(&local));
        Some(gone)
    });
    gone.ok().flatten().map(|_| local)
}

impl Local {
    fn has_stopped(&self) -> bool {
        self.core.upgrade().is_none_or(|core| core.is_stopped())
    }

    /// Runs `ask` with the sampler in force.
    #[inline]
    pub(crate) fn with_sampler<T>(&self, core: &Core, ask: impl FnOnce(&dyn Sampler) -> T) -> T {
        // Borrowed while it is asked, and again where it starts a span itself.
        if let Ok(known) = self.sampler.try_borrow()
            && let Some((version, sampler)) = &*known
            && *version == core.sampler.version()
        {
            return ask(&**sampler);
        }
        let sampler = self.fetch_sampler(core);
        ask(&*sampler)
    }

    #[cold]
    #[inline(never)]
    fn fetch_sampler(&self, core: &Core) -> Arc<dyn Sampler> {
        let (version, sampler) = core.sampler.get();
        let old = match self.sampler.try_borrow_mut() {
            Ok(mut known) => known.replace((version, Arc::clone(&sampler))),
            // A span that the sampler starts, while the sampler is exchanged.
            Err(_) => None,
        };
        drop(old);
        sampler
    }

    /// A recording of this engine.
    #[inline]
    pub(crate) fn recording(&self, core: &Arc<Core>) -> Box<Recording> {
        if let Ok(mut spare) = self.spare.try_borrow_mut() {
            if spare.is_empty() {
                core.withdraw(&mut spare, SPARE / 2);
            }
            if let Some(recording) = spare.pop() {
                return recording;
            }
        }
        Box::new(Recording { core: Some(Arc::clone(core)), ..Recording::default() })
    }

    /// Keeps a recording for the next span; gives it back where there are enough.
    #[inline(always)]
    pub(crate) fn keep(&self, recording: Box<Recording>) -> Option<Box<Recording>> {
        match self.spare.try_borrow_mut() {
            Ok(mut spare) if spare.len() < SPARE => {
                spare.push(recording);
                None
            }
            _ => Some(recording),
        }
    }

    /// As [`keep`](Self::keep), making room where there are enough.
    #[cold]
    #[inline(never)]
    pub(crate) fn keep_or_deposit(&self, core: &Core, recording: Box<Recording>) {
        if let Some(recording) = self.keep(recording)
            && let Ok(mut spare) = self.spare.try_borrow_mut()
        {
            core.deposit(&mut spare, SPARE / 2);
            spare.push(recording);
        }
    }
}
