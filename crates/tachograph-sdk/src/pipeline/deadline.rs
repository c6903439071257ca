use std::time::{Duration, Instant};

/// When something has to be done, or that there is no hurry.
///
/// It is a point of the monotonic clock, so that it can be handed on: what is called with a deadline
/// calls others with the same one, and the whole takes no longer than its caller allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Option<Instant>);

impl Deadline {
    /// No deadline.
    pub const NEVER: Deadline = Deadline(None);

    /// In a while from now. A time that the clock cannot tell is never.
    pub fn after(time: Duration) -> Self {
        Deadline(Instant::now().checked_add(time))
    }

    /// As [`after`](Self::after) for a configured time-out, of which zero means none.
    pub fn of_timeout(time: Duration) -> Self {
        if time.is_zero() { Self::NEVER } else { Self::after(time) }
    }

    /// At a point of the monotonic clock.
    pub fn at(instant: Instant) -> Self {
        Deadline(Some(instant))
    }

    /// The point of the monotonic clock; `None` where there is no deadline.
    pub fn instant(&self) -> Option<Instant> {
        self.0
    }

    /// What is left, zero when it has passed; `None` where there is no deadline.
    pub fn remaining(&self) -> Option<Duration> {
        self.0.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Whether it has passed.
    pub fn has_passed(&self) -> bool {
        self.remaining().is_some_and(|left| left.is_zero())
    }

    /// The earlier of two.
    pub fn min(self, other: Deadline) -> Deadline {
        match (self.0, other.0) {
            (Some(a), Some(b)) => Deadline(Some(a.min(b))),
            (at, None) | (None, at) => Deadline(at),
        }
    }
}
