//! What each variable does, by the specification's rules.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use support::{page, reports_of};
use tachograph::{Environment, KeyValue, ResourceDetector, Telemetry};

fn build(variables: &[(&str, &str)]) -> Telemetry {
    Telemetry::builder().with_environment(Environment::from_iter(variables.iter().copied())).build().unwrap()
}

fn attribute(telemetry: &Telemetry, key: &str) -> Option<String> {
    telemetry.resource().get(key).map(ToString::to_string)
}

#[test]
fn the_service_is_named_by_code_by_default_and_by_the_environment_first() {
    const NAME: &str = "OTEL_SERVICE_NAME";
    const ATTRIBUTES: &str = "OTEL_RESOURCE_ATTRIBUTES";
    for (variables, expected) in [
        (&[][..], "default"),
        (&[(NAME, "named")], "named"),
        (&[(NAME, "")], "default"),
        (&[(NAME, "  ")], "default"),
        (&[(ATTRIBUTES, "service.name=attribute")], "attribute"),
        (&[(ATTRIBUTES, "service.name=attribute"), (NAME, "named")], "named"),
    ] {
        let builder = || {
            Telemetry::builder()
                .with_environment(Environment::from_iter(variables.iter().copied()))
                .default_service_name("default")
        };
        assert_eq!(
            attribute(&builder().build().unwrap(), "service.name").unwrap(),
            expected,
            "{variables:?}"
        );
        let insisted = builder().with_service_name("insisted").build().unwrap();
        assert_eq!(attribute(&insisted, "service.name").unwrap(), "insisted", "{variables:?}");
    }
}

#[test]
fn without_any_name_the_service_is_unknown_and_says_its_executable() {
    let name = attribute(&build(&[]), "service.name").unwrap();
    assert!(name.starts_with("unknown_service:environment"), "{name}");
}

#[test]
fn resource_attributes_are_percent_decoded_and_give_way_to_code() {
    struct Host;
    impl ResourceDetector for Host {
        fn detect(&self) -> Vec<KeyValue> {
            vec![KeyValue::new("host.name", "detected"), KeyValue::new("a", "detected")]
        }
    }
    let variables =
        [("OTEL_RESOURCE_ATTRIBUTES", " a=1 , b = two%2C%20three%3D4 ,c=x=y,,e=,%C3%A9=%25,z=env")];
    let telemetry = Telemetry::builder()
        .with_resource_detector(&Host)
        .with_environment(Environment::from_iter(variables))
        .with_resource_attribute(KeyValue::new("z", "code"))
        .build()
        .unwrap();
    for (key, expected) in [
        ("host.name", "detected"),
        ("a", "1"),
        ("b", "two, three=4"),
        ("c", "x=y"),
        ("e", ""),
        ("é", "%"),
        ("z", "code"),
    ] {
        assert_eq!(attribute(&telemetry, key).as_deref(), Some(expected), "{key}");
    }
}

#[test]
fn one_malformed_resource_attribute_discards_them_all_with_a_warning() {
    let mut warnings = Vec::new();
    for malformed in
        ["a=1,b", "a=1,=2", "a=1,b=%", "a=1,b=%4", "a=1,b=%zz", "a=1,b=%+1", "a=1,b=%ff", "a=1,%ff=2"]
    {
        let variables = [("OTEL_RESOURCE_ATTRIBUTES", malformed), ("OTEL_METRICS_EXPORTER", "none")];
        let (telemetry, reports) = reports_of(|| build(&variables));
        assert_eq!(attribute(&telemetry, "a"), None, "{malformed}");
        warnings.extend(reports);

        let strict = Telemetry::builder().with_environment(Environment::from_iter(variables)).strict();
        let error = strict.build().unwrap_err();
        assert!(error.is_environment() && !error.is_port());
        assert!(error.to_string().contains("OTEL_RESOURCE_ATTRIBUTES"), "{error}");
    }
    // Further ones about the same variable are kept back for a minute.
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    for part in ["OTEL_RESOURCE_ATTRIBUTES", "no equals sign", "whole value is ignored"] {
        assert!(warnings[0].contains(part), "{warnings:?}");
    }
}

#[test]
fn a_variable_that_makes_no_sense_is_reported_and_as_if_unset() {
    let variables = [("OTEL_EXPORTER_PROMETHEUS_PORT", "70000"), ("OTEL_METRICS_EXPORTER", "none")];
    let (telemetry, reports) = reports_of(|| build(&variables));
    assert_eq!(reports.len(), 1, "{reports:?}");
    for part in ["OTEL_EXPORTER_PROMETHEUS_PORT", "70000", "default"] {
        assert!(reports[0].contains(part), "{reports:?}");
    }
    assert!(page(&telemetry).contains("target_info"));
}

#[test]
fn a_strict_builder_names_every_variable_that_makes_no_sense() {
    let variables = [
        ("OTEL_EXPORTER_PROMETHEUS_PORT", "-1"),
        ("OTEL_METRICS_EXPORTER", "carrier-pigeon"),
        ("OTEL_SDK_DISABLED", "yes"),
        ("OTEL_TRACES_SAMPLER", "now_and_then"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("RUST_LOG", "shop=chatty"),
    ];
    let strict = || Telemetry::builder().with_environment(Environment::from_iter(variables)).strict();
    let error = strict().build().unwrap_err();
    for (variable, value) in variables {
        assert!(error.to_string().contains(variable) && error.to_string().contains(value), "{error}");
    }
    assert!(strict().without_environment().build().is_ok());
}

#[test]
fn the_sdk_is_disabled_by_true_in_whatever_case_and_by_nothing_else() {
    for (value, disabled) in
        [("true", true), ("TRUE", true), (" True ", true), ("false", false), ("1", false), ("", false)]
    {
        let telemetry = build(&[("OTEL_SDK_DISABLED", value), ("OTEL_METRICS_EXPORTER", "none")]);
        let counter = telemetry.meter("test").counter("made").build::<u64, ()>();
        counter.add(1, &());
        assert_eq!(page(&telemetry).is_empty(), disabled, "{value}");
        assert_eq!(telemetry.shutdown_blocking().disabled, disabled, "{value}");
    }
}

#[test]
fn a_disabled_sdk_opens_no_port_not_even_one_named_in_code() {
    let variables = [("OTEL_SDK_DISABLED", "true"), ("OTEL_METRICS_EXPORTER", "prometheus")];
    let telemetry = Telemetry::builder()
        .with_environment(Environment::from_iter(variables))
        .with_prometheus_address("localhost:0")
        .build()
        .unwrap();
    assert_eq!(telemetry.prometheus_addresses(), []);
}

#[test]
fn exporters_are_told_apart_in_whatever_case_and_unknown_ones_are_ignored() {
    for (value, opens) in [
        ("prometheus", true),
        ("Prometheus", true),
        ("otlp,prometheus", true),
        ("prometheus , carrier-pigeon", true),
        ("none,prometheus", true),
        ("otlp", false),
        ("none", false),
        ("carrier-pigeon", false),
        ("console", false),
        ("", false),
    ] {
        let telemetry = build(&[
            ("OTEL_METRICS_EXPORTER", value),
            ("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1"),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
        ]);
        assert_eq!(!telemetry.prometheus_addresses().is_empty(), opens, "{value}");
    }
}

#[test]
fn known_http_methods_are_passed_to_the_layer() {
    let telemetry = build(&[("OTEL_INSTRUMENTATION_HTTP_KNOWN_METHODS", "GET, BREW")]);
    let layer = format!("{:?}", telemetry.http_server_layer());
    assert!(layer.contains("BREW") && !layer.contains("POST"), "{layer}");
}

#[test]
fn a_loopback_port_in_a_container_is_said_to_be_out_of_reach() {
    let open = |host: &'static str| {
        reports_of(|| {
            build(&[
                ("KUBERNETES_SERVICE_HOST", "10.0.0.1"),
                ("OTEL_METRICS_EXPORTER", "prometheus"),
                ("OTEL_EXPORTER_PROMETHEUS_HOST", host),
                ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
            ])
        })
    };
    let (_telemetry, reports) = open("127.0.0.1");
    assert_eq!(reports.len(), 1, "{reports:?}");
    assert!(reports[0].contains("container") && reports[0].contains("0.0.0.0"), "{reports:?}");
    let (_telemetry, reports) = open("0.0.0.0");
    assert_eq!(reports, Vec::<String>::new());
}

#[test]
fn where_nothing_asks_for_an_exporter_it_is_said_once_that_otlp_is_not_built_in() {
    let (_, reports) = reports_of(|| (build(&[]), build(&[]), build(&[("OTEL_METRICS_EXPORTER", "otlp")])));
    let about_otlp = reports.iter().filter(|report| report.contains("OTLP")).count();
    // Another test of this process may have been first.
    assert!(about_otlp <= 1, "{reports:?}");
    let (_, reports) = reports_of(|| build(&[("OTEL_METRICS_EXPORTER", "none")]));
    assert_eq!(reports, Vec::<String>::new());
}
