//! Since when data points add up.

use super::kind::InstrumentKind;

/// Since when a data point's measurements are: since its series began, or since the collection before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Temporality {
    /// Since the series began.
    #[default]
    Cumulative,
    /// Since the reader's collection before.
    Delta,
}

/// A temporality for each kind of instrument, as the specification's *temporality preference* has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TemporalityPreference {
    /// Cumulative for all kinds.
    #[default]
    Cumulative,
    /// Delta for counters, observable counters and histograms; cumulative for up-down counters, whose changes mean
    /// little without their sum.
    Delta,
    /// As [`Delta`](Self::Delta), but cumulative for observable counters too: what is observed is a sum already, so that
    /// nothing needs to be remembered of it.
    LowMemory,
}

impl TemporalityPreference {
    /// The temporality of a kind of instrument.
    pub const fn of(self, kind: InstrumentKind) -> Temporality {
        match (self, kind) {
            (
                TemporalityPreference::Delta | TemporalityPreference::LowMemory,
                InstrumentKind::Counter | InstrumentKind::Histogram,
            )
            | (TemporalityPreference::Delta, InstrumentKind::ObservableCounter) => Temporality::Delta,
            _ => Temporality::Cumulative,
        }
    }
}
