use std::borrow::Cow;
use std::fmt;

#[cfg(feature = "prometheus")]
use tachograph_prometheus::Server;
use tachograph_sdk::metrics::MeterBuilder;
use tachograph_sdk::{Meter, MeterProvider, Resource};

#[cfg(feature = "prometheus")]
use crate::exposition::Exposition;
use crate::report::Report;

/// The telemetry of one service: what it records, and the ways to read it.
///
/// Made by [`Telemetry::builder`]. It is a guard: what it made (meters, routes, layers) is its own and
/// goes on to work wherever it is moved to, but **dropping the value ends it**, as
/// [`shutdown`](Self::shutdown) does; with a port open, that may take the thread a second. Keep it in
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

    /// What the telemetry is about: `service.name` and the rest.
    pub fn resource(&self) -> &Resource {
        self.parts.provider.resource()
    }

    /// Ends it, and says what was recorded and refused.
    ///
    /// The port, if there is one, accepts nothing more and finishes what it is writing, for at most a
    /// second. Then nothing is recorded any more, callbacks are dropped, pages are empty, and static
    /// instruments that follow this value follow nothing. Works in any runtime, also one with a single
    /// thread. Further calls return the same account.
    pub async fn shutdown(&self) -> Report {
        #[cfg(feature = "prometheus")]
        if let Some(port) = &self.parts.port {
            port.shutdown().await;
        }
        self.end()
    }

    /// The same as [`shutdown`](Self::shutdown), for a thread that may block for a second.
    pub fn shutdown_blocking(&self) -> Report {
        #[cfg(feature = "prometheus")]
        if let Some(port) = &self.parts.port {
            port.shutdown_blocking();
        }
        self.end()
    }

    fn end(&self) -> Report {
        let parts = &self.parts;
        Report {
            service: parts.service.clone(),
            disabled: parts.disabled,
            metrics: parts.provider.shutdown(),
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
