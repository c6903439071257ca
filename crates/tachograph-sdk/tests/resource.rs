//! What telemetry is about, by default and as told.

mod support;

use opentelemetry::{KeyValue, Value};
use support::{only, reports_of};
use tachograph_sdk::Resource;
use tachograph_sdk::resource::{ProcessDetector, ResourceDetector, SdkDetector, ServiceDetector};

fn text(resource: &Resource, key: &str) -> String {
    resource.get(key).unwrap_or_else(|| panic!("{key} is missing in {resource:?}")).as_str().into_owned()
}

struct Fixed(Vec<KeyValue>, Option<&'static str>);

impl ResourceDetector for Fixed {
    fn detect(&self) -> Vec<KeyValue> {
        self.0.clone()
    }

    fn schema_url(&self) -> Option<&str> {
        self.1
    }
}

fn pair(key: &'static str, value: impl Into<Value>) -> KeyValue {
    KeyValue::new(key, value)
}

#[test]
fn the_default_names_service_instance_sdk_and_process() {
    let resource = Resource::default();
    let executable = std::env::current_exe().unwrap();
    let name = executable.file_name().unwrap().to_str().unwrap();
    assert_eq!(text(&resource, "service.name"), format!("unknown_service:{name}"));
    assert_eq!(text(&resource, "telemetry.sdk.name"), "tachograph");
    assert_eq!(text(&resource, "telemetry.sdk.language"), "rust");
    assert_eq!(text(&resource, "telemetry.sdk.version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(text(&resource, "process.executable.name"), name);
    assert_eq!(text(&resource, "process.executable.path"), executable.to_str().unwrap());
    assert_eq!(resource.get("process.pid"), Some(&Value::I64(i64::from(std::process::id()))));
    assert!(resource.schema_url().unwrap().starts_with("https://opentelemetry.io/schemas/1."));
}

#[test]
fn the_instance_is_a_random_uuid_that_is_the_same_throughout_the_process() {
    let id = text(&Resource::default(), "service.instance.id");
    assert_eq!(text(&Resource::builder().build(), "service.instance.id"), id);
    let parts: Vec<&str> = id.split('-').collect();
    assert_eq!(parts.iter().map(|part| part.len()).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{id}");
    assert!(id.chars().all(|c| c == '-' || matches!(c, '0'..='9' | 'a'..='f')), "{id}");
    assert!(parts[2].starts_with('4'), "version 4: {id}");
    assert!(matches!(parts[3].as_bytes()[0], b'8' | b'9' | b'a' | b'b'), "the variant of RFC 9562: {id}");
}

#[test]
fn what_is_said_later_replaces_what_was_said_before() {
    let resource = Resource::builder()
        .with_service_name("first")
        .with_attribute(pair("k", 1))
        .with_attributes([pair("service.name", "second"), pair("k", 2), pair("k", 3)])
        .build();
    assert_eq!(text(&resource, "service.name"), "second");
    assert_eq!(resource.get("k"), Some(&Value::I64(3)));
    let detected = Resource::builder().with_service_name("told").with_detector(&ServiceDetector).build();
    assert!(text(&detected, "service.name").starts_with("unknown_service:"), "in the order of the calls");
}

#[test]
fn an_empty_builder_begins_with_nothing() {
    let resource = Resource::builder_empty().build();
    assert!(resource.attributes().is_empty());
    assert_eq!(resource.schema_url(), None);
    let detected =
        Resource::builder_empty().with_detector(&SdkDetector).with_detector(&ProcessDetector).build();
    assert!(detected.get("service.name").is_none() && detected.get("telemetry.sdk.name").is_some());
}

#[test]
fn an_empty_key_is_left_out_and_reported() {
    let mut resource = None;
    let reports = reports_of(|| {
        resource =
            Some(Resource::builder_empty().with_attributes([pair("", "lost"), pair("k", "kept")]).build());
    });
    let report = only(&reports, "resource.key");
    assert!(report.message.contains("lost"), "{}", report.message);
    assert_eq!(resource.unwrap().attributes().len(), 1);
}

#[test]
fn a_detector_that_panics_is_contained_and_reported() {
    struct Panicking;
    impl ResourceDetector for Panicking {
        fn detect(&self) -> Vec<KeyValue> {
            panic!("no such cloud");
        }
    }
    let mut resource = None;
    let reports = reports_of(|| {
        let builder = Resource::builder_empty().with_attribute(pair("k", 1));
        resource = Some(builder.with_detector(&Panicking).with_attribute(pair("l", 2)).build());
    });
    let report = only(&reports, "resource.detector");
    assert!(report.message.contains("no such cloud"), "{}", report.message);
    assert_eq!(resource.unwrap().attributes().len(), 2);
}

#[test]
fn merging_takes_all_and_the_updating_resource_wins_even_with_nothing() {
    let old =
        Resource::builder_empty().with_attributes([pair("a", 1), pair("b", "old"), pair("c", "x")]).build();
    let updating =
        Resource::builder_empty().with_attributes([pair("b", "new"), pair("c", ""), pair("d", 4)]).build();
    let merged = old.merge(&updating);
    let expected = [pair("a", 1), pair("b", "new"), pair("c", ""), pair("d", 4)];
    assert_eq!(merged, Resource::builder_empty().with_attributes(expected).build());
    assert_eq!(old.get("b"), Some(&"old".into()), "neither is changed");
}

fn with_schema(url: Option<&'static str>) -> Resource {
    let builder = Resource::builder_empty().with_attribute(pair("k", 1));
    match url {
        Some(url) => builder.with_schema_url(url).build(),
        None => builder.build(),
    }
}

#[test]
fn merging_keeps_the_schema_that_there_is() {
    let merged =
        |old, updating| with_schema(old).merge(&with_schema(updating)).schema_url().map(str::to_owned);
    let reports = reports_of(|| {
        assert_eq!(merged(None, None), None);
        assert_eq!(merged(Some("one"), None).as_deref(), Some("one"));
        assert_eq!(merged(None, Some("two")).as_deref(), Some("two"));
        assert_eq!(merged(Some("one"), Some("one")).as_deref(), Some("one"));
        assert_eq!(merged(Some(""), Some("two")).as_deref(), Some("two"));
    });
    assert_eq!(reports, []);
}

#[test]
fn schemas_that_differ_leave_none_and_are_reported() {
    let mut merged = None;
    let reports =
        reports_of(|| merged = Some(with_schema(Some("merge 1")).merge(&with_schema(Some("merge 2")))));
    let report = only(&reports, "resource.schema");
    assert!(report.message.contains("merge 1") && report.message.contains("merge 2"), "{}", report.message);
    let merged = merged.unwrap();
    assert_eq!(merged.schema_url(), None);
    assert_eq!(merged.attributes().len(), 1);
}

#[test]
fn detectors_bring_their_schema_unless_they_find_nothing_or_another_is_given() {
    let one = Fixed(vec![pair("a", 1)], Some("detected 1"));
    let two = Fixed(vec![pair("b", 2)], Some("detected 2"));
    let nothing = Fixed(vec![], Some("detected 3"));
    let schemaless = Fixed(vec![pair("c", 3)], None);
    let built = |detectors: &[&Fixed]| {
        detectors.iter().fold(Resource::builder_empty(), |builder, detector| builder.with_detector(*detector))
    };
    let reports = reports_of(|| {
        assert_eq!(built(&[&one, &nothing, &schemaless]).build().schema_url(), Some("detected 1"));
        let given =
            Resource::builder_empty().with_schema_url("given").with_detector(&one).with_detector(&two);
        assert_eq!(given.build().schema_url(), Some("given"));
    });
    assert_eq!(reports, []);
    let reports = reports_of(|| {
        assert_eq!(built(&[&one, &two, &one]).build().schema_url(), None);
        assert_eq!(built(&[&one, &two]).with_schema_url("given").build().schema_url(), Some("given"));
    });
    only(&reports, "resource.schema");
}

#[test]
fn attributes_come_sorted_and_without_duplicates() {
    let resource =
        Resource::builder_empty().with_attributes([pair("b", 1), pair("a", 2), pair("b", 3)]).build();
    let keys: Vec<&str> = resource.attributes().iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["a", "b"]);
}
