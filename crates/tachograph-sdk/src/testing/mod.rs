//! For tests: a clock that is set by hand, and what a provider has recorded.

mod clock;

pub use clock::ManualClock;
