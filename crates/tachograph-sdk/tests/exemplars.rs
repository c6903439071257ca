//! Exemplars: which measurements are shown beside the sum of all, and with which span.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

#[path = "support/allocator.rs"]
mod allocator;
mod support;

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState, Tracer as _};
use opentelemetry::{Context, ContextGuard, KeyValue, SpanId, TraceId};
use support::{only, reports_of, snapshot};
use tachograph_sdk::metrics::{
    CardinalityOverflow, Exemplar, ExemplarFilter, ExemplarReservoir, MeterProviderBuilder, NumberValue, View,
};
use tachograph_sdk::pipeline::Deadline;
use tachograph_sdk::testing::{InMemorySpanExporter, ManualClock, MetricsSnapshot, PointSnapshot};
use tachograph_sdk::trace::{TailSampling, TracerProvider};
use tachograph_sdk::{
    BoundCounter, Counter, Dynamic, Gauge, Histogram, MeterProvider, Resource, UpDownCounter,
};

fn builder() -> MeterProviderBuilder {
    MeterProvider::builder().with_resource(Resource::builder_empty().build())
}

/// A context with a span of this number, sampled or not.
fn span(number: u8, sampled: bool) -> Context {
    let flags = if sampled { TraceFlags::SAMPLED } else { TraceFlags::NOT_SAMPLED };
    let (trace, span) = (TraceId::from_bytes([number; 16]), SpanId::from_bytes([number; 8]));
    Context::new().with_remote_span_context(SpanContext::new(trace, span, flags, false, TraceState::NONE))
}

fn sampled(number: u8) -> ContextGuard {
    span(number, true).attach()
}

/// The only point of a metric.
fn point<'a>(snapshot: &'a MetricsSnapshot, metric: &str) -> &'a PointSnapshot {
    let [point] = snapshot.metric(metric).points() else { panic!("one point") };
    point
}

/// The value and the number of the span of each exemplar.
fn shown(exemplars: &[Exemplar]) -> Vec<(NumberValue, u8)> {
    let shown = |exemplar: &Exemplar| {
        let (trace, span) = (exemplar.trace_id().unwrap(), exemplar.span_id().unwrap());
        assert_eq!(trace.to_bytes()[..8], span.to_bytes());
        (exemplar.value(), span.to_bytes()[0])
    };
    exemplars.iter().map(shown).collect()
}

#[track_caller]
fn assert_one<V: Into<NumberValue>>(snapshot: &MetricsSnapshot, metric: &str, value: V, span: u8) {
    assert_eq!(shown(&point(snapshot, metric).exemplars), [(value.into(), span)], "{metric}");
}

#[test]
fn every_handle_of_every_instrument_offers_what_it_measures() {
    let provider = builder().build();
    let meter = provider.meter("m");
    let api = meter.as_otel();
    let _span = sampled(7);
    meter.counter("dynamic").build::<u64, Dynamic>().add(1, &[("a", "b")]);
    meter.counter("typed").build::<f64, ()>().add(2.5, &());
    meter.counter("bound").build::<u64, Dynamic>().bind(&()).add(3);
    meter.up_down_counter("level").build::<i64, Dynamic>().add(-4, &());
    meter.gauge("gauge").build::<f64, Dynamic>().record(5.5, &());
    meter.gauge("typed.gauge").build::<u64, ()>().record(6, &());
    meter.histogram("histogram").build::<f64, Dynamic>().record(7.5, &());
    meter.histogram("bound.histogram").build::<u64, Dynamic>().bind(&()).record(8);
    api.u64_counter("api").build().add(9, &[KeyValue::new("a", 1)]);
    api.f64_histogram("api.histogram").build().record(10.5, &[]);
    api.u64_counter("api.bound").build().bind(&[]).add(11);
    let snapshot = snapshot(&provider);
    assert_one(&snapshot, "dynamic", 1_u64, 7);
    assert_one(&snapshot, "typed", 2.5, 7);
    assert_one(&snapshot, "bound", 3_u64, 7);
    assert_one(&snapshot, "level", -4_i64, 7);
    assert_one(&snapshot, "gauge", 5.5, 7);
    assert_one(&snapshot, "typed.gauge", 6_u64, 7);
    assert_one(&snapshot, "histogram", 7.5, 7);
    assert_one(&snapshot, "bound.histogram", 8_u64, 7);
    assert_one(&snapshot, "api", 9_u64, 7);
    assert_one(&snapshot, "api.histogram", 10.5, 7);
    assert_one(&snapshot, "api.bound", 11_u64, 7);
}

#[test]
fn by_default_only_sampled_spans_make_exemplars() {
    let provider = builder().build();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    counter.add(1, &());
    {
        let _span = span(1, false).attach();
        counter.add(1, &());
    }
    assert_eq!(point(&snapshot(&provider), "n").exemplars, []);
    {
        let _span = sampled(2);
        counter.add(5, &());
    }
    counter.add(1, &());
    assert_one(&snapshot(&provider), "n", 5_u64, 2);
    snapshot(&provider).metric("n").assert_total(8_u64);
}

#[test]
fn the_filters_let_all_by_or_none() {
    let off = builder().with_exemplar_filter(ExemplarFilter::AlwaysOff).build();
    let on = builder().with_exemplar_filter(ExemplarFilter::AlwaysOn).build();
    let [off_counter, on_counter]: [Counter<u64>; 2] =
        [&off, &on].map(|provider| provider.meter("m").counter("n").build());
    on_counter.add(1, &());
    let before = snapshot(&on);
    let exemplars = &point(&before, "n").exemplars;
    assert_eq!((exemplars[0].value(), exemplars[0].trace_id()), (NumberValue::U64(1), None));
    let _span = span(3, false).attach();
    on.reader().collect();
    on_counter.add(2, &());
    off_counter.add(2, &());
    assert_one(&snapshot(&on), "n", 2_u64, 3);
    assert_eq!(point(&snapshot(&off), "n").exemplars, []);
}

#[test]
fn an_exemplar_has_the_time_at_which_it_was_measured() {
    let clock = ManualClock::new(1_000);
    let provider = builder().with_clock(clock.clone()).build();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    counter.add(1, &());
    clock.advance(Duration::from_nanos(500));
    let _span = sampled(1);
    counter.add(1, &());
    clock.advance(Duration::from_nanos(500));
    assert_eq!(point(&snapshot(&provider), "n").exemplars[0].unix_nanos(), 1_500);
}

#[test]
fn a_histogram_has_the_latest_of_each_bucket_in_their_order() {
    let provider = builder().build();
    let histogram: Histogram<f64> =
        provider.meter("m").histogram("h").with_boundaries([1.0, 2.0, 3.0]).build();
    for (number, value) in [(1, 2.5), (2, 0.5), (3, 9.0), (4, 2.75), (5, 2.0)] {
        let _span = sampled(number);
        histogram.record(value, &());
    }
    let snapshot = snapshot(&provider);
    let exemplars = &point(&snapshot, "h").exemplars;
    let expected = [(0.5, 2), (2.0, 5), (2.75, 4), (9.0, 3)].map(|(value, span)| (value.into(), span));
    assert_eq!(shown(exemplars), expected);
    assert!(exemplars.iter().map(Exemplar::bucket).eq((0..4).map(Some)));
}

#[test]
fn an_exemplar_belongs_to_the_series_it_was_measured_in() {
    let provider = builder().build();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    for number in 1..=20 {
        let _span = sampled(number);
        counter.add(u64::from(number), &[("n", i64::from(number))]);
    }
    let snapshot = snapshot(&provider);
    for number in 1..=20_u8 {
        let exemplars = &snapshot.metric("n").point(&[("n", i64::from(number))]).exemplars;
        assert_eq!(shown(exemplars), [(u64::from(number).into(), number)]);
    }
}

#[test]
fn all_cumulative_readers_are_shown_an_exemplar_until_another_takes_its_place() {
    let provider = builder().build();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    {
        let _span = sampled(1);
        counter.add(1, &());
    }
    for _ in 0..3 {
        assert_one(&snapshot(&provider), "n", 1_u64, 1);
    }
    // The first of a window always stays.
    let _span = sampled(2);
    counter.add(2, &());
    assert_one(&snapshot(&provider), "n", 2_u64, 2);
}

#[test]
fn what_is_refused_is_no_exemplar() {
    let provider = builder().build();
    let meter = provider.meter("m");
    let counter: Counter<f64> = meter.counter("n").build();
    let bound = counter.bind(&());
    let histogram: Histogram<f64> = meter.histogram("h").build();
    let _span = sampled(1);
    histogram.record(1.0, &());
    counter.add(-1.0, &());
    bound.add(f64::NAN);
    histogram.record(f64::INFINITY, &());
    let snapshot = snapshot(&provider);
    assert_eq!(point(&snapshot, "n").exemplars, []);
    assert_one(&snapshot, "h", 1.0, 1);
}

#[test]
fn rare_measurements_have_their_exemplar_whatever_they_are_among() {
    let provider = builder().build();
    let meter = provider.meter("m");
    let often: BoundCounter<u64> = meter.counter("often").build::<u64, Dynamic>().bind(&());
    let rare: Counter<u64> = meter.counter("rare").build();
    // A loop without pause uses up the thread's attention.
    (0..10_000_000).for_each(|_| often.add(1));
    // A hundred thousand measurements in a second, of which one is made in a span.
    for _ in 0..30 {
        thread::sleep(Duration::from_millis(1));
        (0..100).for_each(|_| often.add(1));
    }
    {
        let _span = sampled(9);
        rare.add(1, &());
    }
    assert_one(&snapshot(&provider), "rare", 1_u64, 9);
    snapshot(&provider).metric("often").assert_total(10_003_000_u64);
}

#[test]
fn every_stream_of_an_instrument_is_offered_the_same_measurements() {
    let views = ["a", "b", "c"].map(|name| View::of("h").with_name(name));
    let builder = builder().with_exemplar_filter(ExemplarFilter::AlwaysOn);
    let provider = views.into_iter().fold(builder, |builder, view| builder.with_view(view)).build();
    let meter = provider.meter("m");
    let dynamic: Histogram<f64> = meter.histogram("h").with_boundaries([1.0, 2.0]).build();
    let typed: Histogram<f64, ()> = meter.histogram("h").with_boundaries([1.0, 2.0]).build();
    let bound = dynamic.bind(&());
    let api = meter.as_otel().f64_histogram("h").with_boundaries(vec![1.0, 2.0]).build();
    let by_each: [&dyn Fn(f64); 4] = [
        &|value| dynamic.record(value, &[("k", "dynamic")]),
        &|value| typed.record(value, &()),
        &|value| bound.record(value),
        &|value| api.record(value, &[KeyValue::new("k", "api")]),
    ];
    for (handle, record) in by_each.into_iter().enumerate() {
        // Each has a value of its own, and there are so many that not all are looked at.
        let value = |n: u32| f64::from(n % 3) + f64::from(n) / 1e6;
        (0..300_000).for_each(|n| record(value(n)));
        let snapshot = snapshot(&provider);
        let values = |name| -> Vec<Vec<NumberValue>> {
            let points = snapshot.metric(name).points().iter();
            points.map(|point| point.exemplars.iter().map(Exemplar::value).collect()).collect()
        };
        let first = values("a");
        let last = first.last().unwrap();
        assert_eq!(last.len(), 3, "handle {handle}: of each bucket");
        assert!(last.iter().all(|last| last.as_f64().fract() > 0.1), "handle {handle}: {last:?}");
        assert_eq!(values("b"), first, "handle {handle}");
        assert_eq!(values("c"), first, "handle {handle}");
    }
}

#[test]
fn the_trace_of_an_exemplar_is_kept_by_tail_sampling() {
    let exporter = InMemorySpanExporter::new();
    let tracers = TracerProvider::builder()
        .with_resource(Resource::builder_empty().build())
        .with_tail_sampling(TailSampling::new(0.0))
        .with_simple_exporter(exporter.clone())
        .build();
    let provider = builder().with_trace_keeper(tracers.trace_keeper()).build();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    let tracer = tracers.tracer("t");
    for _ in 0..100 {
        let request = Context::new().with_span(tracer.start_with_context("request", &Context::new()));
        let _current = request.attach();
        counter.add(1, &());
    }
    let snapshot = snapshot(&provider);
    let exemplar = &point(&snapshot, "n").exemplars[0];
    let spans = exporter.spans();
    assert_eq!(spans.len(), 1, "one exemplar, one trace");
    assert_eq!(Some(spans[0].trace_id), exemplar.trace_id());
    assert_eq!(Some(spans[0].span_id), exemplar.span_id());
    tracers.shutdown(Deadline::after(Duration::from_secs(5)));
}

#[test]
fn a_trace_that_was_dropped_already_makes_no_exemplar() {
    let asked = Arc::new(AtomicU64::new(0));
    let keeper = {
        let asked = Arc::clone(&asked);
        move |trace: [u8; 16]| {
            asked.fetch_add(1, Ordering::Relaxed);
            (trace == [1; 16]).then_some(false)
        }
    };
    let provider = builder().with_trace_keeper(keeper).build();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    {
        let _span = sampled(1);
        counter.add(1, &());
    }
    assert_eq!(point(&snapshot(&provider), "n").exemplars, []);
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    // Of which nothing is known: its sampled flag is.
    let _span = sampled(2);
    counter.add(2, &());
    assert_one(&snapshot(&provider), "n", 2_u64, 2);
}

#[test]
fn a_trace_keeper_that_panics_is_contained_and_one_that_records_does_no_harm() {
    let provider = builder().with_trace_keeper(|_| panic!("no keeper")).build();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    let reports = reports_of(|| {
        let _span = sampled(1);
        counter.add(1, &());
    });
    assert!(only(&reports, "exemplar.keeper").message.contains("no keeper"), "{reports:?}");
    assert_one(&snapshot(&provider), "n", 1_u64, 1);

    let slot: Arc<Mutex<Option<Counter<u64>>>> = Arc::default();
    let again = Arc::clone(&slot);
    let keeper = move |_| {
        let counter = again.lock().unwrap().take();
        counter.inspect(|counter| counter.add(10, &())).map(|_| true)
    };
    let provider = builder().with_trace_keeper(keeper).build();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    *slot.lock().unwrap() = Some(counter.clone());
    let _span = sampled(1);
    counter.add(1, &());
    snapshot(&provider).metric("n").assert_total(11_u64);
}

/// Records when it is dropped, in thread destruction.
struct AtEnd(Counter<u64>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        (0..3_000).for_each(|_| self.0.add(1, &()));
    }
}

thread_local! {
    static AT_END: RefCell<Option<AtEnd>> = const { RefCell::new(None) };
}

#[test]
fn what_is_recorded_in_thread_destruction_needs_no_context() {
    let provider = builder().with_exemplar_filter(ExemplarFilter::AlwaysOn).build();
    let counter: Counter<u64> = provider.meter("m").counter("n").build();
    for records_before in [false, true] {
        let counter = counter.clone();
        let thread = thread::spawn(move || {
            AT_END.with(|at_end| *at_end.borrow_mut() = Some(AtEnd(counter.clone())));
            if records_before {
                let _span = sampled(1);
                counter.add(1, &());
            }
        });
        thread.join().unwrap();
    }
    snapshot(&provider).metric("n").assert_total(6_001_u64);
}

#[test]
fn offering_and_reading_allocate_nothing_once_there_is_an_exemplar() {
    let provider = builder().with_trace_keeper(|_| Some(true)).build();
    let meter = provider.meter("m");
    let counter: Counter<u64> = meter.counter("n").build();
    let gauge: Gauge<f64> = meter.gauge("g").build();
    let level: UpDownCounter<i64> = meter.up_down_counter("l").build();
    let histogram: Histogram<u64> = meter.histogram("h").with_boundaries([10.0, 100.0]).build();
    let reader = provider.reader();
    // In one place, which literals need not be: each place is learnt.
    static WEB: [(&str, &str); 1] = [("channel", "web")];
    let record = || {
        counter.add(1, &WEB);
        gauge.record(0.5, &WEB);
        level.add(-1, &());
        [1, 50, 500].iter().for_each(|size| histogram.record(*size, &()));
    };
    let read = || {
        let mut exemplars = 0;
        let collection = reader.collect();
        collection.metrics().for_each(|metric| metric.for_each(|point| exemplars += point.exemplars().len()));
        exemplars
    };
    let _span = sampled(1);
    for _ in 0..10 {
        record();
        assert_eq!(read(), 6);
    }
    let allocated = allocator::allocations(|| {
        for _ in 0..20 {
            record();
            assert_eq!(read(), 6);
        }
    });
    assert_eq!(allocated, 0);
}

#[test]
fn exemplars_are_whole_and_of_their_series_while_threads_record_and_readers_read() {
    const THREADS: u8 = 4;
    let provider = builder().build();
    let histogram: Histogram<u64> =
        provider.meter("m").histogram("h").with_boundaries([100.0, 200.0, 300.0]).build();
    let stop = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        for number in 1..=THREADS {
            let (histogram, stop) = (&histogram, &stop);
            scope.spawn(move || {
                let _span = sampled(number);
                let mut n = 0;
                while !stop.load(Ordering::Relaxed) {
                    n += 1;
                    // The value tells the span, the attributes tell the value's bucket.
                    let bucket = n % 3;
                    histogram.record(bucket * 100 + u64::from(number), &[("bucket", bucket.cast_signed())]);
                }
            });
        }
        let reader = provider.reader();
        let deadline = Instant::now() + Duration::from_secs(20);
        let (mut seen, mut rounds) = (0, 0);
        while (rounds < 300 || seen < 1_000) && Instant::now() < deadline {
            rounds += 1;
            let collection = reader.collect();
            collection.metrics().for_each(|metric| {
                metric.for_each(|point| {
                    let bucket = point.attributes.get("bucket").map(ToString::to_string).unwrap_or_default();
                    for exemplar in point.exemplars() {
                        seen += 1;
                        let NumberValue::U64(value) = exemplar.value() else { panic!("{exemplar:?}") };
                        assert_eq!((value / 100).to_string(), bucket, "{exemplar:?}");
                        let number = exemplar.span_id().unwrap().to_bytes()[0];
                        assert_eq!(value % 100, u64::from(number), "{exemplar:?}");
                        assert_eq!(exemplar.trace_id().unwrap(), TraceId::from_bytes([number; 16]));
                        assert_eq!(exemplar.bucket(), Some((value / 100) as usize));
                    }
                });
            });
        }
        stop.store(true, Ordering::Relaxed);
        seen
    });
    assert!(seen >= 1_000, "{seen}");
}

#[test]
fn what_a_view_takes_away_is_told_by_every_exemplar_of_typed_and_dynamic_instruments() {
    let without = |name: &str| View::of(name).without_attributes(["k"]);
    let provider = builder().with_view(without("typed")).with_view(without("dynamic")).build();
    let meter = provider.meter("m");
    let typed: Histogram<f64, Flag> = meter.histogram("typed").build();
    let dynamic: Histogram<f64> = meter.histogram("dynamic").build();
    // The first finds its series by content, those after it by an index.
    for number in 1..=3 {
        let _span = sampled(number);
        typed.record(f64::from(number), &Flag { k: true });
        dynamic.record(f64::from(number), &[("k", true)]);
        let snapshot = snapshot(&provider);
        for name in ["typed", "dynamic"] {
            let exemplars = &point(&snapshot, name).exemplars;
            let told = exemplars.iter().all(|exemplar| format!("{exemplar:?}").contains("\"k\""));
            assert!(told, "{name}: {exemplars:?}");
        }
    }
}

#[derive(tachograph_sdk::Attributes)]
#[attribute(crate = "tachograph_sdk")]
struct Flag {
    k: bool,
}

#[test]
fn a_view_chooses_the_reservoir() {
    let provider = builder()
        .with_view(View::of("many").with_exemplar_reservoir(ExemplarReservoir::SimpleFixedSize(3)))
        .with_view(View::of("none").with_exemplar_reservoir(ExemplarReservoir::None))
        .with_view(View::of("fixed").with_exemplar_reservoir(ExemplarReservoir::SimpleFixedSize(2)))
        .with_view(View::of("aligned").with_exemplar_reservoir(ExemplarReservoir::AlignedHistogramBucket))
        .build();
    let meter = provider.meter("m");
    let counters = ["many", "none", "one"].map(|name| meter.counter(name).build());
    let histograms =
        ["fixed", "aligned"].map(|name| meter.histogram(name).with_boundaries([1.0, 2.0, 3.0]).build());
    let _span = sampled(7);
    for n in 1..=4_u32 {
        counters.iter().for_each(|counter: &Counter<u64>| counter.add(u64::from(n), &()));
        histograms.iter().for_each(|histogram: &Histogram<f64>| histogram.record(f64::from(n) - 0.5, &()));
    }
    let snapshot = snapshot(&provider);
    let count = |metric: &str| point(&snapshot, metric).exemplars.len();
    assert_eq!(["many", "none", "one", "fixed", "aligned"].map(count), [3, 0, 1, 2, 4]);
    for exemplar in &point(&snapshot, "fixed").exemplars {
        let NumberValue::F64(value) = exemplar.value() else { panic!("{exemplar:?}") };
        assert_eq!(exemplar.bucket(), Some(value as usize), "the bucket is known all the same");
    }
}

#[test]
fn a_reservoir_that_does_not_suit_the_aggregation_is_reported_and_the_default_is_used() {
    let aligned = ExemplarReservoir::AlignedHistogramBucket;
    let provider = builder().with_view(View::of("aligned.counter").with_exemplar_reservoir(aligned)).build();
    let _span = sampled(7);
    let reports = reports_of(|| {
        let counter: Counter<u64> = provider.meter("m").counter("aligned.counter").build();
        counter.add(1, &());
    });
    assert_eq!(only(&reports, "view.exemplar_reservoir").subject, "aligned.counter");
    assert_eq!(point(&snapshot(&provider), "aligned.counter").exemplars.len(), 1);
}

#[test]
fn a_stream_without_exemplars_takes_nothing_from_the_attention_that_others_get() {
    let none = ExemplarReservoir::None;
    let provider = builder().with_view(View::of("none").with_exemplar_reservoir(none)).build();
    let meter = provider.meter("m");
    let (without, with): (Counter<u64>, Counter<u64>) =
        (meter.counter("none").build(), meter.counter("c").build());
    let _span = sampled(7);
    // An offer costs sixteen looks, and there are 1,024: this would be too much.
    (0..500).for_each(|_| without.add(1, &()));
    with.add(1, &());
    let snapshot = snapshot(&provider);
    assert_eq!(point(&snapshot, "none").exemplars.len(), 0);
    assert_eq!(point(&snapshot, "c").exemplars.len(), 1);
}

#[test]
fn what_the_limit_takes_away_is_told_by_the_exemplar() {
    let limited = |overflow| builder().with_cardinality_limit(2).with_cardinality_overflow(overflow).build();
    let record = |provider: &MeterProvider| {
        let counter: Counter<u64> = provider.meter("m").counter("limit.told").build();
        let typed: Counter<u64, User> = provider.meter("m").counter("limit.told.typed").build();
        let _span = sampled(7);
        for user in ["a", "b", "c"] {
            counter.add(1, &[("kind", "x"), ("user", user)]);
            typed.add(1, &User { kind: "x", user });
        }
        let bound: Counter<u64> = provider.meter("m").counter("limit.told.bound").build();
        ["a", "b"].into_iter().for_each(|user| bound.add(1, &[("kind", "x"), ("user", user)]));
        bound.bind(&[("kind", "x"), ("user", "c")]).add(1);
    };
    for (overflow, told) in [
        (CardinalityOverflow::FoldAttribute, r#"{"user": Str("c")}"#),
        (CardinalityOverflow::OneSeries, r#"{"kind": Str("x"), "user": Str("c")}"#),
    ] {
        let provider = limited(overflow);
        reports_of(|| record(&provider));
        let snapshot = snapshot(&provider);
        for name in ["limit.told", "limit.told.typed", "limit.told.bound"] {
            for point in snapshot.metric(name).points() {
                let exemplar = &point.exemplars[0];
                let is_beyond = point.attributes.get("otel.metric.overflow").is_some()
                    || point.attributes.get("user").is_some_and(|user| user.as_str() == "other");
                let filtered = format!("{:?}", exemplar.filtered_attributes());
                assert_eq!(filtered, if is_beyond { told } else { "{}" }, "{name} {point:?}");
            }
            assert_eq!(snapshot.metric(name).points().len(), 3, "{name}");
        }
    }
}

#[derive(tachograph_sdk::Attributes)]
#[attribute(crate = "tachograph_sdk")]
struct User<'a> {
    kind: &'a str,
    user: &'a str,
}
