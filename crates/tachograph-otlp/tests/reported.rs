//! What a user is told: what was wrong, where, what to do; once, and without secrets.

mod support;

use std::time::Duration;

use support::receiver::{Act, Receiver, nobody, status_body};
use support::{LONG, config, make_spans, provider, reports, run};
use tachograph_otlp::{OtlpConfig, OtlpSpanExporter, TlsConfig};
use tachograph_sdk::pipeline::Deadline;

/// The only report about an endpoint.
fn only(endpoint: &str) -> String {
    let about = reports::about(endpoint);
    assert_eq!(about.len(), 1, "{about:#?}");
    about.into_iter().next().expect("one")
}

#[test]
fn without_a_collector_that_is_said_once_with_what_to_do() {
    reports::listen();
    let address = nobody();
    let provider = provider(config(&format!("http://{address}")).with_timeout(Duration::from_millis(100)));
    for _ in 0..5 {
        make_spans(&provider, 1);
        provider.flush(Deadline::after(LONG)).expect("flushed");
    }
    provider.shutdown(Deadline::after(LONG));
    let text = only(&address.to_string());
    assert!(text.starts_with("tachograph "), "{text}");
    assert!(text.contains("connect_failed") && text.contains("start a collector"), "{text}");
    assert!(text.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{text}");
}

#[test]
fn a_collector_that_comes_late_is_said_to_be_there() {
    reports::listen();
    let address = nobody();
    let provider = provider(config(&format!("http://{address}")).with_timeout(Duration::from_millis(100)));
    make_spans(&provider, 1);
    provider.flush(Deadline::after(LONG)).expect("flushed");
    let receiver = Receiver::start_at(address);
    make_spans(&provider, 2);
    provider.shutdown(Deadline::after(LONG));
    assert_eq!(receiver.spans().len(), 2);
    let about = reports::about(&address.to_string());
    assert_eq!(about.len(), 2, "{about:#?}");
    assert!(about[1].contains("is there now"), "{about:#?}");
}

#[test]
fn a_receivers_message_is_passed_on() {
    reports::listen();
    let headers = vec![("content-type", "application/x-protobuf".to_owned())];
    let receiver = Receiver::start([Act::Answer(400, headers, status_body("no such tenant"))]);
    run(config(&receiver.url()), 1);
    let text = only(&receiver.address());
    assert!(text.contains("no such tenant") && text.contains("400"), "{text}");
    let headers = vec![("content-type", "text/plain; charset=utf-8".to_owned())];
    let receiver = Receiver::start([Act::Answer(415, headers, b"what is this\n".to_vec())]);
    run(config(&receiver.url()), 1);
    assert!(only(&receiver.address()).contains("what is this"));
}

#[test]
fn a_partial_success_is_said_and_one_that_refuses_nothing_is_a_warning() {
    reports::listen();
    let receiver = Receiver::start([Act::Partial(1, "too old")]);
    run(config(&receiver.url()), 2);
    let text = only(&receiver.address());
    assert!(text.contains("refused 1 spans") && text.contains("too old"), "{text}");
    let receiver = Receiver::start([Act::Partial(0, "soon no longer")]);
    assert_eq!(run(config(&receiver.url()), 2).exported, 2);
    let text = only(&receiver.address());
    assert!(text.contains("took all spans") && text.contains("soon no longer"), "{text}");
}

#[test]
fn a_success_is_not_worth_a_word() {
    reports::listen();
    let receiver = Receiver::start([Act::Take, Act::Answer(503, vec![], vec![])]);
    let provider = provider(config(&receiver.url()));
    make_spans(&provider, 1);
    provider.flush(Deadline::after(LONG)).expect("flushed");
    make_spans(&provider, 1);
    provider.shutdown(Deadline::after(LONG));
    assert_eq!(receiver.received().len(), 3);
    assert_eq!(reports::about(&receiver.address()), [""; 0], "what worked the second time worked");
}

#[test]
fn secrets_are_not_shown_even_when_the_receiver_repeats_them() {
    reports::listen();
    let headers = vec![("content-type", "text/plain".to_owned())];
    let body = b"bad token Bearer s3cret-token of query s3cret-query".to_vec();
    let receiver = Receiver::start([Act::Answer(401, headers, body)]);
    let url = receiver.url().replace("http://", "http://user:s3cret-word@");
    let config = OtlpConfig::traces()
        .with_endpoint(&url)
        .with_header("authorization", "Bearer s3cret-token")
        .with_tls(TlsConfig::new().with_client_identity_pem("s3cret-pem", "s3cret-pem"));
    assert!(!format!("{config:?}").contains("s3cret"), "{config:?}");
    let exporter = OtlpSpanExporter::new(config.clone()).expect("the configuration can be used");
    assert!(!format!("{exporter:?}").contains("s3cret"), "{exporter:?}");
    run(config, 1);
    let about = reports::about(&receiver.address()).join("\n");
    assert!(about.contains("401") && about.contains("OTEL_EXPORTER_OTLP_HEADERS"), "{about}");
    assert!(!about.contains("s3cret-token") && !about.contains("s3cret-word"), "{about}");
    assert_eq!(receiver.received()[0].headers["authorization"], "Bearer s3cret-token");
}

#[test]
fn parts_of_secrets_are_not_shown_either() {
    reports::listen();
    let filler = "x".repeat(290);
    for body in [
        // Without the scheme, from the URL, and where the text is cut.
        "no token s3cret-token".to_owned(),
        "no query s3cret-query".to_owned(),
        "no word s3cret+word".to_owned(),
        format!("{filler} s3cret-token"),
    ] {
        let headers = vec![("content-type", "text/plain".to_owned())];
        let receiver = Receiver::start([Act::Answer(401, headers, body.clone().into_bytes())]);
        let url = receiver.url().replace("http://", "http://user:s3cret%2Bword@") + "/?key=s3cret-query";
        let config = OtlpConfig::traces().with_signal_endpoint(&url);
        run(config.with_header("authorization", "Bearer s3cret-token"), 1);
        let about = reports::about(&receiver.address()).join("\n");
        assert!(about.contains("401") && !about.contains("s3c"), "{body}: {about}");
    }
}

#[test]
fn the_port_of_grpc_is_recognised() {
    reports::listen();
    // Nothing listens at this address of the loopback network.
    run(config("http://127.93.41.7:4317").with_timeout(Duration::from_millis(100)), 1);
    let text = only("127.93.41.7:4317");
    assert!(text.contains("4318"), "{text}");
}

#[test]
fn nothing_that_an_export_does_comes_to_tracing_but_reports() {
    reports::listen();
    let receiver = Receiver::start([Act::CloseAfterRequest, Act::Answer(503, vec![], vec![])]);
    assert_eq!(run(config(&receiver.url()), 2).exported, 2);
    // The listener does listen.
    tracing::info!(target: "a_test", "heard");
    let foreign: Vec<String> =
        reports::foreign().into_iter().filter(|text| !text.starts_with("a_test ")).collect();
    assert!(reports::foreign().len() > foreign.len());
    assert_eq!(foreign, [""; 0], "no library below says anything that could be exported in turn");
}

#[test]
fn a_redirect_is_explained() {
    reports::listen();
    let headers = vec![("location", "http://elsewhere.example/".to_owned())];
    let receiver = Receiver::start([Act::Answer(308, headers, vec![])]);
    run(config(&receiver.url()), 1);
    let text = only(&receiver.address());
    assert!(text.contains("redirects are not followed") && text.contains("set the endpoint"), "{text}");
}

#[test]
fn a_configuration_that_cannot_be_used_is_refused_with_advice() {
    let error = |config: OtlpConfig| OtlpSpanExporter::new(config).expect_err("it cannot be used");
    let wrong = error(OtlpConfig::traces().with_endpoint("collector:4318"));
    assert!(wrong.is_config() && wrong.to_string().contains("http://localhost:4318"), "{wrong}");
    let wrong = error(OtlpConfig::traces().with_header("a b", "s3cret"));
    assert!(wrong.is_config() && wrong.to_string().contains("a b"), "{wrong}");
    assert!(!wrong.to_string().contains("s3cret"));
    let wrong = error(OtlpConfig::traces().with_header("x", "s3cret\n"));
    assert!(wrong.to_string().contains("the header x") && !wrong.to_string().contains("s3cret"), "{wrong}");
}
