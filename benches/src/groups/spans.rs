//! Spans: started, made current, ended; the caller's time for each.
//!
//! One operation is one span. Traces are a root and ten children under it, one after the other, each current while
//! it lives, as `in_span` does it. With attributes it is four: a static string, one that is copied, two integers. Both
//! exporters only count, from a queue that is large enough for what is measured, so that both do what they do when nothing is lost.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use opentelemetry::KeyValue;
use opentelemetry::trace::noop::NoopTracerProvider;
use opentelemetry::trace::{SpanKind, Tracer, TracerProvider as _};
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};
use tachograph_sdk::pipeline::{Batch, BatchConfig, Deadline, ExportOutcome, Exporter};
use tachograph_sdk::trace::{AlwaysOff, AlwaysOn, LiveSpan, ParentBased, SpanStart, Spans, TracerProvider};
use tachograph_sdk::{Resource, ValueRef};

use crate::alloc::counted;
use crate::bars::{Bars, Unit};
use crate::harness::{Contender, Effort, Role, Table, compare};

const OURS: &str = "tachograph, through the API";
const OURS_DIRECT: &str = "tachograph, the engine's own way in";
const PEER: &str = "opentelemetry_sdk";
const CHILDREN: usize = 10;
const QUEUE: usize = 65_536;

/// Counts what it is given; clones share the count.
#[derive(Clone, Debug, Default)]
pub(super) struct Count(pub(super) Arc<AtomicU64>);

impl Exporter<Spans> for Count {
    fn export(&mut self, batch: Batch<'_, Spans>, _: Deadline) -> ExportOutcome {
        self.0.fetch_add(batch.len() as u64, Ordering::Relaxed);
        ExportOutcome::done()
    }
}

impl SpanExporter for Count {
    async fn export(&self, batch: Vec<SpanData>) -> opentelemetry_sdk::error::OTelSdkResult {
        self.0.fetch_add(batch.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

pub(super) fn ours(sampled: bool) -> TracerProvider {
    let builder = TracerProvider::builder().with_resource(Resource::builder_empty().build());
    let builder = match sampled {
        true => builder.with_sampler(ParentBased::new(AlwaysOn)),
        false => builder.with_sampler(ParentBased::new(AlwaysOff)),
    };
    builder.with_batch_exporter(Count::default(), BatchConfig::spans().with_max_queue_size(QUEUE)).build()
}

pub(super) fn peer(sampled: bool) -> SdkTracerProvider {
    let config = BatchConfigBuilder::default().with_max_queue_size(QUEUE).build();
    let processor = BatchSpanProcessor::builder(Count::default()).with_batch_config(config).build();
    let root = if sampled { Sampler::AlwaysOn } else { Sampler::AlwaysOff };
    SdkTracerProvider::builder()
        .with_sampler(Sampler::ParentBased(Box::new(root)))
        .with_span_processor(processor)
        .build()
}

/// Traces through the API, until at least `n` spans were made. Says how many were.
pub(super) fn traces<T: Tracer>(tracer: &T, attributes: bool, n: usize) -> usize
where
    T::Span: Send + Sync + 'static,
{
    let copied = black_box(String::from("4711-0815"));
    let builder = |name: &'static str| match attributes {
        false => tracer.span_builder(name),
        true => tracer.span_builder(name).with_attributes([
            KeyValue::new("http.request.method", "GET"),
            KeyValue::new("order.id", copied.clone()),
            KeyValue::new("http.response.status_code", 200),
            KeyValue::new("order.items", 3),
        ]),
    };
    let traces = n.div_ceil(1 + CHILDREN);
    for _ in 0..traces {
        tracer.in_span_with_builder(builder("root"), |_| {
            for _ in 0..CHILDREN {
                tracer.in_span_with_builder(builder("child"), |cx| {
                    black_box(cx);
                });
            }
        });
    }
    traces * (1 + CHILDREN)
}

/// Traces in slots of one's own, as a `tracing` subscriber has them.
fn direct_traces(
    tracer: &tachograph_sdk::trace::Tracer,
    live: &mut [LiveSpan; 2],
    attributes: bool,
    n: usize,
) {
    let copied = black_box(String::from("4711-0815"));
    let four = [
        ("http.request.method", ValueRef::Str("GET")),
        ("order.id", ValueRef::Str(&copied)),
        ("http.response.status_code", ValueRef::I64(200)),
        ("order.items", ValueRef::I64(3)),
    ];
    let start = |name: &'static str| match attributes {
        false => SpanStart::new(name).with_kind(&SpanKind::Internal),
        true => SpanStart::new(name).with_kind(&SpanKind::Internal).with_attributes(&four),
    };
    let [root, child] = live;
    for _ in 0..n.div_ceil(1 + CHILDREN) {
        tracer.start_span(root, start("root"));
        for _ in 0..CHILDREN {
            tracer.start_span(child, start("child").with_parent(root.as_parent()));
            tracer.end_span(child, None);
        }
        tracer.end_span(root, None);
    }
}

fn contenders_of(sampled: bool, attributes: bool) -> Vec<Contender<'static>> {
    let noop = NoopTracerProvider::new().tracer("bench");
    let (ours, ours_too, peer) = (ours(sampled), ours(sampled), peer(sampled));
    let (tracer, direct, peers) = (ours.tracer("bench"), ours_too.tracer("bench"), peer.tracer("bench"));
    let mut live = [LiveSpan::new(), LiveSpan::new()];
    vec![
        Contender::new(Role::Floor, "the API's tracer that does nothing", move |n| {
            traces(&noop, attributes, n);
        }),
        Contender::new(Role::Floor, "two readings of the system's clock", |n| {
            for _ in 0..n {
                black_box((std::time::Instant::now(), std::time::Instant::now()));
            }
        }),
        Contender::new(Role::Ours, OURS, move |n| {
            let _alive = &ours;
            traces(&tracer, attributes, n);
        }),
        Contender::new(Role::Ours, OURS_DIRECT, move |n| {
            let _alive = &ours_too;
            direct_traces(&direct, &mut live, attributes, n);
        }),
        Contender::new(Role::Peer, PEER, move |n| {
            let _alive = &peer;
            traces(&peers, attributes, n);
        }),
    ]
}

/// The loops that can be run alone.
pub(crate) fn all() -> Vec<Contender<'static>> {
    let mut all = Vec::new();
    for (sampled, attributes) in [(true, false), (true, true), (false, false), (false, true)] {
        for mut contender in contenders_of(sampled, attributes) {
            let how = if sampled { "sampled" } else { "unsampled" };
            contender.name =
                format!("{}, {how}, {} attributes", contender.name, if attributes { 4 } else { 0 });
            all.push(contender);
        }
    }
    all
}

/// Allocations of the calling thread per span, once everything has been made.
fn allocations(attributes: bool) -> f64 {
    let provider = ours(true);
    let tracer = provider.tracer("bench");
    let mut live = [LiveSpan::new(), LiveSpan::new()];
    direct_traces(&tracer, &mut live, attributes, 100_000);
    // The string that is copied is made once a call. What is counted is all threads', and the worker's lists grow now and
    // then: the fewest of some runs are the calling thread's.
    let calls =
        (0..10).map(|_| counted(|| direct_traces(&tracer, &mut live, attributes, 11_000)).1.calls).min();
    calls.unwrap_or_default().saturating_sub(1) as f64 / 11_000.0
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    for (sampled, limit) in [(true, 0.5), (false, 0.3)] {
        for attributes in [false, true] {
            let how = if sampled { "sampled" } else { "not sampled" };
            let title = format!("A span, {how}, {} attributes", if attributes { 4 } else { 0 });
            let table = Table::new(&title, "ns", compare(effort, contenders_of(sampled, attributes)));
            table.print();
            bars.ratio(limit, table.median(OURS), table.median(PEER), &title, PEER);
        }
    }
    for attributes in [false, true] {
        let what = format!(
            "allocations per span, the engine's own way in, {} attributes",
            if attributes { 4 } else { 0 }
        );
        bars.at_most(0.0, Unit::Allocations, allocations(attributes), &what, "nothing");
    }
}
