//! How long a span was busy and idle.

use std::time::Instant;

/// Time in which somebody was in the span, and time in which nobody was. Two threads in it at once count once.
#[derive(Debug, Default)]
pub(crate) struct Timing {
    since: Option<Instant>,
    inside: u32,
    busy: u64,
    idle: u64,
}

impl Timing {
    pub(crate) fn start(&mut self) {
        *self = Timing { since: Some(Instant::now()), ..Timing::default() };
    }

    /// Adds what passed to one of the two.
    fn pass(&mut self) {
        let now = Instant::now();
        let passed = self.since.map_or(0, |since| now.saturating_duration_since(since).as_nanos() as u64);
        if self.inside > 0 {
            self.busy += passed;
        } else {
            self.idle += passed;
        }
        self.since = Some(now);
    }

    pub(crate) fn enter(&mut self) {
        self.pass();
        self.inside += 1;
    }

    pub(crate) fn exit(&mut self) {
        self.pass();
        self.inside = self.inside.saturating_sub(1);
    }

    /// Nanoseconds busy and idle.
    pub(crate) fn finish(&mut self) -> (i64, i64) {
        self.pass();
        (self.busy as i64, self.idle as i64)
    }
}
