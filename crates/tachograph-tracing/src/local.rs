//! What a thread keeps: the spans it is in, and free slots.

use std::cell::{Cell, RefCell};
use std::panic::catch_unwind;
use std::sync::Weak;

use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, ContextGuard};
use tachograph_sdk::trace::SpanThread;

use crate::stack::{Entry, Stack};
use crate::table::{Depot, Free, Table};

/// What a thread has at hand: without a destructor, and without a borrow, so that looking here is next to nothing.
pub(crate) struct Local {
    /// Whether [`OWNED`] is there, and contexts may be asked for. Not before the first use, and not while the thread is being
    /// destroyed.
    usable: Cell<bool>,
    /// The spans that the thread is in.
    stack: Stack,
    /// The core that the free slots are of: the first one that this thread made spans for.
    core: Cell<u64>,
    free: Free,
}

/// What a thread keeps that has to be freed when it ends.
struct Owned {
    kept: RefCell<Kept>,
    /// Whether there was a context when this was made.
    usable: bool,
}

/// Borrowed once for all that is done with it; not while code of others runs, which may come here again.
pub(crate) struct Kept {
    /// Entered spans for which there is no room at hand.
    deeper: Vec<Entry>,
    /// Those of the entries that are attached, in their order. A span may be entered on several threads, and guards do not move
    /// between them.
    guards: Vec<ContextGuard>,
    own: Vec<Own>,
}

/// What a thread keeps for one core.
pub(crate) struct Own {
    core: u64,
    table: Weak<dyn Depot>,
    /// Free slots of its table, if those at hand are of another core.
    free: Free,
    /// What the engine keeps of this thread.
    pub(crate) spans: SpanThread,
}

thread_local! {
    static LOCAL: Local = const {
        Local {
            usable: Cell::new(false),
            stack: Stack::new(),
            core: Cell::new(0),
            free: Free::new(),
        }
    };
    static OWNED: Owned = Owned::new();
}

impl Owned {
    /// What is thread-local is destroyed in the reverse order of its first use. The context is used first here, so
    /// that it is there as long as this is; and where this is gone, no context is asked for, which would panic.
    fn new() -> Self {
        let usable = catch_unwind(|| Context::map_current(|_| ())).is_ok();
        LOCAL.with(|local| local.usable.set(usable));
        let kept = Kept { deeper: Vec::new(), guards: Vec::new(), own: Vec::new() };
        Owned { kept: RefCell::new(kept), usable }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        let kept = self.kept.get_mut();
        // The thread ends inside of spans. Its context ends with it, with or without the guards.
        kept.guards.drain(..).for_each(std::mem::forget);
        LOCAL.with(|local| {
            local.usable.set(false);
            local.stack.forget();
            for own in &kept.own {
                if let Some(depot) = own.table.upgrade() {
                    local.free_of(own).give_all_back(depot.table());
                }
            }
            local.core.set(0);
        });
    }
}

/// Runs something with what this thread keeps; without it where the thread is being destroyed.
#[inline]
pub(crate) fn with<T>(run: impl FnOnce(Option<&Local>) -> T) -> T {
    LOCAL.with(|local| run(if local.is_usable() { Some(local) } else { None }))
}

/// As [`with`], and not at all where the thread is being destroyed.
#[inline(always)]
pub(crate) fn try_with<T>(run: impl FnOnce(&Local) -> T) -> Option<T> {
    LOCAL.with(|local| if local.is_usable() { Some(run(local)) } else { None })
}

/// What is to be done before a thread's first use.
#[cold]
#[inline(never)]
fn prepare() -> bool {
    OWNED.try_with(|owned| owned.usable).unwrap_or(false)
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

/// What the context says, where there is one.
#[inline(always)]
fn peek_usable() -> Peek {
    Context::map_current(|context| Peek {
        suppressed: context.is_telemetry_suppressed(),
        span: match context.has_active_span() {
            true => u64::from_be_bytes(context.span().span_context().span_id().to_bytes()),
            false => 0,
        },
    })
}

/// The innermost span of a subscriber, and what it saw.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Top {
    pub(crate) number: u64,
    pub(crate) seen: u64,
}

impl Local {
    #[inline(always)]
    fn is_usable(&self) -> bool {
        self.usable.get() || prepare()
    }

    #[inline(always)]
    pub(crate) fn peek(&self) -> Peek {
        peek_usable()
    }

    /// Runs something with what is kept, unless that is in use further out on this thread.
    #[inline(always)]
    pub(crate) fn with_kept<T>(&self, run: impl FnOnce(&mut Kept) -> T) -> Option<T> {
        OWNED.try_with(|owned| owned.kept.try_borrow_mut().ok().map(|mut kept| run(&mut kept))).ok().flatten()
    }

    /// The innermost span of a core.
    #[inline(always)]
    pub(crate) fn top(&self, core: u64) -> Option<Top> {
        match self.stack.last() {
            Some(last) if last.core == core => Some(Top { number: last.number, seen: last.seen }),
            None if self.stack.is_empty() => None,
            _ => self.top_of_several(core),
        }
    }

    #[inline(never)]
    fn top_of_several(&self, core: u64) -> Option<Top> {
        let found = self.with_kept(|kept| {
            let entry = self.stack.last_of(core, &kept.deeper)?;
            // What was entered since is another core's: of another layer, the same span, and what that has attached is not
            // inside of ours. So what counts is what the last of all saw.
            let last = self.stack.innermost(&kept.deeper)?;
            Some(Top { number: entry.number, seen: last.seen })
        });
        found.flatten()
    }

    /// Enters a span without attaching anything.
    #[inline(always)]
    pub(crate) fn push(&self, core: u64, number: u64) {
        self.push_seen(core, number, self.peek().span);
    }

    /// As [`push`](Self::push), where the id of the context's span is known.
    #[inline(always)]
    pub(crate) fn push_seen(&self, core: u64, number: u64, seen: u64) {
        self.push_entry(Entry { core, number, seen, is_attached: false });
    }

    #[inline(always)]
    fn push_entry(&self, entry: Entry) {
        if !self.stack.push(entry) {
            self.push_deeper(entry);
        }
    }

    #[cold]
    #[inline(never)]
    fn push_deeper(&self, entry: Entry) {
        self.with_kept(|kept| self.stack.push_deeper(entry, &mut kept.deeper));
    }

    /// Enters a span and attaches its context. `seen` is the id of the context's span.
    #[inline]
    pub(crate) fn push_attached(&self, core: u64, number: u64, seen: u64, context: Context) {
        // Not while anything is borrowed: this may report through `tracing`.
        let guard = context.attach();
        if self.with_kept(|kept| kept.guards.push(guard)).is_some() {
            self.push_entry(Entry { core, number, seen, is_attached: true });
        }
    }

    /// Exits a span, wherever in the stack it is. Says whether it was there.
    #[inline(always)]
    pub(crate) fn pop(&self, core: u64, number: u64) -> bool {
        match self.stack.pop(core, number) {
            Some(false) => true,
            Some(true) => self.detach_last(),
            None => self.pop_from_within(core, number),
        }
    }

    /// Detaches what the innermost span had attached.
    #[inline(never)]
    fn detach_last(&self) -> bool {
        // Nothing is borrowed when the guard goes: what that drops may be the user's.
        drop(self.with_kept(|kept| kept.guards.pop()));
        true
    }

    /// Takes an entry out of the middle of the stack, or from where it is not at hand.
    #[cold]
    #[inline(never)]
    fn pop_from_within(&self, core: u64, number: u64) -> bool {
        let removed = self.with_kept(|kept| {
            let attached = self.stack.remove(core, number, &mut kept.deeper)?;
            let guard = attached.filter(|at| *at < kept.guards.len()).map(|at| kept.guards.remove(at));
            Some(guard)
        });
        // Its guard goes here, where nothing is borrowed.
        removed.flatten().is_some()
    }

    /// The free slots at hand, if they are of this core.
    #[inline(always)]
    pub(crate) fn free(&self, core: u64) -> Option<&Free> {
        (self.core.get() == core).then_some(&self.free)
    }

    /// The free slots of a core.
    #[inline(always)]
    pub(crate) fn free_of<'a>(&'a self, own: &'a Own) -> &'a Free {
        self.free(own.core).unwrap_or(&own.free)
    }

    /// Whether there is something for a core. `make` makes it if there is nothing yet; `None` where that cannot be.
    #[inline]
    pub(crate) fn has_own(&self, core: u64, make: impl FnOnce() -> Option<Own>) -> bool {
        let found = self.with_kept(|kept| kept.own(core).is_some());
        found.is_some_and(|found| found || self.add_own(make))
    }

    #[cold]
    #[inline(never)]
    fn add_own(&self, make: impl FnOnce() -> Option<Own>) -> bool {
        let Some(own) = make() else {
            return false;
        };
        let gone = self.with_kept(|kept| {
            let gone: Vec<_> = kept.own.extract_if(.., |own| own.table.strong_count() == 0).collect();
            if gone.iter().any(|gone| gone.core == self.core.get()) {
                self.core.set(0);
                self.free.forget();
            }
            if self.core.get() == 0 {
                self.core.set(own.core);
            }
            kept.own.push(own);
            gone
        });
        // What goes may hold a sampler of the user's, and goes while nothing is borrowed.
        gone.is_some()
    }
}

impl Kept {
    /// What is kept for a core, if there is anything yet.
    #[inline(always)]
    pub(crate) fn own(&self, core: u64) -> Option<&Own> {
        match self.own.first() {
            Some(own) if own.core == core => Some(own),
            _ => self.own_of_several(core),
        }
    }

    #[inline(never)]
    fn own_of_several(&self, core: u64) -> Option<&Own> {
        self.own.iter().find(|own| own.core == core)
    }
}

impl Own {
    pub(crate) fn new(core: u64, table: Weak<dyn Depot>, spans: SpanThread) -> Self {
        Own { core, table, free: Free::new(), spans }
    }
}

/// The innermost span of this thread; needs no context, so that it may be asked from anywhere.
#[inline]
pub(crate) fn top(core: u64) -> Option<Top> {
    LOCAL.with(|local| local.top(core))
}

/// Runs something with what this thread keeps of a core, and the core's free slots; not where there is nothing yet, or it is
/// in use further out on this thread.
#[inline(always)]
pub(crate) fn with_own<T>(core: u64, run: impl FnOnce(&Own, &Free) -> T) -> Option<T> {
    let found = OWNED.try_with(|owned| {
        let kept = owned.kept.try_borrow_mut().ok()?;
        let own = kept.own(core)?;
        Some(LOCAL.with(|local| run(own, local.free_of(own))))
    });
    found.ok().flatten()
}

// What follows is small, so that it is compiled into who asks for it, and says no where this thread was not used yet.

/// The number of the innermost span of a core, where that is what the context says, and telemetry is not suppressed.
#[inline(always)]
pub(crate) fn innermost(core: u64) -> Option<u64> {
    let top = LOCAL.with(|local| if local.usable.get() { local.top(core) } else { None })?;
    peek_usable().is_around(top).then_some(top.number)
}

/// The id of the context's span, zero for none.
#[inline(always)]
pub(crate) fn seen() -> Option<u64> {
    LOCAL.with(|local| local.usable.get()).then(|| peek_usable().span)
}

/// Enters a span without attaching anything, where there is room at hand.
#[inline(always)]
pub(crate) fn push_near(core: u64, number: u64, seen: u64) -> bool {
    LOCAL.with(|local| local.stack.push(Entry { core, number, seen, is_attached: false }))
}

/// Exits a span. Says whether this thread was in it.
#[inline(always)]
pub(crate) fn pop(core: u64, number: u64) -> bool {
    LOCAL.with(|local| local.usable.get() && local.pop(core, number))
}

/// Takes a slot from those at hand, where they are this core's.
#[inline(always)]
pub(crate) fn take_free(core: u64, table: &Table) -> Option<u32> {
    LOCAL.with(|local| local.free(core)?.take(table))
}

/// Leaves a slot with those at hand, where they are this core's.
#[inline(always)]
pub(crate) fn leave_free(core: u64, table: &Table, index: u32) -> bool {
    LOCAL.with(|local| match local.free(core) {
        Some(free) => {
            free.leave(table, index);
            true
        }
        None => false,
    })
}

/// Whether contexts may be asked for and attached on this thread, now.
pub(crate) fn has_context() -> bool {
    LOCAL.with(Local::is_usable)
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
    try_with(|local| {
        if let Some(top) = local.top(core)
            && top.number == number
            && local.peek().span == top.seen
            && local.pop(core, number)
        {
            local.push_attached(core, number, seen, context);
        }
    });
}
