//! What can be set of metrics.

use std::time::Duration;

use tachograph_sdk::metrics::{CardinalityOverflow, ExemplarFilter, View};

use super::TelemetryBuilder;

impl TelemetryBuilder {
    /// How many attribute sets each instrument may have: at least 1; 2,000 unless set here or at the
    /// instrument. Further ones are added up in one series with `otel.metric.overflow=true`.
    pub fn with_cardinality_limit(mut self, limit: usize) -> Self {
        self.provider = self.provider.with_cardinality_limit(limit);
        self
    }

    /// What becomes of attribute sets beyond an instrument's limit, where no view says otherwise: they are added up in one series,
    /// unless set.
    pub fn with_cardinality_overflow(mut self, overflow: CardinalityOverflow) -> Self {
        self.provider = self.provider.with_cardinality_overflow(overflow);
        self
    }

    /// Changes what becomes of the measurements of the instruments that a view selects, wherever they are made: other buckets,
    /// fewer attributes, another name, nothing at all. An instrument that several views select has a stream for each.
    ///
    /// ```
    /// use tachograph::Telemetry;
    /// use tachograph::metrics::{Aggregation, View};
    ///
    /// let telemetry = Telemetry::builder()
    ///     .without_environment()
    ///     .with_view(
    ///         View::of("http.server.request.duration")
    ///             .with_aggregation(Aggregation::base2_exponential_bucket_histogram()),
    ///     )
    ///     .with_view(View::all().for_scope("some-library").without_attributes(["peer.address"]))
    ///     .build()?;
    /// # Ok::<(), tachograph::Error>(())
    /// ```
    pub fn with_view(mut self, view: View) -> Self {
        self.provider = self.provider.with_view(view);
        self
    }

    /// Has series go that nobody has recorded in for so long; they stay unless set. One that returns starts anew, from zero. What bound
    /// and typed handles lead to stays, and so do up-down counters that are not at zero.
    pub fn with_idle_expiry(mut self, idle: Duration) -> Self {
        self.provider = self.provider.with_idle_expiry(idle);
        self
    }

    /// Which measurements may become exemplars, whatever the environment says: those in a sampled span, unless set here or
    /// there. With [tail sampling](Self::with_tail_sampling) the trace of an exemplar is kept, so that what a dashboard
    /// links to is there.
    pub fn with_exemplar_filter(mut self, filter: ExemplarFilter) -> Self {
        self.exemplar_filter = Some(filter);
        self
    }

    /// Puts on the Prometheus page what something else collects: a registry of another crate, say. It is asked at each scrape;
    /// names that the page has already are reported, and the page's own stay.
    #[cfg(feature = "prometheus")]
    pub fn with_metric_producer(
        mut self,
        producer: impl tachograph_sdk::metrics::MetricProducer + 'static,
    ) -> Self {
        self.exposition.producers.push(std::sync::Arc::new(producer));
        self
    }
}
