//! Where nobody would see a span, who calls and who is called are in one trace all the same.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, Tracer};
use support::serve;
use tachograph::{Environment, SpanExt, Telemetry};
use tracing_subscriber::layer::SubscriberExt;

const CALLER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// What each of these says is that nobody would see a span.
const SETTINGS: [(&str, &str); 2] = [("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "none")];

fn telemetry((variable, value): (&str, &str)) -> Telemetry {
    Telemetry::builder().with_environment(Environment::from_iter([(variable, value)])).build().unwrap()
}

fn extracted(telemetry: &Telemetry) -> Context {
    let headers = HashMap::from([("traceparent".to_owned(), CALLER.to_owned())]);
    telemetry.propagator().extract_with_context(&Context::new(), &headers)
}

/// What would be sent on from a context.
fn injected(telemetry: &Telemetry, context: &Context) -> Option<String> {
    let mut headers = HashMap::new();
    telemetry.propagator().inject_context(context, &mut headers);
    headers.remove("traceparent")
}

#[test]
fn a_span_of_the_api_passes_its_parent_on() {
    for setting in SETTINGS {
        let telemetry = telemetry(setting);
        let tracer = telemetry.tracer("shop");
        let parent = extracted(&telemetry);
        let span = tracer.start_with_context("order", &parent);
        assert_eq!(injected(&telemetry, &parent.with_span(span)).as_deref(), Some(CALLER), "{setting:?}");
        let root = tracer.start_with_context("order", &Context::new());
        assert_eq!(
            injected(&telemetry, &Context::new().with_span(root)),
            None,
            "{setting:?}: who is called decides"
        );
    }
}

#[test]
fn spans_of_tracing_pass_their_parent_on() {
    for setting in SETTINGS {
        let telemetry = telemetry(setting);
        let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
        tracing::subscriber::with_default(subscriber, || {
            let _attached = extracted(&telemetry).attach();
            let outer = tracing::info_span!("order");
            let sent = outer.in_scope(|| {
                let inner = tracing::info_span!("pay");
                assert_eq!(injected(&telemetry, &inner.context()).as_deref(), Some(CALLER), "{setting:?}");
                inner.in_scope(|| injected(&telemetry, &Context::current()))
            });
            assert_eq!(sent.as_deref(), Some(CALLER), "{setting:?}");
        });
        let subscriber = tracing_subscriber::registry().with(telemetry.tracing_layer());
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("order");
            span.set_parent(&extracted(&telemetry));
            assert_eq!(injected(&telemetry, &span.context()).as_deref(), Some(CALLER), "{setting:?}");
            let sent = span.in_scope(|| injected(&telemetry, &Context::current()));
            assert_eq!(sent.as_deref(), Some(CALLER), "{setting:?}: a parent that was set later");
        });
    }
}

#[tokio::test]
async fn the_server_layer_passes_the_caller_on() {
    for setting in SETTINGS {
        let telemetry = Arc::new(telemetry(setting));
        let handler = {
            let telemetry = Arc::clone(&telemetry);
            async move || injected(&telemetry, &Context::current()).unwrap_or_default()
        };
        let app = axum::Router::new().route("/", axum::routing::get(handler));
        let address = serve(app.layer(telemetry.http_server_layer())).await;
        let body = tokio::task::spawn_blocking(move || {
            let request = ureq::get(format!("http://{address}/")).header("traceparent", CALLER);
            request.call().unwrap().body_mut().read_to_string().unwrap()
        });
        assert_eq!(body.await.unwrap(), CALLER, "{setting:?}");
    }
}
