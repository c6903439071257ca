use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where the SDK takes the time from; see [`crate::testing::ManualClock`] for tests.
///
/// It is asked while the engine makes a series, so it must not record measurements itself.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Nanoseconds since the Unix epoch; zero for times before it.
    fn unix_nanos(&self) -> u64;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn unix_nanos(&self) -> u64 {
        (**self).unix_nanos()
    }
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn unix_nanos(&self) -> u64 {
        // A clock before 1970 or after 2554 is wrong, but no reason to fail.
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
    }
}
