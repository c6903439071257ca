//! One workload through `opentelemetry_sdk` with `opentelemetry-prometheus`, and through us: the pages are compared, and
//! each difference is listed with its reason. What is not listed is equal.

mod support;

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::TextEncoder;
use tachograph_prometheus::PrometheusExporter;
use tachograph_sdk::{MeterProvider, Resource};

/// What a service records, by the API alone.
fn workload(provider: &dyn opentelemetry::metrics::MeterProvider) {
    let scope = |name: &'static str| InstrumentationScope::builder(name).with_version("1.0").build();
    let meter = provider.meter_with_scope(scope("shop"));
    let web = [KeyValue::new("channel", "web"), KeyValue::new("region", "a\"b\\c\nd é")];

    let created = meter
        .u64_counter("order.created")
        .with_unit("{order}")
        .with_description("Orders \\ created,\nall")
        .build();
    created.add(3, &web);
    created.add(
        2,
        &[KeyValue::new("channel", "app"), KeyValue::new("express", true), KeyValue::new("items", 7)],
    );
    created.add(1, &[]);
    meter.u64_counter("requests_total").build().add(1, &[]);
    meter.f64_counter("busy_seconds").with_unit("s").build().add(1.5, &[]);
    meter.f64_counter("sent").with_unit("By").build().add(1e300, &[]);
    meter.u64_counter("tries").with_unit("1").build().add(4, &[]);
    meter.u64_counter("big").build().add(u64::MAX, &[]);
    meter.i64_up_down_counter("queue.depth").build().add(-4, &[KeyValue::new("queue", "a")]);
    meter.f64_gauge("load").with_unit("1").build().record(0.25, &[]);
    meter.f64_gauge("temperature").with_unit("Cel").build().record(-0.0125, &[KeyValue::new("core.id", 1)]);
    let size = meter.u64_histogram("size").with_unit("By").with_boundaries(vec![10.0, 1_000_000.0]).build();
    for bytes in [5, 50, 5_000_000] {
        size.record(bytes, &web);
    }
    meter.f64_histogram("took").with_unit("s").build().record(0.3, &[]);
    meter.f64_histogram("amount").build().record(12.0, &[]);

    // What is awkward.
    let awkward = meter.u64_counter("awkward").build();
    awkward.add(1, &[KeyValue::new("0x", "a"), KeyValue::new("a:b", "b")]);
    awkward.add(1, &[KeyValue::new("empty", "")]);
    awkward.add(1, &[KeyValue::new("a.b", "1"), KeyValue::new("a_b", "2")]);
    meter.u64_counter("7.wonders").build().add(7, &[]);
    meter.f64_counter("falls").build().add(-1.0, &[]);
    meter.f64_gauge("nothing").build().record(f64::NAN, &[]);

    // The same name elsewhere: as the same, and as another kind.
    let other = provider.meter_with_scope(scope("billing"));
    other
        .u64_counter("order.created")
        .with_unit("{order}")
        .with_description("Orders \\ created,\nall")
        .build()
        .add(8, &[]);
    other.f64_gauge("order_created_total").build().record(1.0, &[]);

    let observe = meter.u64_observable_counter("observed");
    let _observed =
        observe.with_callback(|observer| observer.observe(11, &[KeyValue::new("a", "b")])).build();
}

/// A page as samples and comments: what identifies each, and what it is.
fn parsed(page: &str) -> BTreeMap<String, String> {
    page.lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(comment) => {
                let mut words = comment.splitn(3, ' ');
                let (keyword, name) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
                (format!("{keyword} {name}"), words.next().unwrap_or_default().to_owned())
            }
            None => {
                let (series, value) = line.rsplit_once(' ').expect("a value");
                let number: f64 = value.parse().expect("a number");
                // Integers by their digits, floats by their value.
                let value =
                    value.parse::<u64>().map_or_else(|_| number.to_string(), |value| value.to_string());
                (sorted(series), value)
            }
        })
        .collect()
}

/// A series with its labels sorted, without those of the scope `shop`, which nearly all have.
fn sorted(series: &str) -> String {
    let Some((name, labels)) = series.strip_suffix('}').and_then(|series| series.split_once('{')) else {
        return series.to_owned();
    };
    let labels = labels.strip_suffix('"').unwrap_or(labels);
    let mut labels: Vec<_> = labels.split("\",").map(|label| format!("{label}\"")).collect();
    labels.retain(|label| {
        !["otel_scope_name=\"shop\"", "otel_scope_version=\"1.0\""].contains(&label.as_str())
    });
    labels.sort_unstable();
    if labels.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", labels.join(",")) }
}

fn ours() -> BTreeMap<String, String> {
    let resource = Resource::builder_empty().with_service_name("shop").build();
    let provider = MeterProvider::builder().with_resource(resource).build();
    workload(&provider);
    parsed(&support::text(&PrometheusExporter::new(provider.reader())))
}

fn theirs() -> BTreeMap<String, String> {
    let registry = prometheus::Registry::new();
    let exporter =
        opentelemetry_prometheus::exporter().with_registry(registry.clone()).build().expect("an exporter");
    let resource = opentelemetry_sdk::Resource::builder_empty().with_service_name("shop").build();
    let provider = SdkMeterProvider::builder().with_reader(exporter).with_resource(resource).build();
    workload(&provider);
    let page = TextEncoder::new().encode_to_string(&registry.gather()).expect("a page");
    // What it makes of one key twice is its hash's to say, now the one and now both values, so that is not compared here:
    // that ours is always the last is the engine's own test.
    parsed(&page)
}

/// What one side has and the other has not, or has otherwise, and why.
struct Difference {
    ours: &'static [(&'static str, &'static str)],
    theirs: &'static [(&'static str, &'static str)],
    why: &'static str,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        ours: &[("TYPE requests_total", "counter"), ("requests_total", "1")],
        theirs: &[("TYPE requests_total_total", "counter"), ("requests_total_total", "1")],
        why: "a suffix that the name has already is not added again",
    },
    Difference {
        ours: &[("TYPE busy_seconds_total", "counter"), ("busy_seconds_total", "1.5")],
        theirs: &[("TYPE busy_seconds_seconds_total", "counter"), ("busy_seconds_seconds_total", "1.5")],
        why: "nor is a unit",
    },
    Difference {
        ours: &[("TYPE tries_total", "counter"), ("tries_total", "4")],
        theirs: &[("TYPE tries_ratio_total", "counter"), ("tries_ratio_total", "4")],
        why: "a counter of unit 1 is not a ratio",
    },
    Difference {
        ours: &[("TYPE load", "gauge"), ("load", "0.25")],
        theirs: &[("TYPE load_ratio", "gauge"), ("load_ratio", "0.25")],
        why: "the current specification adds no `_ratio`; `with_ratio_suffix(true)` does",
    },
    Difference {
        ours: &[("big_total", "18446744073709551615")],
        theirs: &[("big_total", "18446744073709552000")],
        why: "integers are exact",
    },
    Difference {
        ours: &[("TYPE _7_wonders_total", "counter"), ("_7_wonders_total", "7")],
        theirs: &[],
        why: "an invalid name is reported, and its measurements are kept",
    },
    Difference {
        ours: &[],
        theirs: &[("TYPE falls_total", "counter"), ("falls_total", "-1")],
        why: "a counter cannot go down: the measurement is refused, counted and reported",
    },
    Difference {
        ours: &[(r#"awkward_total{a_b="b",key_0x="a"}"#, "1")],
        theirs: &[(r#"awkward_total{0x="a",a:b="b"}"#, "1")],
        why: "names of labels are legal: a server refuses a page with these",
    },
    Difference {
        ours: &[("awkward_total", "1")],
        theirs: &[(r#"awkward_total{empty=""}"#, "1")],
        why: "a label without a value is no label to a server",
    },
    Difference {
        ours: &[(r#"size_bytes_bucket{channel="web",le="1e+06",region="a\"b\\c\nd é"}"#, "2")],
        theirs: &[(r#"size_bytes_bucket{channel="web",le="1000000",region="a\"b\\c\nd é"}"#, "2")],
        why: "large bounds are spelled as Prometheus's own library spells them; servers from version 3 on keep either \
              as the same",
    },
    Difference {
        ours: &[
            (r#"took_seconds_bucket{le="0.005"}"#, "0"),
            (r#"took_seconds_bucket{le="0.01"}"#, "0"),
            (r#"took_seconds_bucket{le="0.025"}"#, "0"),
            (r#"took_seconds_bucket{le="0.05"}"#, "0"),
            (r#"took_seconds_bucket{le="0.075"}"#, "0"),
            (r#"took_seconds_bucket{le="0.1"}"#, "0"),
            (r#"took_seconds_bucket{le="0.25"}"#, "0"),
            (r#"took_seconds_bucket{le="0.5"}"#, "1"),
            (r#"took_seconds_bucket{le="0.75"}"#, "1"),
            (r#"took_seconds_bucket{le="1"}"#, "1"),
            (r#"took_seconds_bucket{le="2.5"}"#, "1"),
            (r#"took_seconds_bucket{le="7.5"}"#, "1"),
        ],
        theirs: &[
            (r#"took_seconds_bucket{le="0"}"#, "0"),
            (r#"took_seconds_bucket{le="25"}"#, "1"),
            (r#"took_seconds_bucket{le="50"}"#, "1"),
            (r#"took_seconds_bucket{le="75"}"#, "1"),
            (r#"took_seconds_bucket{le="100"}"#, "1"),
            (r#"took_seconds_bucket{le="250"}"#, "1"),
            (r#"took_seconds_bucket{le="500"}"#, "1"),
            (r#"took_seconds_bucket{le="750"}"#, "1"),
            (r#"took_seconds_bucket{le="1000"}"#, "1"),
            (r#"took_seconds_bucket{le="2500"}"#, "1"),
            (r#"took_seconds_bucket{le="5000"}"#, "1"),
            (r#"took_seconds_bucket{le="7500"}"#, "1"),
            (r#"took_seconds_bucket{le="10000"}"#, "1"),
        ],
        why: "without boundaries a histogram of seconds has those of the semantic conventions, not those made for \
              milliseconds",
    },
];

#[test]
fn every_difference_is_listed_with_its_reason() {
    let (ours, theirs) = (ours(), theirs());
    let mut only = (BTreeSet::new(), BTreeSet::new());
    for (key, value) in &ours {
        if theirs.get(key) != Some(value) {
            only.0.insert((key.as_str(), value.as_str()));
        }
    }
    for (key, value) in &theirs {
        if ours.get(key) != Some(value) {
            only.1.insert((key.as_str(), value.as_str()));
        }
    }
    for Difference { ours, theirs, why } in DIFFERENCES {
        for entry in *ours {
            assert!(only.0.remove(entry), "{entry:?} is not ours alone: {why}");
        }
        for entry in *theirs {
            assert!(only.1.remove(entry), "{entry:?} is not theirs alone: {why}");
        }
    }
    assert_eq!(only, Default::default(), "differences that are not listed: ours, theirs");
    let equal = ours.iter().filter(|(key, value)| theirs.get(*key) == Some(value)).count();
    assert!(equal > 40, "most of a page is equal: {equal}");
}
