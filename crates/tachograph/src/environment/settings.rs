use opentelemetry::KeyValue;
use tachograph_sdk::metrics::ExemplarFilter;

use super::rules::{Problem, Reader};
use super::source::Environment;
use super::traces::TraceSettings;

/// Where metrics go, as `OTEL_METRICS_EXPORTER` has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exporter {
    Otlp,
    Prometheus,
}

/// What the environment says; `None` and empty where it says nothing.
#[derive(Debug, Default)]
#[cfg_attr(
    not(all(feature = "prometheus", feature = "tower", feature = "tracing")),
    expect(dead_code, reason = "each of them reads variables of its own")
)]
pub(crate) struct Settings {
    pub(crate) disabled: bool,
    pub(crate) service_name: Option<String>,
    pub(crate) resource_attributes: Vec<KeyValue>,
    /// `None` if unset; without entries if it is `none`.
    pub(crate) metrics_exporters: Option<Vec<Exporter>>,
    /// Which measurements may become exemplars.
    pub(crate) exemplar_filter: Option<ExemplarFilter>,
    pub(crate) prometheus_host: Option<String>,
    pub(crate) prometheus_port: Option<u16>,
    pub(crate) known_methods: Option<Vec<String>>,
    pub(crate) traces: TraceSettings,
    /// Which events the console shows, as `RUST_LOG` has it.
    pub(crate) console: Option<String>,
    /// Whether the variables are those that Kubernetes gives to its containers.
    pub(crate) in_kubernetes: bool,
}

const METRICS_EXPORTER: &str = "OTEL_METRICS_EXPORTER";
const EXEMPLAR_FILTER: &str = "OTEL_METRICS_EXEMPLAR_FILTER";

impl Settings {
    /// Reads all variables, each once.
    pub(crate) fn read(environment: &Environment) -> (Self, Vec<Problem>) {
        let mut reader = Reader::new(environment);
        let settings = Settings {
            disabled: reader.boolean("OTEL_SDK_DISABLED"),
            service_name: reader.text("OTEL_SERVICE_NAME"),
            resource_attributes: reader.pairs("OTEL_RESOURCE_ATTRIBUTES"),
            metrics_exporters: metrics_exporters(&mut reader),
            exemplar_filter: exemplar_filter(&mut reader),
            prometheus_host: reader.text("OTEL_EXPORTER_PROMETHEUS_HOST"),
            prometheus_port: reader.number("OTEL_EXPORTER_PROMETHEUS_PORT", "0 to 65535"),
            known_methods: reader.list("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS"),
            traces: TraceSettings::read(&mut reader),
            console: reader.text("RUST_LOG"),
            in_kubernetes: reader.text("KUBERNETES_SERVICE_HOST").is_some(),
        };
        (settings, reader.problems)
    }
}

/// The exporters that are known; where only unknown ones are named, as if unset.
fn metrics_exporters(reader: &mut Reader<'_>) -> Option<Vec<Exporter>> {
    let names = reader.list(METRICS_EXPORTER)?;
    let mut exporters = Vec::new();
    let mut none = false;
    for name in &names {
        let exporter = match name.to_ascii_lowercase().as_str() {
            "otlp" => Exporter::Otlp,
            "prometheus" => Exporter::Prometheus,
            "none" => {
                none = true;
                continue;
            }
            "console" => {
                reader.problem(METRICS_EXPORTER, "the console exporter is not built in yet; it is ignored");
                continue;
            }
            _ => {
                reader.problem(
                    METRICS_EXPORTER,
                    format!(
                        "{name:?} is not an exporter and is ignored; known are otlp, prometheus and none"
                    ),
                );
                continue;
            }
        };
        if !exporters.contains(&exporter) {
            exporters.push(exporter);
        }
    }
    if none && !exporters.is_empty() {
        reader.problem(METRICS_EXPORTER, "none stands beside other exporters and is ignored");
    }
    (none || !exporters.is_empty()).then_some(exporters)
}

fn exemplar_filter(reader: &mut Reader<'_>) -> Option<ExemplarFilter> {
    let name = reader.text(EXEMPLAR_FILTER)?;
    match name.to_ascii_lowercase().as_str() {
        "trace_based" => Some(ExemplarFilter::TraceBased),
        "always_on" => Some(ExemplarFilter::AlwaysOn),
        "always_off" => Some(ExemplarFilter::AlwaysOff),
        _ => {
            reader.problem(
                EXEMPLAR_FILTER,
                format!(
                    "{name:?} is not a filter of exemplars and is ignored; known are trace_based, always_on and always_off"
                ),
            );
            None
        }
    }
}
