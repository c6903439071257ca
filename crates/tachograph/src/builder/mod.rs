#[cfg(feature = "prometheus")]
mod exposition;
mod metrics;
mod traces;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::{KeyValue, Value, global};
use tachograph_propagation::Propagator;
use tachograph_sdk::metrics::{ExemplarFilter, MeterProviderBuilder};
use tachograph_sdk::resource::{Resource, ResourceDetector};
use tachograph_sdk::self_metrics::{observe_metrics, observe_traces};
use tachograph_sdk::{Clock, MeterProvider, diag, follow};

use crate::environment::{Environment, Exporter, Settings};
use crate::error::Error;
#[cfg(feature = "prometheus")]
use crate::expose::ExpositionParts;
#[cfg(feature = "tracing")]
use crate::subscriber::SubscriberParts;
use crate::telemetry::{Parts, Telemetry};
use crate::traces::TraceParts;

/// Sets up a [`Telemetry`].
///
/// What the environment says is taken into account unless [`without_environment`] is called. Settings
/// named `default_…` give way to it, those named `with_…` do not. A variable that makes no sense is
/// reported and as if unset, unless the builder is [`strict`](Self::strict).
///
/// These are most of the variables. All of them, with the values they take and what code sets instead, are in the repository's
/// `docs/environment.md`.
///
/// | variable | what it sets | default |
/// |---|---|---|
/// | `OTEL_SDK_DISABLED` | `true`: nothing is recorded, no port is opened, pages are empty | `false` |
/// | `OTEL_SERVICE_NAME` | `service.name` | `unknown_service:<executable>` |
/// | `OTEL_RESOURCE_ATTRIBUTES` | attributes of the resource: `key=value,key=value`, percent-encoded | none |
/// | `OTEL_METRICS_EXPORTER` | `prometheus` opens a port for it; `none`, `otlp` do not | `otlp` |
/// | `OTEL_EXPORTER_PROMETHEUS_HOST` | the host name or address of that port | `localhost` |
/// | `OTEL_EXPORTER_PROMETHEUS_PORT` | its number | `9464` |
/// | `OTEL_METRICS_EXEMPLAR_FILTER` | which measurements may become exemplars: `trace_based`, `always_on`, `always_off` | `trace_based` |
/// | `OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS` | the HTTP methods told apart, instead of the usual ones | |
/// | `RUST_LOG` | which events the console shows | `info` |
/// | `OTEL_TRACES_EXPORTER` | `otlp` exports spans, `none` does not | `otlp` |
/// | `OTEL_EXPORTER_OTLP_ENDPOINT` and its siblings | where spans go, and how | `http://localhost:4318` |
/// | `OTEL_TRACES_SAMPLER` | `always_on`, `always_off`, `traceidratio`, and each after `parentbased_` | `parentbased_always_on` |
/// | `OTEL_TRACES_SAMPLER_ARG` | the share of traces that a ratio keeps, from 0 to 1 | `1` |
/// | `OTEL_PROPAGATORS` | `tracecontext`, `baggage`, `b3`, `b3multi`, `jaeger`; `none` | `tracecontext,baggage` |
/// | `OTEL_BSP_SCHEDULE_DELAY` | milliseconds that spans wait at most | `5000` |
/// | `OTEL_BSP_EXPORT_TIMEOUT` | milliseconds that an export may take; 0 is without end | `30000` |
/// | `OTEL_BSP_MAX_QUEUE_SIZE` | spans that wait at most | `2048` |
/// | `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | spans that are exported at a time | `512` |
/// | `OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT`, `…_VALUE_LENGTH_LIMIT` | attributes of a span, and characters of each; `OTEL_ATTRIBUTE_…` if unset | `128`, none |
/// | `OTEL_SPAN_EVENT_COUNT_LIMIT`, `OTEL_SPAN_LINK_COUNT_LIMIT` | events and links of a span | `128` |
/// | `OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT`, `OTEL_LINK_ATTRIBUTE_COUNT_LIMIT` | attributes of each | `128` |
///
/// Metrics are not pushed by OTLP yet. Where that is asked for, or `OTEL_METRICS_EXPORTER` is not set, they are
/// recorded all the same and served wherever the page is mounted; a report says so, once.
///
/// [`without_environment`]: Self::without_environment
#[derive(Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct TelemetryBuilder {
    /// `None` where code alone decides.
    environment: Option<Environment>,
    strict: bool,
    default_service_name: Option<Value>,
    service_name: Option<Value>,
    attributes: Vec<KeyValue>,
    detected: Vec<KeyValue>,
    provider: MeterProviderBuilder,
    exemplar_filter: Option<ExemplarFilter>,
    traces: TraceParts,
    propagator: Option<Propagator>,
    timeout: Duration,
    #[cfg(feature = "tracing")]
    subscriber: SubscriberParts,
    #[cfg(feature = "prometheus")]
    exposition: ExpositionParts,
}

/// How long ending may take, unless set.
const DEFAULT_SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

impl Telemetry {
    /// Sets up a `Telemetry` from code and from the environment.
    pub fn builder() -> TelemetryBuilder {
        TelemetryBuilder {
            environment: Some(Environment::process()),
            strict: false,
            default_service_name: None,
            service_name: None,
            attributes: Vec::new(),
            detected: Vec::new(),
            provider: MeterProvider::builder(),
            exemplar_filter: None,
            traces: TraceParts::default(),
            propagator: None,
            timeout: DEFAULT_SHUTDOWN_TIMEOUT,
            #[cfg(feature = "tracing")]
            subscriber: SubscriberParts::default(),
            #[cfg(feature = "prometheus")]
            exposition: ExpositionParts::default(),
        }
    }
}

impl TelemetryBuilder {
    /// The service's name unless the environment has another: what most services want.
    pub fn default_service_name(mut self, name: impl Into<Value>) -> Self {
        self.default_service_name = Some(name.into());
        self
    }

    /// The service's name, whatever the environment says.
    pub fn with_service_name(mut self, name: impl Into<Value>) -> Self {
        self.service_name = Some(name.into());
        self
    }

    /// An attribute of the resource, whatever the environment says of it: `service.version`,
    /// `deployment.environment.name`.
    pub fn with_resource_attribute(mut self, attribute: KeyValue) -> Self {
        self.attributes.push(attribute);
        self
    }

    /// Several attributes of the resource; later ones replace those before them.
    pub fn with_resource_attributes(mut self, attributes: impl IntoIterator<Item = KeyValue>) -> Self {
        self.attributes.extend(attributes);
        self
    }

    /// Asks a detector, now, for attributes of the resource. The environment may correct them.
    pub fn with_resource_detector(mut self, detector: &dyn ResourceDetector) -> Self {
        self.detected.extend(detector.detect());
        self
    }

    /// Where times come from: the system's clock unless set. For tests there is
    /// [`ManualClock`](crate::testing::ManualClock).
    pub fn with_clock(mut self, clock: impl Clock + 'static) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(clock);
        self.provider = self.provider.with_clock(Arc::clone(&clock));
        self.traces.clock = Some(clock);
        self
    }

    /// What carries the context from service to service, whatever the environment says.
    pub fn with_propagator(mut self, propagator: Propagator) -> Self {
        self.propagator = Some(propagator);
        self
    }

    /// How long [`shutdown`](Telemetry::shutdown), or dropping the `Telemetry`, may take to export what is
    /// left; 5 seconds unless set. Where no collector can be reached it takes no time: that is tried once, and what is left is
    /// dropped and counted. A collector that answers is tried again for as long as this.
    pub fn with_shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Reads variables from somewhere else than the process.
    pub fn with_environment(mut self, environment: Environment) -> Self {
        self.environment = Some(environment);
        self
    }

    /// Reads no variables: only code decides.
    pub fn without_environment(mut self) -> Self {
        self.environment = None;
        self
    }

    /// Fails where a variable makes no sense, or the port that the environment asks for cannot be
    /// opened, instead of reporting it and going on.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Builds it, and sets nothing of the process: any number of values may live side by side.
    ///
    /// # Errors
    ///
    /// If a port that was named in code cannot be opened; if the builder is strict, also if a variable
    /// makes no sense or the port that the environment asks for cannot be opened.
    pub fn build(self) -> Result<Telemetry, Error> {
        let (settings, mut problems) = self.environment.as_ref().map(Settings::read).unwrap_or_default();
        let resource = self.resource(&settings);
        #[cfg(feature = "tracing")]
        let subscriber = self.subscriber.settled(&settings, &mut problems);
        let traces = self.traces.settled(self.environment.as_ref(), &settings, &mut problems);
        // All of them together, before anything is made.
        if !problems.is_empty() && self.strict {
            return Err(Error::environment(problems));
        }
        for problem in problems {
            diag::report("environment", &problem.variable, &problem);
        }
        let tracers = traces.provider(&settings, resource.clone(), self.strict)?;
        let propagator = self.propagator.unwrap_or_else(|| Propagator::from(&settings.traces.propagators));
        let service = resource.get("service.name").map(ToString::to_string).unwrap_or_default();
        let provider = if settings.disabled {
            // Shut down at once: its meters do nothing, and its page is empty.
            let provider = self.provider.with_resource(Resource::builder_empty().build()).build();
            provider.shutdown();
            provider
        } else {
            let filter = self.exemplar_filter.or(settings.exemplar_filter).unwrap_or_default();
            let provider = self.provider.with_resource(resource).with_exemplar_filter(filter);
            // An exemplar is to lead somewhere: its trace is kept, where traces are decided about at their end.
            provider.with_trace_keeper(tracers.trace_keeper()).build()
        };
        let meter =
            provider.meter_builder("tachograph").with_version(env!("CARGO_PKG_VERSION")).build().as_otel();
        observe_metrics(&meter, &provider);
        // What becomes of spans is seen where metrics are.
        if !tracers.states().is_empty() {
            observe_traces(&meter, &tracers);
        }
        #[cfg(feature = "prometheus")]
        let (exposition, port) = self.exposition.open(&provider, &settings, self.strict)?;
        if self.environment.is_some() {
            announce(&settings);
        }
        Ok(Telemetry {
            parts: Parts {
                provider,
                tracers,
                propagator,
                timeout: self.timeout,
                #[cfg(feature = "tracing")]
                subscriber,
                disabled: settings.disabled,
                service,
                #[cfg(feature = "tower")]
                known_methods: settings.known_methods,
                #[cfg(feature = "prometheus")]
                exposition,
                #[cfg(feature = "prometheus")]
                port,
            },
        })
    }

    /// Builds it, and makes it the process' own: the `opentelemetry` API's global meter provider, tracer provider and
    /// propagator, what instruments in a [`Static`](crate::Static) follow, and, with the feature `tracing`, the subscriber of
    /// `tracing`, unless the process has one already. Who has one takes [`Telemetry::tracing_layer`].
    ///
    /// A subscriber stays for the life of the process. All else is the last installed value's. Static instruments turn to it with their next measurement;
    /// when it ends they follow nothing until another is installed. An instrument that was made from
    /// the API's global meter stays with the provider it was made from, as the API has it.
    ///
    /// # Errors
    ///
    /// Those of [`build`](Self::build); then nothing was installed.
    pub fn install(self) -> Result<Telemetry, Error> {
        #[cfg_attr(
            not(feature = "tracing"),
            expect(unused_mut, reason = "only a subscriber is taken out of it")
        )]
        let mut telemetry = self.build()?;
        let provider = telemetry.meter_provider();
        global::set_meter_provider(provider.clone());
        global::set_tracer_provider(telemetry.tracer_provider().clone());
        global::set_text_map_propagator(telemetry.propagator().clone());
        follow(provider);
        #[cfg(feature = "tracing")]
        telemetry.set_subscriber();
        Ok(telemetry)
    }

    /// What is known before the environment, what it says, and what code insists on.
    ///
    /// The specification has the environment's attributes give way to those of code, and
    /// `OTEL_SERVICE_NAME` win over `OTEL_RESOURCE_ATTRIBUTES`.
    fn resource(&self, settings: &Settings) -> Resource {
        let name = |name: &Value| KeyValue::new("service.name", name.clone());
        Resource::builder()
            .with_attributes(self.default_service_name.as_ref().map(name))
            .with_attributes(self.detected.iter().cloned())
            .with_attributes(settings.resource_attributes.iter().cloned())
            .with_attributes(settings.service_name.clone().map(|name| KeyValue::new("service.name", name)))
            .with_attributes(self.attributes.iter().cloned())
            .with_attributes(self.service_name.as_ref().map(name))
            .build()
    }
}

/// Says what is not built in yet, where the environment asks for it or, saying nothing, leaves it the default.
fn announce(settings: &Settings) {
    let is_asked_for = settings.metrics_exporters.as_ref().is_none_or(|all| all.contains(&Exporter::Otlp));
    if !settings.disabled && is_asked_for {
        diag::inform(
            "otlp",
            "metrics are recorded and served where /metrics is mounted, but not pushed: OTLP is not built in for metrics yet \
             (OTEL_METRICS_EXPORTER=prometheus opens a port for /metrics, none keeps this quiet)",
        );
    }
    let for_prometheus =
        settings.metrics_exporters.as_ref().is_some_and(|all| all.contains(&Exporter::Prometheus));
    if cfg!(not(feature = "prometheus")) && !settings.disabled && for_prometheus {
        diag::report(
            "environment",
            "OTEL_METRICS_EXPORTER",
            "OTEL_METRICS_EXPORTER: prometheus was left out of this program; build it with the feature `prometheus` of \
             the tachograph crate",
        );
    }
}
