//! The fuzz targets over a corpus and over what is changed in it: the same functions that libFuzzer runs, on any
//! toolchain, for a bounded number of inputs that are the same each time.

#[path = "../../tachograph-propagation/fuzz/changes.rs"]
mod changes;
#[path = "../fuzz/targets.rs"]
mod targets;

use changes::run;

#[test]
fn negotiation() {
    run(
        targets::negotiation,
        &[
            b"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2\n\ngzip",
            b"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6\ntext/plain;version=1.0.0;escaping=\"values\"",
            b"text/plain;q=0,application/*\n\nidentity;q=0, *;q=0.5, zstd",
        ],
    );
}

#[test]
fn credentials() {
    run(
        targets::credentials,
        &[b"Bearer s3cret", b"basic bWU6aHVudGVyMg==", b"Bearer s3cret\nBasic bWU6aHVudGVyMg=="],
    );
}
