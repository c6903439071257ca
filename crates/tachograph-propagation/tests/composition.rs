//! Propagators of several formats, and the names that select them.

mod support;

use std::sync::Arc;

use opentelemetry::baggage::BaggageExt;
use opentelemetry::propagation::text_map_propagator::FieldIter;
use opentelemetry::propagation::{Extractor, Injector, TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TraceState};
use opentelemetry::{Context, KeyValue};
use support::{Lines, SPAN, TRACE, TRACEPARENT, extract, held, inject, with_span};
use tachograph_propagation::{
    B3Propagator, BaggagePropagator, Format, JaegerPropagator, Propagator, Selection, TraceContextPropagator,
};

fn fields(propagator: &dyn TextMapPropagator) -> Vec<&str> {
    propagator.fields().collect()
}

#[test]
fn a_propagator_is_a_value_that_threads_share() {
    fn is_one<T: Clone + Send + Sync + std::fmt::Debug + 'static>() {}
    is_one::<Propagator>();
    is_one::<TraceContextPropagator>();
    let propagator = Propagator::default();
    let there = propagator.clone();
    let thread = std::thread::spawn(move || inject(&there, &with_span(1, TraceState::NONE)));
    assert_eq!(thread.join().expect("no panic"), inject(&propagator, &with_span(1, TraceState::NONE)));
}

#[test]
fn the_default_is_trace_context_and_baggage() {
    assert_eq!(fields(&Propagator::default()), ["traceparent", "tracestate", "baggage"]);
    assert_eq!(format!("{:?}", Propagator::default()), "Propagator[TraceContext, Baggage]");
}

#[test]
fn a_repeated_format_counts_once() {
    let propagator = Propagator::new([Format::B3, Format::Baggage, Format::B3]);
    assert_eq!(format!("{propagator:?}"), "Propagator[B3, Baggage]");
}

#[test]
fn every_format_names_the_headers_it_sets() {
    let cx = with_span(1, TraceState::from_key_value([("a", "1")]).expect("valid"));
    let cx = cx.with_baggage([KeyValue::new("k", "v")]);
    for format in Format::ALL {
        let propagator = Propagator::from(format);
        let sent = inject(&propagator, &cx);
        let named = fields(&propagator);
        let unnamed: Vec<_> = sent.keys().filter(|name| !named.contains(&name.as_str())).collect();
        // The names of Jaeger's baggage have its keys in them.
        let expected: &[&str] = if format == Format::Jaeger { &["uberctx-k"] } else { &[] };
        assert_eq!(unnamed, expected, "{format}");
    }
    let all = fields(&Propagator::new(Format::ALL)).len();
    assert_eq!(all, 9, "each name once");
}

#[test]
fn all_formats_together_write_what_each_writes_alone() {
    let cx = with_span(1, TraceState::NONE).with_baggage([KeyValue::new("k", "v")]);
    let together = inject(&Propagator::new(Format::ALL), &cx);
    let alone = Format::ALL.into_iter().flat_map(|format| inject(&format.into(), &cx)).collect();
    assert_eq!(together, alone);
}

#[test]
fn of_several_spans_the_one_of_the_last_format_counts() {
    let b3 = "11111111111111111111111111111111-2222222222222222-1";
    let lines = [("traceparent", TRACEPARENT), ("b3", b3)];
    let trace = |formats: [Format; 2]| {
        extract(&Propagator::new(formats), &lines).span().span_context().trace_id().to_string()
    };
    assert_eq!(trace([Format::TraceContext, Format::B3]), "1".repeat(32));
    assert_eq!(trace([Format::B3, Format::TraceContext]), TRACE);
}

#[test]
fn a_format_that_finds_nothing_leaves_what_another_found() {
    let propagator = Propagator::new([Format::TraceContext, Format::B3, Format::Jaeger, Format::Baggage]);
    let lines = [("traceparent", TRACEPARENT), ("b3", "nonsense"), ("baggage", "k=v")];
    let (span, baggage) = held(&extract(&propagator, &lines));
    assert_eq!(span.span_id().to_string(), SPAN);
    assert_eq!(baggage["k"].0, "v");
}

#[test]
fn none_does_nothing() {
    let cx = with_span(1, TraceState::NONE);
    assert!(inject(&Propagator::none(), &cx).is_empty());
    assert_eq!(fields(&Propagator::none()), [""; 0]);
    let extracted = Propagator::none().extract_with_context(&cx, &Lines::of(&[("traceparent", "00-")]));
    assert_eq!(held(&extracted), held(&cx));
}

#[test]
fn the_types_of_one_format_compose_with_the_apis_own() {
    let composite = TextMapCompositePropagator::new(vec![
        Box::new(TraceContextPropagator::new()),
        Box::new(BaggagePropagator::new()),
        Box::new(B3Propagator::single()),
        Box::new(B3Propagator::multi()),
        Box::new(JaegerPropagator::new()),
    ]);
    let cx = with_span(1, TraceState::NONE).with_baggage([KeyValue::new("k", "v")]);
    let mut lines = Lines::default();
    composite.inject_context(&cx, &mut lines);
    let mut ours = Lines::default();
    Propagator::new(Format::ALL).inject_context(&cx, &mut ours);
    lines.0.sort();
    ours.0.sort();
    assert_eq!(lines, ours);
    let extracted = composite.extract_with_context(&Context::new(), &lines);
    assert_eq!(held(&extracted).1, held(&cx).1);
    assert_eq!(inject(&TraceContextPropagator::default().into(), &cx)["traceparent"], TRACEPARENT);
}

#[test]
fn the_current_context_is_the_one_that_is_used_where_none_is_given() {
    let _guard = with_span(1, TraceState::NONE).attach();
    let mut lines = Lines::default();
    Propagator::default().inject(&mut lines);
    assert_eq!(lines.get_one("traceparent"), Some(TRACEPARENT));
    let cx = Propagator::default().extract(&Lines::default());
    assert_eq!(cx.span().span_context().span_id().to_string(), SPAN);
}

/// A format that is not known here: the trace id alone.
#[derive(Debug)]
struct Foreign([String; 1]);

impl TextMapPropagator for Foreign {
    fn inject_context(&self, cx: &Context, injector: &mut dyn Injector) {
        injector.reserve(1);
        injector.set("Foreign-Trace", cx.span().span_context().trace_id().to_string());
    }

    fn extract_with_context(&self, cx: &Context, extractor: &dyn Extractor) -> Context {
        assert!(extractor.keys().iter().any(|key| key.eq_ignore_ascii_case("foreign-trace")));
        assert_eq!(extractor.get_all("foreign-trace").map(|values| values.len()), Some(2));
        assert_eq!(extractor.get_all("absent"), None);
        match extractor.get("Foreign-Trace") {
            Some(value) => cx.with_baggage([KeyValue::new("foreign", value.to_owned())]),
            None => cx.clone(),
        }
    }

    fn fields(&self) -> FieldIter<'_> {
        FieldIter::new(&self.0)
    }
}

#[test]
fn a_propagator_of_another_format_can_be_added_and_works_on_headers_too() {
    let foreign = Arc::new(Foreign(["foreign-trace".to_owned()]));
    let propagator = Propagator::from(Format::TraceContext).and(foreign);
    assert_eq!(fields(&propagator), ["traceparent", "tracestate", "foreign-trace"]);
    let sent = inject(&propagator, &with_span(1, TraceState::NONE));
    assert_eq!(sent["foreign-trace"], TRACE);
    let lines = [("traceparent", TRACEPARENT), ("foreign-trace", "a"), ("foreign-trace", "b")];
    let (span, baggage) = held(&extract(&propagator, &lines));
    assert!(span.is_valid());
    assert_eq!(baggage["foreign"].0, "a");
}

#[test]
fn the_global_propagator_is_whichever_is_set_when_it_is_used() {
    let propagator = Propagator::global();
    let cx = with_span(1, TraceState::NONE);
    assert!(inject(&propagator, &cx).is_empty());
    opentelemetry::global::set_text_map_propagator(Propagator::default());
    assert_eq!(inject(&propagator, &cx)["traceparent"], TRACEPARENT);
    let extracted = extract(&propagator, &[("traceparent", TRACEPARENT)]);
    assert_eq!(extracted.span().span_context().trace_id().to_string(), TRACE);
    assert_eq!(fields(&propagator), [""; 0]);
}

#[test]
fn formats_are_known_by_their_names_in_any_case() {
    for format in Format::ALL {
        assert_eq!(format.name().parse(), Ok(format));
        assert_eq!(format.name().to_uppercase().parse(), Ok(format));
        assert_eq!(format!(" {format} ").parse(), Ok(format));
    }
}

#[test]
fn an_unknown_name_says_which_are_known_and_is_shown_in_part() {
    let error = "x\n".repeat(500).parse::<Format>().expect_err("unknown");
    let text = error.to_string();
    assert!(error.is_unknown() && !error.is_none_beside_others());
    assert!(text.contains("tracecontext, baggage, b3, b3multi, jaeger, or none"), "{text}");
    assert!(text.len() < 300 && !text.contains('\n'), "{text}");
    assert!("".parse::<Format>().is_err() && "none".parse::<Format>().is_err());
}

#[test]
fn a_list_selects_each_format_once_in_its_order() {
    let selection = Selection::parse("b3multi, TraceContext,,b3multi ,baggage,");
    assert_eq!(selection.formats(), [Format::B3Multi, Format::TraceContext, Format::Baggage]);
    assert_eq!(selection.problems(), []);
    assert_eq!(fields(&Propagator::from(&selection)).len(), 7);
}

#[test]
fn an_empty_list_selects_the_default() {
    for list in ["", " ", ",", " , "] {
        assert_eq!(Selection::parse(list), Selection::default());
    }
    assert_eq!(Selection::default().formats(), Format::DEFAULT);
}

#[test]
fn none_alone_selects_nothing() {
    for list in ["none", " NONE ", "none,none"] {
        let selection = Selection::parse(list);
        assert_eq!((selection.formats(), selection.problems()), (&[][..], &[][..]), "{list}");
    }
}

#[test]
fn none_beside_others_is_ignored_and_reported() {
    let selection = Selection::parse("none,b3");
    assert_eq!(selection.formats(), [Format::B3]);
    assert!(selection.problems()[0].is_none_beside_others());
    assert!(selection.problems()[0].to_string().contains("`none`"));
}

#[test]
fn unknown_names_are_reported_and_left_out() {
    let selection = Selection::parse("xray,b3,ottrace,xray");
    assert_eq!(selection.formats(), [Format::B3]);
    assert_eq!(selection.problems().len(), 2);
    let selection = Selection::parse("xray");
    assert_eq!((selection.formats(), selection.problems().len()), (&Format::DEFAULT[..], 1));
}

#[test]
fn a_list_of_many_unknown_names_has_few_problems() {
    let names: Vec<_> = (0..10_000).map(|n| format!("name{n}")).collect();
    assert_eq!(Selection::parse(&names.join(",")).problems().len(), 16);
}
