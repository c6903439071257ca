//! What a thread keeps: the spans it is in, and free slots.

use std::cell::{RefCell, RefMut};
use std::panic::catch_unwind;
use std::sync::Weak;

use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, ContextGuard};
use tachograph_sdk::trace::SpanThread;

use crate::table::{Depot, Free, Table};

/// How many spans a thread may be in before its stack grows.
const DEPTH: usize = 32;

/// One entered span.
#[derive(Clone, Copy)]
struct Entry {
    /// Whose it is: several subscribers may be at work on a thread.
    core: u64,
    number: u64,
    /// The id of the span that was `Context::current()`'s when this one had been entered: its own if it was
    /// attached. If it is another later, something else was attached inside.
    seen: u64,
    /// Whether there is a guard for it.
    is_attached: bool,
}

/// What a thread keeps for one core.
pub(crate) struct Own {
    core: u64,
    table: Weak<dyn Depot>,
    /// Free slots of its table.
    free: Free,
    /// What the engine keeps of this thread.
    pub(crate) spans: SpanThread,
}

pub(crate) struct Local {
    kept: RefCell<Kept>,
    /// Whether there was a context when this was made.
    usable: bool,
}

/// Borrowed once for all that is done with it; not while code of others runs, which may come here again.
pub(crate) struct Kept {
    entries: Vec<Entry>,
    /// Those of the entries that are attached, in their order. A span may be entered on several threads, and guards do not move
    /// between them.
    guards: Vec<ContextGuard>,
    own: Vec<Own>,
}

impl Local {
    /// What is thread-local is destroyed in the reverse order of its first use. The context is used first here, so
    /// that it is there as long as this is; and where this is gone, no context is asked for, which would panic.
    fn new() -> Self {
        let usable = catch_unwind(|| Context::map_current(|_| ())).is_ok();
        let kept = Kept { entries: Vec::with_capacity(DEPTH), guards: Vec::new(), own: Vec::new() };
        Local { kept: RefCell::new(kept), usable }
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        let kept = self.kept.get_mut();
        // The thread ends inside of spans. Its context ends with it, with or without the guards.
        kept.guards.drain(..).for_each(std::mem::forget);
        for own in &mut kept.own {
            if let Some(depot) = own.table.upgrade() {
                own.free.give_all_back(depot.table());
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

    /// What is kept, unless it is in use further out on this thread.
    #[inline(always)]
    pub(crate) fn kept(&self) -> Option<RefMut<'_, Kept>> {
        self.kept.try_borrow_mut().ok()
    }

    #[inline(always)]
    pub(crate) fn top(&self, core: u64) -> Option<Top> {
        self.kept.try_borrow().ok()?.top(core)
    }

    /// Enters a span without attaching anything.
    #[inline(always)]
    pub(crate) fn push(&self, core: u64, number: u64) {
        self.push_entry(Entry { core, number, seen: self.peek().span, is_attached: false });
    }

    #[inline(always)]
    fn push_entry(&self, entry: Entry) {
        if let Some(mut kept) = self.kept() {
            kept.entries.push(entry);
        }
    }

    /// Enters a span and attaches its context. `seen` is the id of the context's span.
    #[inline]
    pub(crate) fn push_attached(&self, core: u64, number: u64, seen: u64, context: Context) {
        // Not while the stack is borrowed: this may report through `tracing`.
        let guard = context.attach();
        if let Some(mut kept) = self.kept() {
            kept.entries.push(Entry { core, number, seen, is_attached: true });
            kept.guards.push(guard);
        }
    }

    /// Exits a span, wherever in the stack it is. Says whether it was there.
    #[inline(always)]
    pub(crate) fn pop(&self, core: u64, number: u64) -> bool {
        let Some(mut kept) = self.kept() else {
            return false;
        };
        let Kept { entries, guards, .. } = &mut *kept;
        match entries.last() {
            Some(last) if last.number == number && last.core == core => {
                let guard = if last.is_attached { guards.pop() } else { None };
                let left = entries.len() - 1;
                entries.truncate(left);
                // The stack is free before the guard goes: what that drops may be the user's.
                drop(kept);
                if guard.is_some() {
                    detach(guard);
                }
                true
            }
            _ => pop_from_within(kept, core, number),
        }
    }

    /// Whether there is something for a core. `make` makes it if there is nothing yet; `None` where that cannot be.
    #[inline]
    pub(crate) fn has_own(&self, core: u64, make: impl FnOnce() -> Option<Own>) -> bool {
        let found = self.kept().map(|mut kept| kept.own(core).is_some());
        found.is_some_and(|found| found || self.add_own(make))
    }

    #[cold]
    #[inline(never)]
    fn add_own(&self, make: impl FnOnce() -> Option<Own>) -> bool {
        let Some(own) = make() else {
            return false;
        };
        let Some(mut kept) = self.kept() else {
            return false;
        };
        let gone: Vec<_> = kept.own.extract_if(.., |own| own.table.strong_count() == 0).collect();
        kept.own.push(own);
        // What goes may hold a sampler of the user's.
        drop(kept);
        drop(gone);
        true
    }
}

/// Takes an entry out of the middle of the stack.
#[cold]
#[inline(never)]
fn pop_from_within(mut kept: RefMut<'_, Kept>, core: u64, number: u64) -> bool {
    let Kept { entries, guards, .. } = &mut *kept;
    let Some(found) = entries.iter().rposition(|entry| entry.core == core && entry.number == number) else {
        return false;
    };
    let entry = entries.remove(found);
    let before = entries.iter().take(found).filter(|entry| entry.is_attached).count();
    let guard = (entry.is_attached && before < guards.len()).then(|| guards.remove(before));
    drop(kept);
    detach(guard);
    true
}

/// Detaches what a span had attached.
#[inline(never)]
fn detach(guard: Option<ContextGuard>) {
    drop(guard);
}

impl Kept {
    /// The innermost span of a core.
    #[inline(always)]
    pub(crate) fn top(&self, core: u64) -> Option<Top> {
        match self.entries.last() {
            Some(last) if last.core == core => Some(Top { number: last.number, seen: last.seen }),
            _ => self.top_of_several(core),
        }
    }

    fn top_of_several(&self, core: u64) -> Option<Top> {
        let entry = self.entries.iter().rev().find(|entry| entry.core == core)?;
        Some(Top { number: entry.number, seen: entry.seen })
    }

    /// What is kept for a core, if there is anything yet.
    #[inline(always)]
    pub(crate) fn own(&mut self, core: u64) -> Option<&mut Own> {
        self.own.iter_mut().find(|own| own.core == core)
    }
}

impl Own {
    pub(crate) fn new(core: u64, table: Weak<dyn Depot>, spans: SpanThread) -> Self {
        Own { core, table, free: Free::default(), spans }
    }

    /// Takes a free slot of the core's table; `None` at its limit.
    #[inline(always)]
    pub(crate) fn take(&mut self, table: &Table) -> Option<u32> {
        self.free.take(table)
    }

    /// Leaves a slot for the next span.
    #[inline(always)]
    pub(crate) fn leave(&mut self, table: &Table, index: u32) {
        self.free.leave(table, index);
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
