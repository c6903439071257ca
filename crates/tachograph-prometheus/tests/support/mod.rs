//! What the tests look at pages with, make them from, and check them against.

#![allow(dead_code, reason = "each test crate uses what it needs")]

pub(crate) mod checker;
pub(crate) mod corpus;
pub(crate) mod http_server;
pub(crate) mod peers;
pub(crate) mod prometheus;
pub(crate) mod proto;

use std::collections::BTreeMap;

use tachograph_prometheus::{EscapingScheme, Exposition, Format, PrometheusExporter};
use tachograph_sdk::{MeterProvider, Resource};

/// The formats of the first page that every server reads.
pub(crate) const FORMATS: [Format; 2] = [Format::Text004, Format::OpenMetrics100];

/// Every format of text.
pub(crate) const TEXT_FORMATS: [Format; 3] = [Format::Text004, Format::Text100, Format::OpenMetrics100];

/// Every scheme.
pub(crate) const SCHEMES: [EscapingScheme; 4] =
    [EscapingScheme::Underscores, EscapingScheme::AllowUtf8, EscapingScheme::Dots, EscapingScheme::Values];

/// A provider whose resource is empty, so that a page has nothing but what the test recorded.
pub(crate) fn bare_provider() -> MeterProvider {
    MeterProvider::builder().with_resource(Resource::builder_empty().build()).build()
}

/// An exporter without the scope's labels on every line.
pub(crate) fn short_exporter(provider: &MeterProvider) -> PrometheusExporter {
    PrometheusExporter::builder(provider.reader()).with_scope_labels(false).build()
}

/// A page, checked.
pub(crate) fn render(exporter: &PrometheusExporter, exposition: impl Into<Exposition>) -> String {
    let exposition = exposition.into();
    let page = String::from_utf8(exporter.render(exposition)).expect("a page is UTF-8");
    if let Err(error) = checker::check(&page, exposition) {
        panic!("{error}\n{page}");
    }
    page
}

/// A checked page of the text format.
pub(crate) fn text(exporter: &PrometheusExporter) -> String {
    render(exporter, Format::Text004)
}

/// A checked page of OpenMetrics.
pub(crate) fn open_metrics(exporter: &PrometheusExporter) -> String {
    render(exporter, Format::OpenMetrics100)
}

/// The samples of a checked page: what stands before the value, and the value.
pub(crate) fn samples(page: &str) -> BTreeMap<String, String> {
    let lines = page.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
            (series.to_owned(), value.to_owned())
        })
        .collect()
}
