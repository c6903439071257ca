//! What is fuzzed: every parser of the environment's variables.
//!
//! libFuzzer runs these functions by the programs in `fuzz_targets/`; on any toolchain and within a bounded time,
//! the test `fuzz_targets` runs them over a corpus and over what it changes in it.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tachograph::{Environment, Error, Resource, Telemetry};

/// All but those of OTLP, which the exporter reads, and of the console's filter, which is another library's.
const VARIABLES: [&str; 22] = [
    "OTEL_TRACES_SAMPLER",
    "OTEL_TRACES_SAMPLER_ARG",
    "OTEL_PROPAGATORS",
    "OTEL_TRACES_EXPORTER",
    "OTEL_METRICS_EXPORTER",
    "OTEL_SERVICE_NAME",
    "OTEL_EXPORTER_PROMETHEUS_HOST",
    "OTEL_EXPORTER_PROMETHEUS_PORT",
    "OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS",
    "OTEL_BSP_SCHEDULE_DELAY",
    "OTEL_BSP_EXPORT_TIMEOUT",
    "OTEL_BSP_MAX_QUEUE_SIZE",
    "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",
    "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
    "OTEL_RESOURCE_ATTRIBUTES",
];

/// Each line of the data is the value of a variable, in the order of [`VARIABLES`].
pub(crate) fn variables(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let set = VARIABLES.into_iter().zip(text.split('\n'));
    if let Err(error) = read(set.clone()) {
        let error = error.to_string();
        assert!(set.into_iter().any(|(name, _)| error.contains(name)), "{error} names no variable");
    }
}

/// The data is the value of `OTEL_RESOURCE_ATTRIBUTES`.
pub(crate) fn resource(data: &[u8]) {
    const VARIABLE: &str = "OTEL_RESOURCE_ATTRIBUTES";
    let text = String::from_utf8_lossy(data);
    match read([(VARIABLE, &*text)]) {
        Err(error) => assert!(error.to_string().contains(VARIABLE), "{error}"),
        Ok(resource) => {
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let written = texts(&resource);
            let written = written.iter().map(|(key, value)| format!("{}={}", encode(key), encode(value)));
            let written = written.collect::<Vec<_>>().join(",");
            let again = read([(VARIABLE, &*written)]).expect("what was read can be written and read again");
            assert_eq!(texts(&again), texts(&resource), "{written}");
        }
    }
}

/// The attributes; those that are no texts, which the SDK adds, as texts.
fn texts(resource: &Resource) -> Vec<(String, String)> {
    let attributes = resource.attributes().iter();
    attributes.map(|(key, value)| (key.to_string(), value.to_string())).collect()
}

/// The resource that a `Telemetry` has of these variables. It is disabled, which changes nothing of how they are read,
/// so that it opens no port and starts no thread.
fn read<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Resource, Error> {
    let disabled = ("OTEL_SDK_DISABLED", "true");
    let environment = Environment::from_iter(variables.into_iter().chain([disabled]));
    let telemetry = Telemetry::builder().with_environment(environment).strict().build()?;
    Ok(telemetry.tracer_provider().resource().clone())
}
