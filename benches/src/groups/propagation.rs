//! Context written into a request's headers, and read from them.
//!
//! One operation is a new `HeaderMap`, injection into it, extraction from it, and the end of both. The map's own
//! cost is in every figure, also in the floor's.

use std::hint::black_box;

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use opentelemetry::Context;
use opentelemetry::baggage::{Baggage, BaggageExt};
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use tachograph_propagation::{Format, Propagator};

use crate::bars::Bars;
use crate::harness::{Contender, Effort, Role, Table, compare};

const OURS: &str = "tachograph, on the headers";
const OURS_BY_TEXT: &str = "tachograph, by the API's carriers";
const PEER: &str = "opentelemetry_sdk, opentelemetry-http's carriers";

/// What is propagated.
#[derive(Clone, Copy)]
struct Case {
    title: &'static str,
    /// Whether baggage's propagator is there beside trace context's.
    default_formats: bool,
    members: usize,
    state: bool,
}

const CASES: [Case; 4] = [
    Case { title: "trace context alone", default_formats: false, members: 0, state: false },
    Case {
        title: "trace context and baggage, no baggage in the context",
        default_formats: true,
        members: 0,
        state: false,
    },
    Case {
        title: "trace context and baggage of three members",
        default_formats: true,
        members: 3,
        state: false,
    },
    Case {
        title: "trace context with a tracestate of two members",
        default_formats: false,
        members: 0,
        state: true,
    },
];

fn context(case: Case) -> Context {
    let state = match case.state {
        true => TraceState::from_key_value([("congo", "t61rcWkgMzE"), ("rojo", "00f067aa0ba902b7")]),
        false => Ok(TraceState::NONE),
    };
    let ids = (0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736_u128.into(), 0x00f0_67aa_0ba9_02b7_u64.into());
    let span = SpanContext::new(ids.0, ids.1, TraceFlags::SAMPLED, true, state.unwrap_or_default());
    let cx = Context::new().with_remote_span_context(span);
    let members = [("user.id", "4711"), ("tenant", "Müller & Co"), ("canary", "false")];
    let mut baggage = Baggage::new();
    for (key, value) in members.into_iter().take(case.members) {
        baggage.insert(black_box(key).to_owned(), black_box(value).to_owned());
    }
    if baggage.is_empty() { cx } else { cx.with_baggage(baggage) }
}

/// Writes and reads by `inject` and `extract`, over and over.
fn contender(
    role: Role,
    name: &str,
    case: Case,
    inject: impl Fn(&Context, &mut HeaderMap) + 'static,
    extract: impl Fn(&Context, &HeaderMap) -> Context + 'static,
) -> Contender<'static> {
    let (cx, empty) = (context(case), Context::new());
    Contender::new(role, name, move |n| {
        for _ in 0..n {
            let mut headers = HeaderMap::new();
            inject(black_box(&cx), &mut headers);
            black_box(extract(&empty, black_box(&headers)));
        }
    })
}

fn contenders_of(case: Case) -> Vec<Contender<'static>> {
    static NAME: HeaderName = HeaderName::from_static("traceparent");
    let formats: &[Format] = if case.default_formats { &Format::DEFAULT } else { &[Format::TraceContext] };
    let ours = Propagator::new(formats.iter().copied());
    let (headers, headers_too, text, text_too) = (ours.clone(), ours.clone(), ours.clone(), ours);
    let peer = || -> Box<dyn TextMapPropagator + Send + Sync> {
        let trace = TraceContextPropagator::new();
        match case.default_formats {
            true => Box::new(TextMapCompositePropagator::new(vec![
                Box::new(trace),
                Box::new(BaggagePropagator::new()),
            ])),
            false => Box::new(trace),
        }
    };
    let (peer, peer_too) = (peer(), peer());
    vec![
        contender(
            Role::Floor,
            "one static header inserted and found",
            case,
            |_, headers| {
                let value = HeaderValue::from_bytes(black_box(&[b'0'; 55]));
                headers.insert(&NAME, value.expect("digits"));
            },
            |cx, headers| {
                black_box(headers.get(&NAME));
                cx.clone()
            },
        ),
        // What extraction must make in any case: no header is written or read.
        contender(
            Role::Floor,
            "the API's context of these values made and dropped",
            case,
            |_, _| {},
            move |_, _| context(black_box(case)),
        ),
        contender(
            Role::Ours,
            OURS,
            case,
            move |cx, map| headers.inject_headers(cx, map),
            move |cx, map| headers_too.extract_headers(cx, map),
        ),
        contender(
            Role::Aside,
            OURS_BY_TEXT,
            case,
            move |cx, map| text.inject_context(cx, &mut opentelemetry_http::HeaderInjector(map)),
            move |cx, map| text_too.extract_with_context(cx, &opentelemetry_http::HeaderExtractor(map)),
        ),
        contender(
            Role::Peer,
            PEER,
            case,
            move |cx, map| peer.inject_context(cx, &mut opentelemetry_http::HeaderInjector(map)),
            move |cx, map| peer_too.extract_with_context(cx, &opentelemetry_http::HeaderExtractor(map)),
        ),
    ]
}

/// Those of the default formats with baggage, which do the most.
pub(crate) fn contenders() -> Vec<Contender<'static>> {
    contenders_of(CASES[2])
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    for case in CASES {
        let title = format!("Inject and extract on a HeaderMap: {}", case.title);
        let table = Table::new(title, "ns", compare(effort, contenders_of(case)));
        table.print();
        let what = format!("inject and extract on a HeaderMap: {}", case.title);
        bars.ratio(0.35, table.median(OURS), table.median(PEER), &what, PEER);
    }
}
