//! Spans of `tracing`: the subscriber that is set where there is none, and the layer where there is one.

use tachograph_sdk::diag;
use tachograph_tracing::{TelemetryLayer, TelemetrySubscriber};

use crate::subscriber::SubscriberParts;
use crate::telemetry::Telemetry;

/// The scope of spans of `tracing`.
const SCOPE: &str = "tracing";

impl Telemetry {
    /// A layer that makes spans of `tracing` this value's, for whoever has a subscriber of their own: stacked on the
    /// `Registry` of tracing-subscriber, beside `fmt` and whatever else.
    ///
    /// ```
    /// # use tachograph::Telemetry;
    /// use tracing_subscriber::layer::SubscriberExt;
    ///
    /// # let telemetry = Telemetry::builder().without_environment().build()?;
    /// let subscriber = tracing_subscriber::registry()
    ///     .with(tracing_subscriber::fmt::layer())
    ///     .with(telemetry.tracing_layer());
    /// # let _ = subscriber;
    /// # Ok::<(), tachograph::Error>(())
    /// ```
    ///
    /// Who has no subscriber needs nothing of this: [`install`](crate::TelemetryBuilder::install) sets one that costs
    /// less.
    pub fn tracing_layer(&self) -> TelemetryLayer {
        TelemetryLayer::with_options(self.tracer(SCOPE), self.parts.subscriber.options.clone())
    }

    /// Sets the subscriber of the process, unless it has one.
    pub(crate) fn set_subscriber(&mut self) {
        let SubscriberParts { options, filter, console } = std::mem::take(&mut self.parts.subscriber);
        self.parts.subscriber.options = options.clone();
        let mut subscriber = TelemetrySubscriber::builder(self.tracer(SCOPE)).with_options(options);
        if let Some(filter) = filter {
            subscriber = subscriber.with_trace_filter(filter);
        }
        if let Some(console) = console.flatten() {
            subscriber = subscriber.with_console(console);
        }
        if tracing::subscriber::set_global_default(subscriber.build()).is_err() {
            diag::inform(
                "tracing.subscriber",
                "the process has a tracing subscriber already, which stays: spans of tracing are recorded only if it \
                 has the layer that Telemetry::tracing_layer gives",
            );
        }
    }
}
