//! The spans that a thread is in.

use std::cell::Cell;

/// How many of them are at hand; the others are found for more.
const NEAR: usize = 32;

/// One entered span.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Entry {
    /// Whose it is: several subscribers may be at work on a thread.
    pub(crate) core: u64,
    pub(crate) number: u64,
    /// The id of the span that was `Context::current()`'s when this one had been entered: its own if it was
    /// attached. If it is another later, something else was attached inside.
    pub(crate) seen: u64,
    /// Whether there is a guard for it.
    pub(crate) is_attached: bool,
}

impl Entry {
    #[inline(always)]
    fn is(&self, core: u64, number: u64) -> bool {
        self.core == core && self.number == number
    }
}

/// A place for one. Each part is written where it stays: what is put together first and copied is read wider than it was just
/// written, which waits.
struct Place {
    core: Cell<u64>,
    number: Cell<u64>,
    seen: Cell<u64>,
    is_attached: Cell<bool>,
}

impl Place {
    const fn new() -> Self {
        Place { core: Cell::new(0), number: Cell::new(0), seen: Cell::new(0), is_attached: Cell::new(false) }
    }

    #[inline(always)]
    fn get(&self) -> Entry {
        let Place { core, number, seen, is_attached } = self;
        Entry { core: core.get(), number: number.get(), seen: seen.get(), is_attached: is_attached.get() }
    }

    #[inline(always)]
    fn set(&self, entry: Entry) {
        self.core.set(entry.core);
        self.number.set(entry.number);
        self.seen.set(entry.seen);
        self.is_attached.set(entry.is_attached);
    }
}

/// Entered spans, the innermost last. The first so many have a place here, without a borrow to look after; those beyond are in a
/// list that the caller keeps, and passes where it may be needed.
pub(crate) struct Stack {
    len: Cell<usize>,
    near: [Place; NEAR],
}

impl Stack {
    pub(crate) const fn new() -> Self {
        Stack { len: Cell::new(0), near: [const { Place::new() }; NEAR] }
    }

    #[inline(always)]
    pub(crate) fn is_empty(&self) -> bool {
        self.len.get() == 0
    }

    pub(crate) fn forget(&self) {
        self.len.set(0);
    }

    /// The innermost, if it has a place here.
    #[inline(always)]
    pub(crate) fn last(&self) -> Option<Entry> {
        self.near.get(self.len.get().wrapping_sub(1)).map(Place::get)
    }

    /// Says no where there is no place here.
    #[inline(always)]
    pub(crate) fn push(&self, entry: Entry) -> bool {
        let len = self.len.get();
        let Some(place) = self.near.get(len) else {
            return false;
        };
        place.set(entry);
        self.len.set(len + 1);
        true
    }

    /// As [`push`](Self::push), where that says no.
    pub(crate) fn push_deeper(&self, entry: Entry, deeper: &mut Vec<Entry>) {
        deeper.push(entry);
        self.len.set(self.len.get() + 1);
    }

    /// Removes the innermost, if it is this one and has a place here, and says whether it was attached.
    #[inline(always)]
    pub(crate) fn pop(&self, core: u64, number: u64) -> Option<bool> {
        let last = self.len.get().wrapping_sub(1);
        let place = self.near.get(last)?;
        if place.core.get() != core || place.number.get() != number {
            return None;
        }
        self.len.set(last);
        Some(place.is_attached.get())
    }

    /// Removes the innermost that is this one, wherever it is. Says of which of those that are attached it was, counted from the
    /// outermost, if it was attached.
    pub(crate) fn remove(&self, core: u64, number: u64, deeper: &mut Vec<Entry>) -> Option<Option<usize>> {
        let at = |deeper: &[Entry], at: usize| match self.near.get(at) {
            Some(place) => Some(place.get()),
            None => deeper.get(at - NEAR).copied(),
        };
        let is_it = |entry: Entry| entry.is(core, number);
        let found = (0..self.len.get()).rev().find(|index| at(deeper, *index).is_some_and(is_it))?;
        let is_attached = |index: usize| at(deeper, index).is_some_and(|entry| entry.is_attached);
        let attached = is_attached(found).then(|| (0..found).filter(|index| is_attached(*index)).count());
        let left = self.len.get() - 1;
        for index in found..left {
            let Some(next) = at(deeper, index + 1) else { break };
            match self.near.get(index) {
                Some(place) => place.set(next),
                None => deeper[index - NEAR] = next,
            }
        }
        deeper.truncate(left.saturating_sub(NEAR));
        self.len.set(left);
        Some(attached)
    }

    /// The innermost, wherever it is.
    pub(crate) fn innermost(&self, deeper: &[Entry]) -> Option<Entry> {
        deeper.last().copied().or_else(|| self.last())
    }

    /// The innermost of a core, wherever it is.
    pub(crate) fn last_of(&self, core: u64, deeper: &[Entry]) -> Option<Entry> {
        let near = self.near.iter().take(self.len.get()).rev().map(Place::get);
        deeper.iter().rev().copied().chain(near).find(|entry| entry.core == core)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn spans_are_entered_and_exited_in_any_order_as_in_a_plain_list(
            turns in prop::collection::vec((0_u64..2, 0_u64..6, 0_u8..5, any::<bool>()), 0..300),
        ) {
            let (stack, mut deeper) = (Stack::new(), Vec::new());
            let mut model: Vec<Entry> = Vec::new();
            for (turn, (core, number, what, is_attached)) in turns.into_iter().enumerate() {
                let entry = Entry { core, number, seen: turn as u64, is_attached };
                if what < 3 {
                    if !stack.push(entry) {
                        stack.push_deeper(entry, &mut deeper);
                    }
                    model.push(entry);
                } else {
                    let popped = match stack.pop(core, number) {
                        Some(attached) => Some(attached.then(|| model.iter().filter(|it| it.is_attached).count() - 1)),
                        None => stack.remove(core, number, &mut deeper),
                    };
                    let found = model.iter().rposition(|it| it.is(core, number));
                    let expected = found.map(|at| {
                        let before = model[..at].iter().filter(|it| it.is_attached).count();
                        model.remove(at).is_attached.then_some(before)
                    });
                    prop_assert_eq!(popped, expected);
                }
                prop_assert_eq!(stack.is_empty(), model.is_empty());
                if model.len() <= NEAR {
                    prop_assert_eq!(stack.last(), model.last().copied());
                }
                prop_assert_eq!(stack.innermost(&deeper), model.last().copied());
                for core in 0..3 {
                    let expected = model.iter().rfind(|it| it.core == core).copied();
                    prop_assert_eq!(stack.last_of(core, &deeper), expected);
                }
            }
        }
    }
}
