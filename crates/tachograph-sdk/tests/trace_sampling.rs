//! Who decides what is recorded.

#[path = "support/exporters.rs"]
mod exporters;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use exporters::{bare, ledger, soon};
use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, SpanKind, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer as _,
};
use opentelemetry::{Array, Context, KeyValue, Value};
use tachograph_sdk::pipeline::BatchConfig;
use tachograph_sdk::testing::InMemorySpanExporter;
use tachograph_sdk::trace::{
    AlwaysOff, AlwaysOn, Decision, FinishedSpan, IdGenerator, LiveSpan, Parent, ParentBased, RateLimited,
    Rule, Rules, Sampler, Sampling, SamplingInput, SpanProcessor, SpanStart, TraceIdRatio, Tracer,
    TracerProvider,
};

fn provider(sampler: impl Sampler) -> (InMemorySpanExporter, TracerProvider) {
    let exporter = InMemorySpanExporter::new();
    let provider = bare().with_sampler(sampler).with_simple_exporter(exporter.clone()).build();
    (exporter, provider)
}

fn parent(remote: bool, flags: u8) -> Context {
    let flags = TraceFlags::new(flags);
    let parent = SpanContext::new(TraceId::from(5), SpanId::from(6), flags, remote, TraceState::NONE);
    Context::new().with_remote_span_context(parent)
}

#[test]
fn a_ratio_decides_by_the_last_seven_bytes_of_the_trace_id() {
    let half = TraceIdRatio::new(0.5);
    let boundary = 1_u128 << 55;
    assert!(!half.samples(TraceId::from(boundary - 1)));
    assert!(half.samples(TraceId::from(boundary)));
    assert!(!half.samples(TraceId::from(0xff_u128 << 56 | 0xabcd_u128 << 64)), "other bytes do not matter");
    assert!(TraceIdRatio::new(1.0).samples(TraceId::from(1_u128 << 64)));
    assert!(!TraceIdRatio::new(0.0).samples(TraceId::from(u128::MAX)));
    assert_eq!(TraceIdRatio::new(7.0), TraceIdRatio::new(1.0));
    assert_eq!(TraceIdRatio::new(-7.0), TraceIdRatio::new(0.0));
    assert_eq!(TraceIdRatio::new(f64::NAN), TraceIdRatio::new(1.0));
    let ids: Vec<_> = (1..10_000_u128)
        .map(|n| TraceId::from(n.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)))
        .collect();
    let sampled = |ratio| ids.iter().filter(|id| TraceIdRatio::new(ratio).samples(**id)).count();
    assert!(sampled(0.1).abs_diff(1_000) < 100, "{}", sampled(0.1));
    assert!(ids.iter().all(|id| !TraceIdRatio::new(0.1).samples(*id) || TraceIdRatio::new(0.2).samples(*id)));
}

#[test]
fn each_kind_of_parent_has_a_branch_of_its_own() {
    #[derive(Debug)]
    struct Says(&'static str);
    impl Sampler for Says {
        fn sample(&self, _: &SamplingInput<'_>) -> Sampling {
            Sampling::SAMPLE.with_attributes(vec![KeyValue::new("branch", self.0)])
        }
    }
    let sampler = ParentBased::new(Says("root"))
        .with_remote_sampled(Says("remote sampled"))
        .with_remote_not_sampled(Says("remote not sampled"))
        .with_local_sampled(Says("local sampled"))
        .with_local_not_sampled(Says("local not sampled"));
    let (exporter, provider) = provider(sampler);
    let tracer = provider.tracer("test");
    for context in [Context::new(), parent(true, 1), parent(true, 0), parent(false, 1), parent(false, 0)] {
        drop(tracer.start_with_context("span", &context));
    }
    let branches: Vec<_> =
        exporter.spans().iter().map(|span| span.attribute("branch").unwrap().to_string()).collect();
    assert_eq!(
        branches,
        ["root", "remote sampled", "remote not sampled", "local sampled", "local not sampled"]
    );
}

#[test]
fn unless_told_otherwise_children_do_as_their_parents() {
    let (exporter, provider) = provider(ParentBased::new(AlwaysOff));
    let tracer = provider.tracer("test");
    for (context, sampled) in
        [(Context::new(), false), (parent(true, 1), true), (parent(true, 0), false), (parent(false, 1), true)]
    {
        let span = tracer.start_with_context("span", &context);
        assert_eq!(span.span_context().is_sampled(), sampled);
        assert_eq!(span.is_recording(), sampled);
    }
    assert_eq!(exporter.spans().len(), 2);
    let account = provider.account();
    assert_eq!((account.started, account.sampled, account.ended), (4, 2, 2));
}

#[test]
fn what_is_not_sampled_still_has_ids_to_propagate() {
    let (_, provider) = provider(AlwaysOff);
    let span = provider.tracer("test").start_with_context("span", &parent(true, 3));
    let context = span.span_context();
    assert_eq!(context.trace_id(), TraceId::from(5));
    assert!(context.span_id() != SpanId::INVALID && context.span_id() != SpanId::from(6));
    assert_eq!(context.trace_flags(), TraceFlags::new(2), "random still, not sampled");
    assert!(!context.is_remote());
}

#[test]
fn a_parent_without_valid_ids_is_none() {
    let (exporter, provider) = provider(AlwaysOn);
    let invalid =
        SpanContext::new(TraceId::INVALID, SpanId::from(6), TraceFlags::SAMPLED, true, TraceState::NONE);
    drop(
        provider.tracer("test").start_with_context("span", &Context::new().with_remote_span_context(invalid)),
    );
    let span = &exporter.spans()[0];
    assert!(span.trace_id != TraceId::INVALID && span.parent_span_id.is_none() && !span.parent_is_remote);
}

#[test]
fn the_sampler_can_be_exchanged_at_run_time_for_all_threads() {
    let (exporter, provider) = provider(AlwaysOff);
    let tracer = provider.tracer("test");
    let on_both = |tracer: &Tracer| {
        drop(tracer.start("here"));
        std::thread::scope(|scope| scope.spawn(|| drop(tracer.start("there"))).join().unwrap());
    };
    on_both(&tracer);
    assert!(tracer.skips_under_unsampled());
    provider.set_sampler(AlwaysOn);
    assert!(!tracer.skips_under_unsampled());
    on_both(&tracer);
    provider.set_sampler(ParentBased::new(AlwaysOff));
    on_both(&tracer);
    assert!(tracer.skips_under_unsampled());
    assert_eq!(exporter.spans().len(), 2);
}

#[test]
fn a_sampler_may_start_spans_and_exchange_samplers_itself() {
    #[derive(Debug)]
    struct Curious(Arc<OnceLock<TracerProvider>>, AtomicUsize);
    impl Sampler for Curious {
        fn sample(&self, span: &SamplingInput<'_>) -> Sampling {
            let provider = self.0.get().unwrap();
            if span.name == "outer" {
                drop(provider.tracer("sampler").start("inner"));
                if self.1.fetch_add(1, Ordering::Relaxed) == 1 {
                    provider.set_sampler(AlwaysOn);
                    drop(provider.tracer("sampler").start("outer, seen by the next"));
                }
            }
            Sampling::SAMPLE
        }
    }
    let slot = Arc::new(OnceLock::new());
    let (exporter, provider) = provider(Curious(Arc::clone(&slot), AtomicUsize::new(0)));
    slot.set(provider.clone()).unwrap();
    for _ in 0..3 {
        drop(provider.tracer("test").start("outer"));
    }
    let names: Vec<_> = exporter.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["inner", "outer", "inner", "outer, seen by the next", "outer", "outer"]);
}

#[test]
fn a_sampler_may_add_attributes_and_change_the_trace_state() {
    #[derive(Debug)]
    struct Adds;
    impl Sampler for Adds {
        fn sample(&self, _: &SamplingInput<'_>) -> Sampling {
            Sampling::SAMPLE
                .with_attributes(vec![KeyValue::new("a", "sampler"), KeyValue::new("b", "sampler")])
                .with_trace_state(TraceState::from_key_value([("ot", "th:8")]).unwrap())
        }
    }
    let (exporter, provider) = provider(Adds);
    let tracer = provider.tracer("test");
    let span = tracer.span_builder("span").with_attributes([KeyValue::new("a", "span")]).start(&tracer);
    assert_eq!(span.span_context().trace_state().header(), "ot=th:8");
    drop(span);
    let span = &exporter.spans()[0];
    assert_eq!(span.attributes, [KeyValue::new("a", "span"), KeyValue::new("b", "sampler")]);
    assert_eq!(span.trace_state, "ot=th:8");
}

#[test]
fn what_is_only_recorded_reaches_processors_and_no_exporter() {
    #[derive(Debug)]
    struct RecordOnly;
    impl Sampler for RecordOnly {
        fn sample(&self, _: &SamplingInput<'_>) -> Sampling {
            Sampling::of(Decision::RecordOnly)
        }
    }
    #[derive(Debug, Default)]
    struct Names(Arc<std::sync::Mutex<Vec<String>>>);
    impl SpanProcessor for Names {
        fn on_start(&self, span: &mut LiveSpan, parent: Option<&Context>) {
            assert!(parent.is_some());
            span.set_name("renamed");
        }
        fn on_end(&self, span: &FinishedSpan<'_>) {
            assert!(!span.is_sampled());
            self.0.lock().unwrap().push(span.record().name().to_owned());
        }
    }
    let names = Names::default();
    let seen = Arc::clone(&names.0);
    let exporter = InMemorySpanExporter::new();
    let provider = bare()
        .with_sampler(RecordOnly)
        .with_processor(names)
        .with_simple_exporter(exporter.clone())
        .with_batch_exporter(exporter.clone(), exporters::unscheduled())
        .build();
    let span = provider.tracer("test").start("span");
    assert!(span.is_recording() && !span.span_context().is_sampled());
    drop(span);
    let account = provider.shutdown(soon());
    assert_eq!((account.recorded_only, account.ended, account.live()), (1, 1, 0));
    assert_eq!(*seen.lock().unwrap(), ["renamed"]);
    assert!(exporter.spans().is_empty());
}

#[test]
fn rules_look_at_name_kind_and_attributes_and_the_first_that_matches_decides() {
    let sampler = Rules::new(AlwaysOff)
        .with_rule(Rule::new(AlwaysOff).for_attribute("url.path", "/health"))
        .with_rule(Rule::new(AlwaysOn).for_name("GET *").for_kind(SpanKind::Server))
        .with_rule(Rule::new(AlwaysOn).for_key("important"));
    let (exporter, provider) = provider(sampler);
    let tracer = provider.tracer("test");
    let start = |name: &'static str, kind, pairs: &[(&'static str, &'static str)]| {
        let pairs = pairs.iter().map(|(key, value)| KeyValue::new(*key, *value));
        drop(tracer.span_builder(name).with_kind(kind).with_attributes(pairs).start(&tracer));
    };
    start("GET /a", SpanKind::Server, &[]);
    start("GET /b", SpanKind::Client, &[]);
    start("GET /health", SpanKind::Server, &[("url.path", "/health")]);
    start("POST", SpanKind::Client, &[("important", "yes")]);
    start("GET /c", SpanKind::Server, &[("url.path", "/health"), ("url.path", "/c")]);
    let names: Vec<_> = exporter.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["GET /a", "POST", "GET /c"]);
}

#[test]
fn a_limited_rate_admits_a_seconds_worth_at_once() {
    let (_, provider) = provider(ParentBased::new(RateLimited::new(5.0)));
    let tracer = provider.tracer("test");
    for _ in 0..1_000 {
        drop(tracer.start("span"));
    }
    let sampled = provider.account().sampled;
    assert!((5..50).contains(&sampled), "{sampled}");
}

#[test]
fn ids_come_from_the_given_generator_and_traces_of_it_are_random_only_if_it_says_so() {
    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);
    impl IdGenerator for Counting {
        fn new_trace_id(&self) -> TraceId {
            TraceId::from(self.0.fetch_add(1, Ordering::Relaxed) as u128 + 1)
        }
        fn new_span_id(&self) -> SpanId {
            SpanId::from(self.0.fetch_add(1, Ordering::Relaxed) as u64 + 1)
        }
    }
    let provider = bare().with_ids(Counting::default()).build();
    let span = provider.tracer("test").start("span");
    let context = span.span_context();
    assert_eq!((context.trace_id(), context.span_id()), (TraceId::from(1), SpanId::from(2)));
    assert_eq!(context.trace_flags(), TraceFlags::SAMPLED);
}

#[test]
fn a_span_can_be_given_another_parent_late_and_the_sampler_is_asked_again() {
    let (exporter, provider) = provider(ParentBased::new(AlwaysOn));
    let tracer = provider.tracer("test");
    let remote = |flags| {
        SpanContext::new(TraceId::from(5), SpanId::from(6), TraceFlags::new(flags), true, TraceState::NONE)
    };
    let mut live = LiveSpan::new();

    tracer.start_span(&mut live, SpanStart::new("kept"));
    live.set_attribute("early", true);
    let id = live.span_id();
    assert!(tracer.set_parent(&mut live, Parent::from(&remote(1))));
    tracer.end_span(&mut live, None);

    tracer.start_span(&mut live, SpanStart::new("forgotten"));
    assert!(!tracer.set_parent(&mut live, Parent::from(&remote(0))));
    assert_eq!((live.trace_id(), live.is_sampled()), (TraceId::from(5), false));
    tracer.end_span(&mut live, None);

    provider.set_sampler(ParentBased::new(AlwaysOff));
    assert!(!tracer.start_span(&mut live, SpanStart::new("started again").with_start_time(7)));
    let (trace, again) = (live.trace_id(), live.span_id());
    let context = remote(1);
    let start = SpanStart::new("started again").with_parent(Parent::from(&context)).with_start_time(7);
    assert!(tracer.start_span(&mut live, start.with_ids(trace, again)));
    tracer.end_span(&mut live, Some(9));

    let spans = exporter.spans();
    assert_eq!(spans.len(), 2, "{spans:?}");
    assert_eq!((spans[0].trace_id, spans[0].span_id), (TraceId::from(5), id));
    assert_eq!((spans[0].parent_span_id, spans[0].parent_is_remote), (Some(SpanId::from(6)), true));
    assert_eq!(spans[0].attributes, [KeyValue::new("early", true)]);
    assert_eq!((spans[1].span_id, spans[1].start_unix_nanos, spans[1].end_unix_nanos), (again, 7, 9));
    let account = provider.shutdown(soon());
    assert_eq!((account.live(), ledger(&account).exported), (0, 2));
}

#[test]
fn a_span_that_gets_another_parent_late_is_matched_by_the_attributes_it_has_and_keeps_them() {
    #[derive(Debug)]
    struct Adds;
    impl Sampler for Adds {
        fn sample(&self, _: &SamplingInput<'_>) -> Sampling {
            let added = vec![KeyValue::new("tenant", "sampler"), KeyValue::new("rule", "late")];
            Sampling::SAMPLE.with_attributes(added)
        }
    }
    let (exporter, provider) = provider(AlwaysOn);
    let tracer = provider.tracer("test");
    let remote =
        SpanContext::new(TraceId::from(5), SpanId::from(6), TraceFlags::SAMPLED, true, TraceState::NONE);
    let [strings, both] = [&["a", "b"][..], &["a"]]
        .map(|values| Value::Array(Array::String(values.iter().map(|value| (*value).into()).collect())));
    let started = |name: &'static str, pairs: &[KeyValue]| {
        let mut live = LiveSpan::new();
        tracer.start_span(&mut live, SpanStart::new(name));
        pairs.iter().for_each(|pair| live.set_key_value(pair));
        live
    };
    let mut spans = [
        started("plain", &[]),
        started("key", &[KeyValue::new("important", 1.5)]),
        started("value", &[KeyValue::new("count", 7), KeyValue::new("tenant", "span")]),
        started("array", &[KeyValue::new("parts", strings.clone())]),
        started("other array", &[KeyValue::new("parts", both)]),
        started("health", &[KeyValue::new("health", true), KeyValue::new("important", true)]),
    ];
    let rules = Rules::new(AlwaysOff)
        .with_rule(Rule::new(AlwaysOff).for_attribute("health", true))
        .with_rule(Rule::new(AlwaysOn).for_key("important"))
        .with_rule(Rule::new(Adds).for_attribute("count", 7))
        .with_rule(Rule::new(AlwaysOn).for_attribute("parts", strings));
    provider.set_sampler(rules);
    for live in &mut spans {
        tracer.set_parent(live, Parent::from(&remote));
        tracer.end_span(live, None);
    }
    let spans = exporter.spans();
    assert_eq!(spans.iter().map(|span| &span.name[..]).collect::<Vec<_>>(), ["key", "value", "array"]);
    let expected =
        [KeyValue::new("count", 7), KeyValue::new("tenant", "span"), KeyValue::new("rule", "late")];
    assert_eq!(spans[1].attributes, expected);
}

#[test]
fn a_sampler_that_follows_parents_of_this_process_is_not_asked_about_their_children_until_it_is_exchanged() {
    #[derive(Debug, Default)]
    struct Counts {
        asked: AtomicUsize,
        follows: bool,
    }
    impl Sampler for Counts {
        fn sample(&self, _: &SamplingInput<'_>) -> Sampling {
            self.asked.fetch_add(1, Ordering::Relaxed);
            Sampling::SAMPLE
        }
        fn follows_sampled_parent(&self) -> bool {
            self.follows
        }
        fn follows_unsampled_parent(&self) -> bool {
            self.follows
        }
    }
    let follows = Arc::new(Counts { follows: true, ..Counts::default() });
    let asks = Arc::new(Counts::default());
    let (exporter, provider) = provider(Arc::clone(&follows));
    let tracer = provider.tracer("test");
    let start = |context: &Context| drop(tracer.start_with_context("span", context));
    [Context::new(), parent(true, 1), parent(true, 0), parent(false, 1), parent(false, 0)]
        .iter()
        .for_each(start);
    assert_eq!(follows.asked.load(Ordering::Relaxed), 3, "a root, and what came from elsewhere");
    assert_eq!(exporter.spans().len(), 4, "the child of what is not sampled is not recorded");
    provider.set_sampler(Arc::clone(&asks));
    [parent(false, 1), parent(false, 0)].iter().for_each(start);
    assert_eq!(asks.asked.load(Ordering::Relaxed), 2);
    assert_eq!(exporter.spans().len(), 6);
}

#[test]
fn a_sampler_that_decides_about_roots_beforehand_is_not_asked_about_them_until_it_is_exchanged() {
    #[derive(Debug)]
    struct Decided(Option<Decision>);
    impl Sampler for Decided {
        fn sample(&self, _: &SamplingInput<'_>) -> Sampling {
            Sampling::SAMPLE.with_attributes(vec![KeyValue::new("asked", true)])
        }
        fn root_decision(&self) -> Option<Decision> {
            self.0
        }
    }
    let exporter = InMemorySpanExporter::new();
    let decided = |decision| ParentBased::new(Decided(decision));
    let builder = bare().with_sampler(decided(Some(Decision::RecordAndSample)));
    let provider = builder.with_batch_exporter(exporter.clone(), BatchConfig::spans()).build();
    let tracer = provider.tracer("test");
    let thread = tracer.thread().unwrap();
    let mut live = LiveSpan::new();
    let mut starts = |wanted: &str| {
        // Through the API, by the engine's own way in, and by its short one.
        drop(tracer.start(wanted.to_owned()));
        tracer.start_span(&mut live, SpanStart::new(wanted));
        tracer.end_span(&mut live, None);
        let is_short = tracer.start_root_on(&thread, &mut live, wanted);
        if is_short {
            assert!(live.is_recording() && live.is_sampled() && live.parent_span_id() == SpanId::INVALID);
            assert!(tracer.end_child_on(&thread, &mut live), "it ends as simply as it started");
        }
        provider.flush(soon()).unwrap();
        let spans = exporter.spans();
        let of_these = spans.iter().filter(|span| span.name == wanted);
        let asked: Vec<_> = of_these.map(|span| !span.attributes.is_empty()).collect();
        (is_short, asked)
    };
    assert_eq!(starts("sampled"), (true, vec![false; 3]));
    provider.set_sampler(decided(None));
    assert_eq!(starts("asked"), (false, vec![true; 2]));
    provider.set_sampler(decided(Some(Decision::Drop)));
    assert_eq!(starts("dropped"), (false, vec![]));
    provider.set_sampler(AlwaysOn);
    assert_eq!(starts("on"), (true, vec![false; 3]));
    provider.shutdown(soon());
    provider.set_sampler(AlwaysOn);
    assert!(!tracer.start_root_on(&thread, &mut live, "late"), "what has stopped starts nothing");
    assert!(ledger(&provider.account()).is_balanced());
}

#[test]
fn a_processor_that_does_not_hear_starts_is_told_of_ends_alone() {
    #[derive(Debug, Default)]
    struct Told {
        starts: AtomicUsize,
        ends: AtomicUsize,
        hears: bool,
    }
    impl SpanProcessor for Told {
        fn on_start(&self, _: &mut LiveSpan, _: Option<&Context>) {
            self.starts.fetch_add(1, Ordering::Relaxed);
        }
        fn hears_starts(&self) -> bool {
            self.hears
        }
        fn on_end(&self, _: &FinishedSpan<'_>) {
            self.ends.fetch_add(1, Ordering::Relaxed);
        }
    }
    for hears in [false, true] {
        let told = Arc::new(Told { hears, ..Told::default() });
        let provider = bare().with_processor(Arc::clone(&told)).build();
        drop(provider.tracer("test").start("span"));
        let counts = [&told.starts, &told.ends].map(|count| count.load(Ordering::Relaxed));
        assert_eq!(counts, [usize::from(hears), 1]);
    }
}
