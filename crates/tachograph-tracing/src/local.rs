//! What a thread keeps: the spans it is in, and free slots.

use std::cell::{Ref, RefCell};
use std::panic::catch_unwind;
use std::rc::Rc;
use std::sync::Weak;

use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, ContextGuard};
use tachograph_sdk::trace::SpanThread;

use crate::table::{Depot, KEPT, Table};

/// How many spans a thread may be in before its stack grows.
const DEPTH: usize = 32;

/// One entered span.
struct Entry {
    /// Whose it is: several subscribers may be at work on a thread.
    core: u64,
    number: u64,
    /// The id of the span that was `Context::current()`'s when this one had been entered: its own if it was
    /// attached. If it is another later, something else was attached inside.
    seen: u64,
    /// A span may be entered on several threads, and guards do not move between them.
    guard: Option<ContextGuard>,
}

/// What a thread keeps for one core.
pub(crate) struct Own {
    core: u64,
    table: Weak<dyn Depot>,
    /// Free slots of its table.
    free: RefCell<Vec<u32>>,
    /// What the engine keeps of this thread.
    pub(crate) spans: SpanThread,
}

pub(crate) struct Local {
    entries: RefCell<Vec<Entry>>,
    own: RefCell<Vec<Rc<Own>>>,
    /// Whether there was a context when this was made.
    usable: bool,
}

impl Local {
    /// What is thread-local is destroyed in the reverse order of its first use. The context is used first here, so
    /// that it is there as long as this is; and where this is gone, no context is asked for, which would panic.
    fn new() -> Self {
        let usable = catch_unwind(|| Context::map_current(|_| ())).is_ok();
        Local { entries: RefCell::new(Vec::with_capacity(DEPTH)), own: RefCell::default(), usable }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        // The thread ends inside of spans. Its context ends with it, with or without the guards.
        for entry in self.entries.get_mut().drain(..) {
            std::mem::forget(entry.guard);
        }
        for own in self.own.get_mut() {
            if let Some(depot) = own.table.upgrade() {
                depot.table().give_back(own.free.take().drain(..));
            }
        }
    }
}

thread_local! {
    static LOCAL: Local = Local::new();
}

/// Runs something with what this thread keeps; without it where the thread is being destroyed.
#[inline]
pub(crate) fn with<T>(run: impl Fn(Option<&Local>) -> T) -> T {
    match LOCAL.try_with(|local| run(if local.usable { Some(local) } else { None })) {
        Ok(result) => result,
        Err(_) => run(None),
    }
}

/// As [`with`], and not at all where the thread is being destroyed.
#[inline(always)]
pub(crate) fn try_with<T>(run: impl FnOnce(&Local) -> T) -> Option<T> {
    LOCAL.try_with(|local| if local.usable { Some(run(local)) } else { None }).ok().flatten()
}

/// What the context says: whether telemetry is suppressed, and the id of its span, zero for none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peek {
    pub(crate) suppressed: bool,
    pub(crate) span: u64,
}

impl Peek {
    /// Whether a span that was entered last is inside of what the context says, and is told of what happens.
    #[inline(always)]
    pub(crate) fn is_around(self, top: Top) -> bool {
        !self.suppressed && (self.span == 0 || self.span == top.seen)
    }
}

/// The innermost span of a subscriber, and what it saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Top {
    pub(crate) number: u64,
    pub(crate) seen: u64,
}

impl Local {
    #[inline(always)]
    pub(crate) fn peek(&self) -> Peek {
        Context::map_current(|context| Peek {
            suppressed: context.is_telemetry_suppressed(),
            span: match context.has_active_span() {
                true => u64::from_be_bytes(context.span().span_context().span_id().to_bytes()),
                false => 0,
            },
        })
    }

    #[inline(always)]
    pub(crate) fn top(&self, core: u64) -> Option<Top> {
        let entries = self.entries.try_borrow().ok()?;
        match entries.last() {
            Some(last) if last.core == core => Some(Top { number: last.number, seen: last.seen }),
            _ => {
                let entry = entries.iter().rev().find(|entry| entry.core == core)?;
                Some(Top { number: entry.number, seen: entry.seen })
            }
        }
    }

    /// Enters a span without attaching anything.
    #[inline]
    pub(crate) fn push(&self, core: u64, number: u64) {
        self.push_entry(Entry { core, number, seen: self.peek().span, guard: None });
    }

    #[inline]
    fn push_entry(&self, entry: Entry) {
        if let Ok(mut entries) = self.entries.try_borrow_mut() {
            entries.push(entry);
        }
    }

    /// Enters a span and attaches its context. `seen` is the id of the context's span.
    #[inline]
    pub(crate) fn push_attached(&self, core: u64, number: u64, seen: u64, context: Context) {
        // Not while the stack is borrowed: this may report through `tracing`.
        let guard = Some(context.attach());
        self.push_entry(Entry { core, number, seen, guard });
    }

    /// Exits a span, wherever in the stack it is. Says whether it was there.
    #[inline]
    pub(crate) fn pop(&self, core: u64, number: u64) -> bool {
        let Ok(mut entries) = self.entries.try_borrow_mut() else {
            return false;
        };
        let entry = match entries.last() {
            Some(last) if last.number == number && last.core == core => {
                if last.guard.is_none() {
                    // Nothing to drop: nothing to move out.
                    let left = entries.len() - 1;
                    entries.truncate(left);
                    return true;
                }
                entries.pop()
            }
            _ => {
                let found = entries.iter().rposition(|e| e.core == core && e.number == number);
                found.map(|found| entries.remove(found))
            }
        };
        // The stack is free before the guard goes: what that drops may be the user's.
        drop(entries);
        entry.is_some()
    }

    /// What is kept for a core, if there is anything yet. The list is borrowed meanwhile: code of the user's that runs then
    /// finds it, and cannot add to it.
    #[inline(always)]
    pub(crate) fn own(&self, core: u64) -> Option<Ref<'_, Own>> {
        let all = self.own.try_borrow().ok()?;
        Ref::filter_map(all, |all| all.iter().find(|own| own.core == core).map(|own| &**own)).ok()
    }

    /// As [`own`](Self::own); `make` makes it if there is nothing yet, and it is `None` where that cannot be. A handle of its own,
    /// so that nothing is borrowed meanwhile.
    pub(crate) fn own_or_made(&self, core: u64, make: impl FnOnce() -> Option<Own>) -> Option<Rc<Own>> {
        let find = |all: Ref<'_, Vec<Rc<Own>>>| all.iter().find(|own| own.core == core).map(Rc::clone);
        match self.own.try_borrow().ok().and_then(find) {
            Some(own) => Some(own),
            None => self.add_own(make),
        }
    }

    #[cold]
    #[inline(never)]
    fn add_own(&self, make: impl FnOnce() -> Option<Own>) -> Option<Rc<Own>> {
        let own = Rc::new(make()?);
        let mut all = self.own.try_borrow_mut().ok()?;
        all.retain(|own| own.table.strong_count() > 0);
        all.push(Rc::clone(&own));
        Some(own)
    }
}

impl Own {
    pub(crate) fn new(core: u64, table: Weak<dyn Depot>, spans: SpanThread) -> Self {
        Own { core, table, free: RefCell::new(Vec::with_capacity(KEPT + 1)), spans }
    }

    /// Takes a free slot of the core's table; `None` at its limit.
    #[inline(always)]
    pub(crate) fn take(&self, table: &Table) -> Option<u32> {
        // Nothing that is called while it is borrowed comes here again.
        let mut free = self.free.try_borrow_mut().ok()?;
        match free.pop() {
            Some(index) => Some(index),
            None => {
                table.refill(&mut free);
                free.pop()
            }
        }
    }

    /// Leaves a slot for the next span.
    #[inline(always)]
    pub(crate) fn leave(&self, table: &Table, index: u32) {
        let Ok(mut free) = self.free.try_borrow_mut() else {
            return table.give_back(std::iter::once(index));
        };
        if free.len() >= KEPT {
            table.relieve(&mut free);
        }
        free.push(index);
    }
}

/// The innermost span of this thread; needs no context, so that it may be asked from anywhere.
#[inline]
pub(crate) fn top(core: u64) -> Option<Top> {
    LOCAL.try_with(|local| local.top(core)).ok().flatten()
}

/// Whether contexts may be asked for and attached on this thread, now.
pub(crate) fn has_context() -> bool {
    LOCAL.try_with(|local| local.usable).unwrap_or(false)
}

/// What the context says; nothing where there is none any more.
pub(crate) fn peek() -> Peek {
    with(|local| local.map(Local::peek).unwrap_or_default())
}

/// The span context of the current context.
#[cold]
pub(crate) fn current_span_context() -> SpanContext {
    match has_context() {
        true => Context::map_current(|context| context.span().span_context().clone()),
        false => SpanContext::NONE,
    }
}

/// The current context; an empty one where there is none any more.
pub(crate) fn current_context() -> Context {
    if has_context() { Context::current() } else { Context::new() }
}

/// Replaces what the innermost span has attached, if it is this one and nothing was attached since.
pub(crate) fn reattach(core: u64, number: u64, seen: u64, context: Context) {
    let _ = LOCAL.try_with(|local| {
        if local.usable
            && let Some(top) = local.top(core)
            && top.number == number
            && local.peek().span == top.seen
            && local.pop(core, number)
        {
            local.push_attached(core, number, seen, context);
        }
    });
}
