//! From settings to a page, and to a port that it is served on.

use std::fmt;
use std::sync::Arc;

use tachograph_prometheus::{PrometheusExporter, PrometheusExporterBuilder, Server, ServerBuilder};
use tachograph_sdk::metrics::{MetricProducer, MetricReaderBuilder};
use tachograph_sdk::{MeterProvider, diag};

use crate::container::is_container;
use crate::environment::{Exporter, Settings};
use crate::error::Error;
use crate::exposition::Exposition;

/// The specification's defaults for the Prometheus exporter.
const DEFAULT_HOST: &str = "localhost";
const DEFAULT_PORT: u16 = 9464;

/// As the conventions call what serves the page.
const COMPONENT: &str = "prometheus_http_text_metric_exporter";

/// What code says of the page and of its port.
#[derive(Default)]
pub(crate) struct ExpositionParts {
    /// Where the port is to be.
    pub(crate) address: Option<String>,
    pub(crate) page: Vec<Change<PrometheusExporterBuilder>>,
    pub(crate) server: Vec<Change<ServerBuilder>>,
    /// What others collect, for the page.
    pub(crate) producers: Vec<Arc<dyn MetricProducer>>,
}

/// What code changes of a builder.
type Change<B> = Box<dyn FnOnce(B) -> B + Send>;

impl ExpositionParts {
    /// The page, and the port if there is to be one.
    pub(crate) fn open(
        self,
        provider: &MeterProvider,
        settings: &Settings,
        strict: bool,
    ) -> Result<(Exposition, Option<Server>), Error> {
        let with = |reader: MetricReaderBuilder, producer| reader.with_producer(producer);
        let reader = provider.reader_builder().with_component_type(COMPONENT);
        let reader = self.producers.into_iter().fold(reader, with).build();
        let page = changed(PrometheusExporter::builder(reader), self.page);
        let exposition = Exposition::new(page.build());
        let port = port(&exposition, self.server, self.address, settings, strict)?;
        Ok((exposition, port))
    }
}

impl fmt::Debug for ExpositionParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExpositionParts").field("address", &self.address).finish_non_exhaustive()
    }
}

fn changed<B>(builder: B, changes: Vec<Change<B>>) -> B {
    changes.into_iter().fold(builder, |builder, change| change(builder))
}

/// Opens the port that code or the environment asks for.
///
/// Code that asks is told by an error; the environment, by a report, since it must not keep a service
/// from starting (unless that was asked for).
fn port(
    exposition: &Exposition,
    server: Vec<Change<ServerBuilder>>,
    by_code: Option<String>,
    settings: &Settings,
    strict: bool,
) -> Result<Option<Server>, Error> {
    if settings.disabled {
        return Ok(None);
    }
    let must = strict || by_code.is_some();
    let Some(asked) = by_code.or_else(|| by_environment(settings)) else {
        return Ok(None);
    };
    match changed(Server::builder(exposition.exporter()), server).bind(&asked) {
        Ok(port) => {
            warn_of_loopback(&port, settings);
            Ok(Some(port))
        }
        Err(source) => {
            let error = Error::port(source.is_address_in_use(), source);
            if must {
                return Err(error);
            }
            diag::report("prometheus.port", &asked, format_args!("{error}; the service goes on without it"));
            Ok(None)
        }
    }
}

fn by_environment(settings: &Settings) -> Option<String> {
    if !settings.metrics_exporters.as_ref()?.contains(&Exporter::Prometheus) {
        return None;
    }
    let host = settings.prometheus_host.as_deref().unwrap_or(DEFAULT_HOST);
    let port = settings.prometheus_port.unwrap_or(DEFAULT_PORT);
    // An IPv6 address needs its brackets where a port follows.
    Some(if host.contains(':') && !host.starts_with('[') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    })
}

fn warn_of_loopback(port: &Server, settings: &Settings) {
    let addresses = port.addresses();
    let nobody_else = addresses.iter().all(|address| address.ip().is_loopback());
    if nobody_else && is_container(settings.in_kubernetes, |mark| mark.exists()) {
        let at = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
        diag::report(
            "prometheus.loopback",
            &at,
            format_args!(
                "the port for Prometheus is open at {at} only, and this is a container: nobody outside of it can scrape \
                 it; set OTEL_EXPORTER_PROMETHEUS_HOST=0.0.0.0, or with_prometheus_address"
            ),
        );
    }
}
