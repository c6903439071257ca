//! The spans that a thread is in.

use std::cell::RefCell;
use std::panic::catch_unwind;

use opentelemetry::trace::{SpanContext, TraceContextExt};
use opentelemetry::{Context, ContextGuard};

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

/// How many spans a thread may be in before its stack grows.
const DEPTH: usize = 32;

struct Stack {
    entries: RefCell<Vec<Entry>>,
    usable: bool,
}

impl Stack {
    /// What is thread-local is destroyed in the reverse order of its first use. The context is used first here, so
    /// that it is there as long as this is; and where this is gone, no context is asked for, which would panic.
    fn new() -> Self {
        let usable = catch_unwind(|| Context::map_current(|_| ())).is_ok();
        Stack { entries: RefCell::new(Vec::with_capacity(DEPTH)), usable }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        // The thread ends inside of spans. Its context ends with it, with or without the guards.
        for entry in self.entries.get_mut().drain(..) {
            std::mem::forget(entry.guard);
        }
    }
}

thread_local! {
    static STACK: Stack = Stack::new();
}

/// What the context says: whether telemetry is suppressed, and the id of its span, zero for none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Peek {
    pub(crate) suppressed: bool,
    pub(crate) span: u64,
}

#[inline]
fn peek_now() -> Peek {
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

/// Where this thread is: the innermost span, and what the context says.
#[inline]
pub(crate) fn here(core: u64) -> (Option<Top>, Peek) {
    STACK
        .try_with(|stack| {
            if !stack.usable {
                return (None, Peek::default());
            }
            (stack.top(core), peek_now())
        })
        .unwrap_or_default()
}

/// The innermost span alone; needs no context, so that it may be asked from anywhere.
#[inline]
pub(crate) fn top(core: u64) -> Option<Top> {
    STACK.try_with(|stack| stack.top(core)).ok().flatten()
}

impl Stack {
    #[inline]
    fn top(&self, core: u64) -> Option<Top> {
        let entries = self.entries.try_borrow().ok()?;
        let entry = entries.iter().rev().find(|entry| entry.core == core)?;
        Some(Top { number: entry.number, seen: entry.seen })
    }
}

/// Whether contexts may be asked for and attached on this thread, now.
pub(crate) fn has_context() -> bool {
    STACK.try_with(|stack| stack.usable).unwrap_or(false)
}

/// What the context says; nothing where there is none any more.
pub(crate) fn peek() -> Peek {
    if has_context() { peek_now() } else { Peek::default() }
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

/// Enters a span without attaching anything.
#[inline]
pub(crate) fn push(core: u64, number: u64) {
    let _ = STACK.try_with(|stack| {
        if stack.usable {
            stack.push(Entry { core, number, seen: peek_now().span, guard: None });
        }
    });
}

/// Enters a span and attaches its context. `seen` is the id of the context's span.
pub(crate) fn push_attached(core: u64, number: u64, seen: u64, context: Context) {
    if has_context() {
        // Not while the stack is borrowed: this may report through `tracing`.
        let guard = Some(context.attach());
        let _ = STACK.try_with(|stack| stack.push(Entry { core, number, seen, guard }));
    }
}

impl Stack {
    #[inline]
    fn push(&self, entry: Entry) {
        if let Ok(mut entries) = self.entries.try_borrow_mut() {
            entries.push(entry);
        }
    }
}

/// Exits a span, wherever in the stack it is. Says whether it was there.
#[inline]
pub(crate) fn pop(core: u64, number: u64) -> bool {
    let entry = STACK.try_with(|stack| {
        let mut entries = stack.entries.try_borrow_mut().ok()?;
        match entries.last() {
            Some(last) if last.core == core && last.number == number => entries.pop(),
            _ => {
                let found = entries.iter().rposition(|e| e.core == core && e.number == number)?;
                Some(entries.remove(found))
            }
        }
    });
    // The guard goes here, where the stack is free: what it drops may be the user's.
    matches!(entry, Ok(Some(_)))
}

/// Replaces what the innermost span has attached, if it is this one and nothing was attached since.
pub(crate) fn reattach(core: u64, number: u64, seen: u64, context: Context) {
    let Some(top) = top(core).filter(|top| top.number == number) else {
        return;
    };
    if peek().span == top.seen && pop(core, number) {
        push_attached(core, number, seen, context);
    }
}
