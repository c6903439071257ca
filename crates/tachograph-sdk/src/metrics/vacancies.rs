//! Series that go, and the places they leave.
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::cells::Row;

/// Which series of a table have gone or are about to.
///
/// # Protocol
///
/// A series goes in two steps.
///
/// It *departs*: under the table's lock for inserts its entry in the index is removed and all spellings are hidden, so that nobody
/// finds it. Who records with its attributes from now on makes a new series, as soon as it gets the lock. Who had found it
/// before, within a section that goes on, records in the old one. So every measurement is in one of the two. A series that
/// a handle has *pinned* does not depart: who records through the handle looks nothing up.
///
/// One that was only idle departs if nobody was just about to record in it: with the lock still held, all sections are waited for
/// ([`cells::wait_for_sections`]), and if its row is another then, or a section goes on for too long, the entry is put back.
///
/// Its place is *vacated*: the row is zeroed and given back, the attributes are dropped, and the number is free for another. That
/// waits for the end of all sections in which somebody may have found it, and, since visitors walk over all places, for a
/// moment without any collection (the provider's [`Gate`](crate::sync::Gate)); so a number means one series for as long as a collection lives. Readers with delta temporality, who may not have
/// taken all that was recorded in it, have to collect once more before.
///
/// Series of observable instruments do not depart: nobody finds them but callbacks, and those run within collections. Those that a
/// collection has not observed are vacated as soon as there is none and readers with delta temporality have collected once more.
#[derive(Default)]
pub(crate) struct Vacancies {
    /// Numbers of places that are vacant.
    pub(super) vacant: Mutex<Vec<u32>>,
    /// Series that have departed and whose places are not vacated.
    pub(super) departed: Mutex<Departures>,
    /// Numbers of series that are to depart after a collection, if they are idle still.
    pub(super) doomed: Mutex<HashSet<u32>>,
    /// How many are vacant or departed.
    pub(super) gone: AtomicUsize,
    /// While spellings are hidden: what was hidden, and one.
    pub(super) hidden: AtomicUsize,
    /// By row: how many handles have pinned a series.
    pins: Mutex<HashMap<Row, u32>>,
    idle: Mutex<Vec<Idle>>,
    pub(super) unobserved: Mutex<Unobserved>,
}

/// Which series of an observable instrument were not observed of late.
#[derive(Default)]
pub(super) struct Unobserved {
    /// The window of the last collection that was noted.
    noted: u64,
    /// By number of the series: the window of the first collection that has not observed it, of those since it last was; zero
    /// if the last one has.
    since: Vec<u64>,
}

impl Unobserved {
    /// In place of a window, for places that are vacant.
    const VACANT: u64 = u64::MAX;

    /// Notes what a collection observed, unless a later one was noted already; says whether any series are not observed.
    pub(super) fn note(
        &mut self,
        window: u64,
        observed: &[Option<u64>],
        len: usize,
        stays: impl Fn(usize) -> bool,
    ) -> bool {
        if window <= self.noted {
            return false;
        }
        self.noted = window;
        self.since.resize(self.since.len().max(len), 0);
        let mut any = false;
        for (id, since) in self.since.iter_mut().enumerate() {
            if observed.get(id).is_some_and(Option::is_some) || *since == 0 && (id >= len || stays(id)) {
                *since = 0;
            } else if *since == 0 {
                *since = window;
            }
            any |= !matches!(*since, 0 | Unobserved::VACANT);
        }
        any
    }

    /// Those that are not observed, each with the window since when.
    pub(super) fn all(&self) -> impl Iterator<Item = (u32, u64)> {
        let all = self.since.iter().enumerate().map(|(id, since)| (id as u32, *since));
        all.filter(|(_, since)| !matches!(*since, 0 | Unobserved::VACANT))
    }

    pub(super) fn set_vacant(&mut self, id: u32) {
        if let Some(since) = self.since.get_mut(id as usize) {
            *since = Unobserved::VACANT;
        }
    }

    pub(super) fn forget(&mut self, id: usize) {
        if let Some(since) = self.since.get_mut(id) {
            *since = 0;
        }
    }
}

/// Series that have departed, in that order. There may be many, for a reader that does not collect holds them back: so that none
/// of these walks over all of them.
#[derive(Default)]
pub(super) struct Departures {
    queue: VecDeque<Departed>,
    numbers: HashSet<u32>,
}

struct Departed {
    number: u32,
    /// The window in which it was known that nobody records in it any more.
    settled: Option<u64>,
}

impl Departures {
    pub(super) fn push(&mut self, number: u32) {
        self.queue.push_back(Departed { number, settled: None });
        self.numbers.insert(number);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    fn contains(&self, number: u32) -> bool {
        self.numbers.contains(&number)
    }

    /// Notes that nobody records any more in those that have departed until now.
    pub(super) fn settle(&mut self, window: u64) {
        let new = self.queue.iter_mut().rev().take_while(|gone| gone.settled.is_none());
        new.for_each(|gone| gone.settled = Some(window));
    }

    /// Takes the numbers of those of whose windows this can be said; of a later window it cannot if it cannot of an earlier one.
    pub(super) fn take_while(&mut self, is_over: impl Fn(u64) -> bool) -> Vec<u32> {
        let kept = |gone: &Departed| !gone.settled.is_some_and(&is_over);
        let over = self.queue.iter().position(kept).unwrap_or(self.queue.len());
        let over: Vec<u32> = self.queue.drain(..over).map(|gone| gone.number).collect();
        over.iter().for_each(|number| {
            self.numbers.remove(number);
        });
        over
    }
}

/// When somebody last recorded in a series, as far as collections have seen.
#[derive(Clone, Copy, Default)]
struct Idle {
    print: u64,
    /// Zero if no collection has seen it.
    since_unix_nanos: u64,
}

pub(super) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Vacancies {
    /// How many places there are without a series that can be found.
    pub(crate) fn gone(&self) -> usize {
        self.gone.load(Ordering::Relaxed)
    }

    /// Whether a series has departed.
    pub(crate) fn has_departed(&self, id: usize) -> bool {
        held(&self.departed).contains(id as u32)
    }

    /// Whether spellings may be learnt. The caller holds the table's `insert`.
    pub(crate) fn allow_learning(&self) -> bool {
        self.hidden.load(Ordering::Relaxed) == 0
    }

    /// Whether any series has departed whose place is not vacated.
    pub(crate) fn any_departed(&self) -> bool {
        !held(&self.departed).is_empty()
    }

    /// Pins the series of a row that is pinned already, or that cannot depart just now.
    pub(crate) fn pin(&self, row: Row) {
        *held(&self.pins).entry(row).or_insert(0) += 1;
    }

    pub(crate) fn unpin(&self, row: Row) {
        let mut pins = held(&self.pins);
        if let Some(count) = pins.get_mut(&row) {
            *count -= 1;
            if *count == 0 {
                pins.remove(&row);
            }
        }
    }

    pub(crate) fn is_pinned(&self, row: Row) -> bool {
        held(&self.pins).contains_key(&row)
    }

    /// Notes what a collection saw of a series, and says for how long it has been idle, in nanoseconds.
    pub(crate) fn idle_nanos(&self, id: usize, print: Option<u64>, now: u64) -> u64 {
        let mut idle = held(&self.idle);
        if idle.len() <= id {
            idle.resize(id + 1, Idle::default());
        }
        let known = &mut idle[id];
        // `None`: somebody has recorded.
        if known.since_unix_nanos == 0 || print != Some(known.print) {
            *known = Idle { print: print.unwrap_or_default(), since_unix_nanos: now.max(1) };
        }
        now.saturating_sub(known.since_unix_nanos)
    }

    pub(super) fn doom(&self, id: u32) {
        held(&self.doomed).insert(id);
    }

    pub(super) fn is_as_noted(&self, id: usize, print: Option<u64>) -> bool {
        held(&self.idle).get(id).is_some_and(|known| Some(known.print) == print)
    }

    pub(super) fn forget_idle(&self, id: usize) {
        if let Some(known) = held(&self.idle).get_mut(id) {
            *known = Idle::default();
        }
    }
}
