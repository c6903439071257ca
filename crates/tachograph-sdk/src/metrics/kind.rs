//! The kinds of instruments.

/// The kinds of instruments that the metrics API has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InstrumentKind {
    /// Adds up what never goes down.
    Counter,
    /// Adds up what goes up and down.
    UpDownCounter,
    /// Keeps the last value.
    Gauge,
    /// Counts values by size.
    Histogram,
    /// A sum that never goes down, read by a callback.
    ObservableCounter,
    /// A sum, read by a callback.
    ObservableUpDownCounter,
    /// A value, read by a callback.
    ObservableGauge,
}

impl InstrumentKind {
    /// All kinds.
    pub const ALL: [InstrumentKind; 7] = [
        InstrumentKind::Counter,
        InstrumentKind::UpDownCounter,
        InstrumentKind::Gauge,
        InstrumentKind::Histogram,
        InstrumentKind::ObservableCounter,
        InstrumentKind::ObservableUpDownCounter,
        InstrumentKind::ObservableGauge,
    ];

    /// Whether its values are read by callbacks.
    pub const fn is_observable(self) -> bool {
        matches!(
            self,
            InstrumentKind::ObservableCounter
                | InstrumentKind::ObservableUpDownCounter
                | InstrumentKind::ObservableGauge
        )
    }

    /// Whether its sum never goes down: then it takes no negative numbers.
    pub const fn is_monotonic(self) -> bool {
        matches!(self, InstrumentKind::Counter | InstrumentKind::ObservableCounter)
    }
}
