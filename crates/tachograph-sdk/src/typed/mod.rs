//! Instruments of our own: over typed attributes, borrowed ones, and the API's.

mod attributes;
mod handle;
mod in_progress;
mod instruments;
mod late;
mod time_unit;
mod timer;

pub use attributes::{Dynamic, InstrumentAttributes};
pub use in_progress::InProgress;
pub use instruments::{
    BoundCounter, BoundGauge, BoundHistogram, BoundUpDownCounter, Counter, CounterBuilder, CounterNumber,
    Gauge, GaugeBuilder, Histogram, HistogramBuilder, HistogramNumber, UpDownCounter, UpDownCounterBuilder,
    UpDownCounterNumber,
};
pub use late::{Declared, Static, StaticBuilder, declare, follow};
pub use timer::Timer;
