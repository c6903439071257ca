//! How many of a thread's measurements are looked at more closely.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::cells;

/// So many measurements in a row are looked at.
const BUDGET: u32 = 1_024;
/// The budget is given anew when at least so much time has passed since the last time.
const PERIOD: Duration = Duration::from_millis(1);
/// Once the budget is used up, the time is looked at every so many measurements.
const INTERVAL: u32 = 1_024;
/// What a measurement that is offered to a reservoir costs of the budget.
const OFFER: u32 = 16;

/// The thread's attention.
///
/// Whether a measurement was made in a sampled span can be told by the context alone, and to ask it costs as much as a
/// bound counter's addition. So each thread has a budget: while it lasts every measurement is looked at; when it is used
/// up, one in [`INTERVAL`] measurements looks whether a [`PERIOD`] has passed and the budget is full again. A thread that
/// makes fewer than a million measurements in a second thus misses none, however rare and whatever it is among; a loop
/// that makes many more pays the countdown ([`cells::is_due`], two instructions) and a five-hundredth of the rest. A
/// measurement that is offered costs [`OFFER`]: a thread offers at most 64,000 in a second.
///
/// Constant-initialised and without a destructor, so that it can be read at any time of the thread's life.
struct Attention {
    budget: Cell<u32>,
    since: Cell<Option<Instant>>,
}

thread_local! {
    static ATTENTION: Attention = const { Attention { budget: Cell::new(0), since: Cell::new(None) } };
}

/// Takes one look off the budget, for a measurement that is due; whether there was one, and when the next is due.
pub(super) fn pay() -> bool {
    ATTENTION.with(|attention| {
        let mut budget = attention.budget.get();
        if budget == 0 {
            let now = Instant::now();
            if attention.since.get().is_some_and(|since| now.saturating_duration_since(since) < PERIOD) {
                cells::set_due_after(INTERVAL - 1);
                return false;
            }
            attention.since.set(Some(now));
            budget = BUDGET;
        }
        cells::set_due_after(0);
        attention.budget.set(budget - 1);
        true
    })
}

/// Takes an offer off the budget.
pub(super) fn pay_offer() {
    ATTENTION.with(|attention| attention.budget.set(attention.budget.get().saturating_sub(OFFER - 1)));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look() -> bool {
        cells::is_due() && pay()
    }

    #[test]
    fn a_thread_that_records_without_pause_looks_at_few_and_one_that_pauses_at_all() {
        assert!((0..BUDGET).all(|_| look()), "the first");
        let looked = (0..10 * INTERVAL).filter(|_| look()).count();
        assert!(looked <= 5 * BUDGET as usize, "{looked} of {}", 10 * INTERVAL);
        // However far the countdown is, it ends; and the time for a new budget has come by then.
        std::thread::sleep(2 * PERIOD);
        let missed = (0..2 * INTERVAL).take_while(|_| !look()).count();
        assert!(missed < INTERVAL as usize, "{missed}");
    }

    #[test]
    fn offers_are_dearer_than_looks() {
        let mut offers = 0;
        while look() {
            pay_offer();
            offers += 1;
        }
        assert!(offers >= BUDGET / OFFER, "{offers}");
    }
}
