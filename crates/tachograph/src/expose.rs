//! From settings to a page, and to a port that it is served on.

use tachograph_prometheus::{PrometheusExporter, Server};
use tachograph_sdk::{MeterProvider, diag};

use crate::container::is_container;
use crate::environment::{Exporter, Settings};
use crate::error::Error;
use crate::exposition::Exposition;

/// The specification's defaults for the Prometheus exporter.
const DEFAULT_HOST: &str = "localhost";
const DEFAULT_PORT: u16 = 9464;

/// How the page is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExpositionOptions {
    pub(crate) scope_labels: bool,
}

impl Default for ExpositionOptions {
    fn default() -> Self {
        ExpositionOptions { scope_labels: true }
    }
}

pub(crate) fn exposition(provider: &MeterProvider, options: ExpositionOptions) -> Exposition {
    let exporter =
        PrometheusExporter::builder(provider.reader()).with_scope_labels(options.scope_labels).build();
    Exposition::new(exporter)
}

/// Opens the port that code or the environment asks for.
///
/// Code that asks is told by an error; the environment, by a report, since it must not keep a service
/// from starting (unless that was asked for).
pub(crate) fn port(
    exposition: &Exposition,
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
    match Server::bind(exposition.exporter(), &asked) {
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
