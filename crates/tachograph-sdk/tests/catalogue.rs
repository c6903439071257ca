//! The instruments of a program as a document, and the check that holds the program to it.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Value;
use tachograph_macros::{AttributeValue, Attributes, ErrorType};
use tachograph_sdk::catalogue::Catalogue;
use tachograph_sdk::testing::CatalogueFile;
use tachograph_sdk::{Counter, Gauge, Histogram, Meter, MeterProvider, Static, declare};

#[derive(AttributeValue)]
#[attribute(crate = "tachograph_sdk")]
#[allow(dead_code, reason = "declared, not recorded")]
enum Channel {
    Web,
    App,
}

#[derive(Debug, ErrorType)]
#[attribute(crate = "tachograph_sdk")]
#[allow(dead_code, reason = "declared, not recorded")]
enum Failure {
    TimedOut,
    #[attribute(other)]
    Other,
}

#[derive(Attributes)]
#[attribute(crate = "tachograph_sdk")]
struct Customer<'a> {
    tier: &'a str,
}

#[derive(Attributes)]
#[attribute(crate = "tachograph_sdk")]
struct Created<'a> {
    channel: Option<Channel>,
    express: bool,
    #[attribute(flatten, prefix = "customer.")]
    customer: Customer<'a>,
    #[attribute(flatten)]
    result: Result<(), Failure>,
}

static QUEUE: Static<Gauge<i64>> = declare("shop.queue", "queue.depth").with_unit("{order}").build();

/// A provider with instruments of every sort; `orders` is the name of one of them.
fn shop(orders: &'static str) -> MeterProvider {
    let provider = MeterProvider::new();
    let meter = provider.meter_builder("shop").with_version("1.2").build();
    let _orders: Counter<u64, Created<'_>> =
        meter.counter(orders).with_unit("{order}").with_description("Orders | created").build();
    let _latency: Histogram<f64> = meter
        .histogram("latency")
        .with_unit("s")
        .with_boundaries([0.5, 1.0])
        .with_cardinality_limit(50)
        .build();
    let _none: Counter<u64, ()> = meter.counter("restarts").build();
    let _observed = provider.meter("api").as_otel().u64_observable_gauge("observed").build();
    QUEUE.declare_in(&provider);
    provider
}

fn json(provider: &MeterProvider) -> Value {
    serde_json::from_str(&Catalogue::of(provider).to_json()).expect("JSON")
}

#[test]
fn every_instrument_is_in_the_json_with_all_that_is_known_of_it() {
    let page = json(&shop("orders"));
    let instruments = page["instruments"].as_array().expect("an array");
    let names: Vec<_> = instruments.iter().map(|one| one["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["observed", "latency", "orders", "restarts", "queue.depth"]);
    assert_eq!(
        instruments[2],
        serde_json::json!({
            "scope": "shop",
            "name": "orders",
            "kind": "counter",
            "number": "u64",
            "unit": "{order}",
            "description": "Orders | created",
            "cardinality_limit": 2000,
            "open_attributes": false,
            "attributes": [
                { "key": "channel", "type": "string", "optional": true, "open": false, "values": ["app", "web"] },
                { "key": "customer.tier", "type": "string", "optional": false, "open": true, "values": [] },
                { "key": "error.type", "type": "string", "optional": true, "open": false, "values": ["_OTHER", "timed_out"] },
                { "key": "express", "type": "boolean", "optional": false, "open": false, "values": [false, true] },
            ],
        })
    );
    assert_eq!(instruments[1]["boundaries"], serde_json::json!([0.5, 1.0]));
    assert_eq!(instruments[1]["cardinality_limit"], 50);
    assert_eq!(instruments[1]["open_attributes"], true);
    assert_eq!(instruments[3]["open_attributes"], false);
    assert_eq!(instruments[0]["kind"], "observable_gauge");
    assert_eq!(instruments[4]["number"], "i64");
}

#[test]
fn a_static_that_nobody_used_is_there_once_it_is_declared() {
    static UNUSED: Static<Counter<u64>> = declare("shop", "unused").build();
    let provider = MeterProvider::new();
    assert_eq!(Catalogue::of(&provider).entries().len(), 0);
    UNUSED.declare_in(&provider);
    UNUSED.declare_in(&provider);
    let catalogue = Catalogue::of(&provider);
    assert_eq!(catalogue.entries().len(), 1);
    assert_eq!((catalogue.entries()[0].name(), catalogue.entries()[0].scope()), ("unused", "shop"));
}

#[test]
fn an_instrument_that_is_declared_twice_has_the_attributes_of_both() {
    #[derive(Attributes)]
    #[attribute(crate = "tachograph_sdk")]
    struct Other {
        channel: bool,
        extra: bool,
    }
    let provider = MeterProvider::new();
    let meter = provider.meter("shop");
    let _first: Counter<u64, Created<'_>> = meter.counter("orders").build();
    let _second: Counter<u64, Other> = meter.counter("orders").build();
    let catalogue = Catalogue::of(&provider);
    assert_eq!(catalogue.entries().len(), 1);
    let attributes = catalogue.entries()[0].attributes();
    let keys: Vec<_> = attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(keys, ["channel", "customer.tier", "error.type", "express", "extra"]);
    let channel = attributes[0].value;
    assert!(channel.is_open() && channel.is_optional() && channel.kind().as_str() == "any");
    // Each of these is declared in one place, and absent where the other records.
    assert!(attributes[1..].iter().all(|attribute| attribute.value.is_optional()), "{attributes:?}");
}

#[test]
fn the_order_in_which_instruments_are_made_changes_nothing() {
    let provider = MeterProvider::new();
    QUEUE.declare_in(&provider);
    let meter = provider.meter_builder("shop").with_version("1.2").build();
    let _none: Counter<u64, ()> = meter.counter("restarts").build();
    let mut other = Catalogue::of(&shop("orders"));
    other.retain(|entry| ["restarts", "queue.depth"].contains(&entry.name()));
    assert_eq!(Catalogue::of(&provider).to_json(), other.to_json());
}

#[test]
fn the_markdown_has_a_section_for_each_instrument() {
    let page = Catalogue::of(&shop("orders")).to_markdown();
    let expected = "## shop\n\
        \n\
        ### `latency`\n\
        \n\
        - kind: histogram of f64\n\
        - unit: `s`\n\
        - boundaries: 0.5, 1\n\
        - at most 50 attribute sets\n\
        - attributes: not declared\n\
        \n\
        ### `orders`\n\
        \n\
        Orders \\| created\n\
        \n\
        - kind: counter of u64\n\
        - unit: `{order}`\n\
        - at most 2000 attribute sets\n\
        \n\
        | attribute | type | values | |\n\
        |---|---|---|---|\n\
        | `channel` | string | `app`, `web` | may be absent |\n\
        | `customer.tier` | string | any | always |\n\
        | `error.type` | string | `_OTHER`, `timed_out` | may be absent |\n\
        | `express` | boolean | `false`, `true` | always |\n\
        \n\
        ### `restarts`\n\
        \n\
        - kind: counter of u64\n\
        - at most 2000 attribute sets\n\
        - attributes: none\n";
    assert!(page.contains(expected), "{page}");
}

/// A path of this test's own, without a file.
fn path(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("catalogue").join(name);
    let _ = fs::remove_file(&path);
    path
}

#[test]
fn a_renamed_instrument_fails_the_check_and_both_names_are_shown() {
    for name in ["renamed.json", "renamed.md"] {
        let path = path(name);
        let before = Catalogue::of(&shop("order.created.total"));
        CatalogueFile::new(&path).updated_if(true).check(&before);
        CatalogueFile::new(&path).check(&before);

        let after = Catalogue::of(&shop("orders.created"));
        let difference = CatalogueFile::new(&path).compare(&after).expect_err("a difference").to_string();
        let shown = |mark: char, name: &str| {
            difference.lines().any(|line| line.starts_with(mark) && line.contains(name))
        };
        assert!(shown('-', "order.created.total") && shown('+', "orders.created"), "{difference}");
        assert!(difference.contains(&path.display().to_string()), "{difference}");
        CatalogueFile::new(&path).allowing_additions().compare(&after).expect_err("a renamed one is gone");
        CatalogueFile::new(&path).compare(&before).expect("a comparison writes nothing");

        CatalogueFile::new(&path).updated_if(true).check(&after);
        CatalogueFile::new(&path).check(&after);
    }
}

#[test]
fn what_is_dropped_or_changed_fails_and_what_is_added_may_be_allowed() {
    for name in ["dropped.json", "dropped.md"] {
        let path = path(name);
        let provider = shop("orders");
        let before = Catalogue::of(&provider);
        CatalogueFile::new(&path).updated_if(true).check(&before);

        let mut dropped = before.clone();
        dropped.retain(|entry| entry.name() != "restarts");
        CatalogueFile::new(&path).allowing_additions().compare(&dropped).expect_err("one is gone");

        let _added: Counter<u64> = provider.meter("shop").counter("zz.added").build();
        let added = Catalogue::of(&provider);
        CatalogueFile::new(&path).compare(&added).expect_err("one is new");
        CatalogueFile::new(&path).allowing_additions().check(&added);
    }
}

/// A catalogue of a library in some versions at once.
fn library(versions: &[&'static str]) -> Catalogue {
    let provider = MeterProvider::new();
    for version in versions {
        let meter = provider.meter_builder("library").with_version(*version).build();
        let _calls: Counter<u64, ()> = meter.counter("calls").build();
        let _errors: Counter<u64, Express> = meter.counter("errors").build();
    }
    Catalogue::of(&provider)
}

#[test]
fn a_release_of_an_instrumented_library_is_no_difference_nor_are_two_at_once() {
    let before = library(&["1.9"]);
    for name in ["released.json", "released.md"] {
        let path = path(name);
        CatalogueFile::new(&path).updated_if(true).check(&before);
        for versions in [&["1.10"][..], &[], &["1.9", "2.0"], &["2.0", "1.10", "0.1"]] {
            let after = library(versions);
            assert_eq!(after.entries().len(), 2 * versions.len(), "entries know their versions");
            for file in [CatalogueFile::new(&path), CatalogueFile::new(&path).allowing_additions()] {
                assert_eq!(file.compare(&after).is_err(), versions.is_empty(), "{versions:?}");
            }
        }
    }
}

#[test]
fn versions_that_declare_an_instrument_otherwise_are_both_there() {
    let provider = MeterProvider::new();
    let _old: Counter<u64, ()> =
        provider.meter_builder("library").with_version("1").build().counter("n").build();
    let _new: Counter<f64, ()> =
        provider.meter_builder("library").with_version("2").build().counter("n").build();
    let page = json(&provider);
    let instruments = page["instruments"].as_array().expect("an array");
    let numbers: Vec<_> = instruments.iter().map(|one| one["number"].as_str()).collect();
    assert_eq!(numbers, [Some("u64"), Some("f64")]);
    assert_eq!(Catalogue::of(&provider).to_markdown().matches("## library\n").count(), 1);
}

#[derive(Attributes)]
#[attribute(crate = "tachograph_sdk")]
struct Express {
    express: bool,
}

/// A catalogue of what is declared of one meter.
fn catalogue_of(declare: impl FnOnce(&Meter)) -> Catalogue {
    let provider = MeterProvider::new();
    declare(&provider.meter("shop"));
    Catalogue::of(&provider)
}

#[test]
fn what_goes_from_an_instrument_is_gone_whatever_comes_with_the_next() {
    let before = catalogue_of(|meter| {
        let _orders: Counter<u64, Express> = meter.counter("orders").build();
    });
    let other_kind = catalogue_of(|meter| {
        let _orders: Histogram<u64, Express> = meter.histogram("orders").build();
        let _count: Counter<u64, Express> = meter.counter("orders.count").build();
    });
    let without_attribute = catalogue_of(|meter| {
        let _orders: Counter<u64, ()> = meter.counter("orders").build();
        let _count: Counter<u64, Express> = meter.counter("orders.count").build();
    });
    for name in ["moved.json", "moved.md"] {
        let path = path(name);
        CatalogueFile::new(&path).updated_if(true).check(&before);
        for (after, gone) in [(&other_kind, "counter"), (&without_attribute, "express")] {
            let error = CatalogueFile::new(&path).allowing_additions().compare(after).expect_err("gone");
            let error = error.to_string();
            let (_, missing) = error.split_once("gone or changed:").expect("what is gone");
            assert!(missing.contains("orders") && missing.contains(gone), "{error}");
        }
    }
}

#[test]
fn a_description_and_the_first_attribute_are_additions() {
    let before = catalogue_of(|meter| {
        let _restarts: Counter<u64, ()> = meter.counter("restarts").build();
    });
    let after = catalogue_of(|meter| {
        let restarts = meter.counter("restarts").with_description("# of restarts");
        let _restarts: Counter<u64, Express> = restarts.build();
    });
    for name in ["described.json", "described.md"] {
        let path = path(name);
        CatalogueFile::new(&path).updated_if(true).check(&before);
        CatalogueFile::new(&path).allowing_additions().check(&after);
        CatalogueFile::new(&path).compare(&after).expect_err("a difference");
        CatalogueFile::new(&path).updated_if(true).check(&after);
        CatalogueFile::new(&path).allowing_additions().compare(&before).expect_err("gone");
    }
}

#[test]
fn a_catalogue_that_is_not_there_or_cannot_be_written_says_so() {
    let catalogue = Catalogue::of(&shop("orders"));
    let missing = CatalogueFile::new(path("missing.json")).compare(&catalogue).expect_err("no file");
    assert!(missing.to_string().contains("cannot be read"), "{missing}");
    let folder = env!("CARGO_TARGET_TMPDIR");
    let error = CatalogueFile::new(folder).updated_if(true).compare(&catalogue).expect_err("a folder");
    assert!(error.to_string().contains("cannot be"), "{error}");
}

#[test]
#[should_panic(expected = "the instruments are not those of the catalogue")]
fn the_check_panics_with_what_differs() {
    let path = path("panics.json");
    CatalogueFile::new(&path).updated_if(true).check(&Catalogue::of(&shop("a")));
    CatalogueFile::new(&path).check(&Catalogue::of(&shop("b")));
}

#[test]
fn line_ends_of_another_system_are_no_difference() {
    let path = path("ends.json");
    let catalogue = Catalogue::of(&shop("orders"));
    CatalogueFile::new(&path).updated_if(true).check(&catalogue);
    let text = fs::read_to_string(&path).expect("a file").replace('\n', "\r\n");
    fs::write(&path, text).expect("written");
    CatalogueFile::new(&path).check(&catalogue);
}

proptest! {
    #[test]
    fn whatever_the_texts_are_the_json_is_json_and_says_the_same(
        name in "[a-z][a-z./_-]{0,20}", scope in any::<String>(), description in any::<String>(),
        bounds in proptest::collection::btree_set(-1_000_i32..1_000, 0..5), scale in 1e-300_f64..1e300,
    ) {
        let provider = MeterProvider::new();
        let bounds: Vec<f64> = bounds.into_iter().map(|bound| f64::from(bound) * scale).collect();
        let histogram: Histogram<f64> = provider
            .meter(format!("{scope}\"\\\u{1}"))
            .histogram(name.clone())
            .with_description(description.clone())
            .with_boundaries(bounds)
            .build();
        histogram.record(1.0, &());
        let page = json(&provider);
        let scope = format!("{scope}\"\\\u{1}");
        let one = &page["instruments"][0];
        prop_assert_eq!(one["name"].as_str(), Some(name.as_str()));
        prop_assert_eq!(one["description"].as_str(), Some(description.as_str()));
        prop_assert_eq!(one["scope"].as_str(), Some(scope.as_str()));
        let catalogue = Catalogue::of(&provider);
        let bounds = catalogue.entries()[0].boundaries().expect("boundaries");
        prop_assert_eq!(one["boundaries"].as_array().map(Vec::len), Some(bounds.len()));
        // That crate reads floats to within a bit or so; the standard library exactly.
        let text = catalogue.to_json();
        let list = text.lines().find_map(|line| line.trim().strip_prefix("\"boundaries\": [")).expect("a list");
        let numbers = list.trim_end_matches(',').trim_end_matches(']').split(", ").filter(|text| !text.is_empty());
        let read: Vec<f64> = numbers.map(|number| number.parse().expect("a number")).collect();
        prop_assert_eq!(read, bounds);
    }
}

#[test]
fn what_views_make_of_instruments_is_what_is_listed() {
    use tachograph_sdk::metrics::View;
    let provider = MeterProvider::builder()
        .with_view(View::of("orders").with_name("orders.created").with_attributes(["channel"]))
        .with_view(View::of("restarts").dropped())
        .build();
    let meter = provider.meter("shop");
    let _orders: Counter<u64, Created<'_>> = meter.counter("orders").build();
    let _restarts: Counter<u64, ()> = meter.counter("restarts").build();
    let catalogue = Catalogue::of(&provider);
    let names: Vec<_> = catalogue.entries().iter().map(|entry| entry.name()).collect();
    assert_eq!(names, ["orders.created"]);
    let keys: Vec<_> = catalogue.entries()[0].attributes().iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["channel"]);
}
