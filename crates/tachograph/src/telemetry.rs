use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

#[cfg(feature = "prometheus")]
use tachograph_prometheus::Server;
use tachograph_propagation::Propagator;
use tachograph_sdk::metrics::MeterBuilder;
use tachograph_sdk::pipeline::{Deadline, FlushError};
use tachograph_sdk::trace::{Tracer, TracerProvider};
use tachograph_sdk::{Meter, MeterProvider, Resource};

use crate::elsewhere::elsewhere;
#[cfg(feature = "prometheus")]
use crate::exposition::Exposition;
use crate::report::Report;
#[cfg(feature = "tracing")]
use crate::subscriber::SubscriberParts;

/// The telemetry of one service: what it records, and the ways to read it.
///
/// Made by [`Telemetry::builder`]. It is a guard: what it made (meters, routes, layers) is its own and
/// goes on to work wherever it is moved to, but **dropping the value ends it**, as
/// [`shutdown`](Self::shutdown) does, which exports what is still to be exported and may take the thread as long as the
/// [time for it](crate::TelemetryBuilder::with_shutdown_timeout), five seconds unless set. Keep it in
/// `main`; to call it from several places, share it in an [`Arc`](std::sync::Arc).
///
/// Two values in one process share nothing: each has its own instruments, resource, page and port.
#[must_use = "dropping a Telemetry ends it: keep it until the service ends"]
pub struct Telemetry {
    pub(crate) parts: Parts,
}

/// What a `Telemetry` is made of.
pub(crate) struct Parts {
    pub(crate) provider: MeterProvider,
    pub(crate) tracers: TracerProvider,
    pub(crate) propagator: Propagator,
    /// How long ending may take.
    pub(crate) timeout: Duration,
    #[cfg(feature = "tracing")]
    pub(crate) subscriber: SubscriberParts,
    pub(crate) disabled: bool,
    pub(crate) service: String,
    /// What the environment says instead of the conventions' HTTP methods.
    #[cfg(feature = "tower")]
    pub(crate) known_methods: Option<Vec<String>>,
    #[cfg(feature = "prometheus")]
    pub(crate) exposition: Exposition,
    #[cfg(feature = "prometheus")]
    pub(crate) port: Option<Server>,
}

impl Telemetry {
    /// A meter for the scope of this name: the library, package or module that instruments.
    pub fn meter(&self, name: impl Into<Cow<'static, str>>) -> Meter {
        self.parts.provider.meter(name)
    }

    /// A meter whose scope has a version, a schema or attributes as well.
    pub fn meter_builder(&self, name: impl Into<Cow<'static, str>>) -> MeterBuilder {
        self.parts.provider.meter_builder(name)
    }

    /// The provider of all meters: for libraries that take one, and to read what was recorded. Clones
    /// are the same provider; none of them keeps this `Telemetry` from ending.
    pub fn meter_provider(&self) -> &MeterProvider {
        &self.parts.provider
    }

    /// A tracer for the scope of this name: it starts spans of the `opentelemetry` API.
    pub fn tracer(&self, name: impl Into<Cow<'static, str>>) -> Tracer {
        self.parts.tracers.tracer(name)
    }

    /// The provider of all tracers: for libraries that take one, and to exchange its sampler while it runs. Clones are the
    /// same provider; none of them keeps this `Telemetry` from ending.
    pub fn tracer_provider(&self) -> &TracerProvider {
        &self.parts.tracers
    }

    /// What carries the context from service to service, of the formats that `OTEL_PROPAGATORS` names unless code does:
    /// W3C trace context and baggage if neither says anything. It works where telemetry is disabled, too.
    pub fn propagator(&self) -> &Propagator {
        &self.parts.propagator
    }

    /// Exports every span that has ended by now and was not held back, and waits for that, so long at most. For programs
    /// that are about to be frozen, and for tests; ending flushes by itself. It blocks the thread: in a runtime, call it where
    /// blocking is allowed (`spawn_blocking`).
    ///
    /// With [tail sampling](crate::TelemetryBuilder::with_tail_sampling) spans of traces that are not over in this process
    /// are held, and stay held: nothing has been decided about them, and a flush does not decide. Only
    /// [`shutdown`](Self::shutdown), or dropping the value, decides about all of them, with what is known then.
    /// Spans that have not ended are never exported.
    ///
    /// # Errors
    ///
    /// When the time was not enough, or this telemetry has ended; also when an exporter calls it. What
    /// could not be delivered is no error here: it is reported, and counted in the [`Report`].
    pub fn flush_blocking(&self, timeout: Duration) -> Result<(), FlushError> {
        self.parts.tracers.flush(Deadline::after(timeout))
    }

    /// What the telemetry is about: `service.name` and the rest.
    pub fn resource(&self) -> &Resource {
        self.parts.provider.resource()
    }

    /// Ends it, and says what was recorded, exported, refused and dropped.
    ///
    /// The port, if there is one, accepts nothing more and finishes what it is writing, for at most a
    /// second. Spans that have ended are exported, until the [time for it] has passed; what is left then is dropped, and
    /// counted. After that nothing is recorded any more, callbacks are dropped, scrapes get 503, and static
    /// instruments that follow this value follow nothing. Works in any runtime, also one with a single
    /// thread. Further calls return the same account.
    ///
    /// [time for it]: crate::TelemetryBuilder::with_shutdown_timeout
    pub async fn shutdown(&self) -> Report {
        #[cfg(feature = "prometheus")]
        if let Some(port) = &self.parts.port {
            port.shutdown().await;
        }
        let (tracers, timeout) = (self.parts.tracers.clone(), self.parts.timeout);
        elsewhere(move || drop(tracers.shutdown(Deadline::after(timeout)))).await;
        self.end()
    }

    /// The same as [`shutdown`](Self::shutdown), for a thread that may block for as long.
    pub fn shutdown_blocking(&self) -> Report {
        #[cfg(feature = "prometheus")]
        if let Some(port) = &self.parts.port {
            port.shutdown_blocking();
        }
        let _ = self.parts.tracers.shutdown(Deadline::after(self.parts.timeout));
        self.end()
    }

    /// The account, at the end of which only metrics still have to end.
    fn end(&self) -> Report {
        let parts = &self.parts;
        Report {
            service: parts.service.clone(),
            disabled: parts.disabled,
            metrics: parts.provider.shutdown(),
            traces: parts.tracers.account(),
            #[cfg(feature = "prometheus")]
            scrapes: parts.exposition.answered() + parts.port.as_ref().map_or(0, Server::scrapes),
            #[cfg(not(feature = "prometheus"))]
            scrapes: 0,
        }
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        let _ = self.shutdown_blocking();
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry")
            .field("service", &self.parts.service)
            .field("disabled", &self.parts.disabled)
            .finish_non_exhaustive()
    }
}
