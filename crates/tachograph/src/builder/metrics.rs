//! What can be set of metrics.

use super::TelemetryBuilder;

impl TelemetryBuilder {
    /// How many attribute sets each instrument may have: at least 1; 2,000 unless set here or at the
    /// instrument. Further ones are added up in one series with `otel.metric.overflow=true`.
    pub fn with_cardinality_limit(mut self, limit: usize) -> Self {
        self.provider = self.provider.with_cardinality_limit(limit);
        self
    }
}
