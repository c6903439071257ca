//! A sampler, a clock and a generator of ids of the user's own that panic.

mod support;

use opentelemetry::trace::{Span as _, SpanId, TraceId, Tracer as _};
use support::reports_of;
use tachograph_sdk::testing::InMemorySpanExporter;
use tachograph_sdk::trace::{IdGenerator, Sampler, Sampling, SamplingInput, TracerProvider};
use tachograph_sdk::{Clock, Resource};

/// Panics wherever it is called.
#[derive(Debug)]
struct Panics;

impl Sampler for Panics {
    fn sample(&self, _: &SamplingInput<'_>) -> Sampling {
        panic!("this test's own, of the sampler");
    }
}

impl IdGenerator for Panics {
    fn new_trace_id(&self) -> TraceId {
        panic!("this test's own, of the ids");
    }

    fn new_span_id(&self) -> SpanId {
        panic!("this test's own, of the ids");
    }
}

impl Clock for Panics {
    fn unix_nanos(&self) -> u64 {
        panic!("this test's own, of the clock");
    }
}

#[test]
fn a_sampler_that_panics_drops_the_span_and_is_reported() {
    let reports = reports_of(|| {
        let exporter = InMemorySpanExporter::new();
        let provider = TracerProvider::builder()
            .with_resource(Resource::builder_empty().build())
            .with_sampler(Panics)
            .with_simple_exporter(exporter.clone())
            .build();
        let span = provider.tracer("test").start("span");
        assert!(span.span_context().is_valid() && !span.is_recording());
        drop(span);
        assert!(exporter.spans().is_empty());
        assert_eq!(provider.account().started, 1, "it is counted like any other");
    });
    assert!(
        format!("{reports:?}").contains("the sampler panicked: this test's own, of the sampler"),
        "{reports:?}"
    );
}

#[test]
fn a_clock_and_a_generator_of_ids_that_panic_are_replaced_and_reported() {
    let reports = reports_of(|| {
        let exporter = InMemorySpanExporter::new();
        let provider = TracerProvider::builder()
            .with_resource(Resource::builder_empty().build())
            .with_ids(Panics)
            .with_clock(Panics)
            .with_simple_exporter(exporter.clone())
            .build();
        drop(provider.tracer("test").start("span"));
        let spans = exporter.spans();
        assert!(spans[0].trace_id != TraceId::INVALID && spans[0].span_id != SpanId::INVALID);
    });
    let reports = format!("{reports:?}");
    for what in ["the clock panicked", "the generator of ids panicked"] {
        assert!(reports.contains(what), "{what}: {reports}");
    }
}
