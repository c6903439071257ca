use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::Clock;

/// A clock that stands still until it is moved. Clones are the same clock.
#[derive(Clone, Debug, Default)]
pub struct ManualClock {
    unix_nanos: Arc<AtomicU64>,
}

impl ManualClock {
    /// A clock that shows a time, in nanoseconds since the Unix epoch.
    pub fn new(unix_nanos: u64) -> Self {
        ManualClock { unix_nanos: Arc::new(AtomicU64::new(unix_nanos)) }
    }

    /// Sets the time, forward or back.
    pub fn set(&self, unix_nanos: u64) {
        self.unix_nanos.store(unix_nanos, Ordering::SeqCst);
    }

    /// Moves the time forward; it stops at the largest that can be told.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        let _ = self
            .unix_nanos
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |now| Some(now.saturating_add(by)));
    }
}

impl Clock for ManualClock {
    fn unix_nanos(&self) -> u64 {
        self.unix_nanos.load(Ordering::SeqCst)
    }
}
