//! What a scraper gets for a request.

mod support;

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use flate2::read::GzDecoder;
use http::{Method, Request, Response, StatusCode};
use http_body::Body;
use tachograph_prometheus::{Format, PageBody, PrometheusExporter};
use tachograph_sdk::metrics::{MetricReader, TemporalityPreference};
use tachograph_sdk::{Counter, MeterProvider};

fn exporter() -> PrometheusExporter {
    let provider = support::bare_provider();
    let counter: Counter<u64> = provider.meter("").counter("requests").build();
    for n in 0..100 {
        counter.add(n, &[("n", n as i64)]);
    }
    support::short_exporter(&provider)
}

fn get(headers: &[(&str, &str)]) -> Response<bytes::Bytes> {
    send(Method::GET, headers)
}

fn send(method: Method, headers: &[(&str, &str)]) -> Response<bytes::Bytes> {
    let mut request = Request::builder().method(method).uri("/whatever?x=y");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    exporter().respond(&request.body(()).expect("a request"))
}

fn header<'r>(response: &'r Response<bytes::Bytes>, name: &str) -> Option<&'r str> {
    response.headers().get(name).map(|value| value.to_str().expect("text"))
}

const PROMETHEUS_3_5: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
    application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
    text/plain;version=0.0.4;q=0.3,*/*;q=0.2";

#[test]
fn a_get_is_answered_in_the_text_format_unless_another_is_asked_for() {
    let response = get(&[]);
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(
        header(&response, "content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
    );
    assert_eq!(header(&response, "content-encoding"), None);
    assert_eq!(header(&response, "vary"), Some("Accept, Accept-Encoding"));
    assert_eq!(header(&response, "content-length"), Some(&*response.body().len().to_string()));
    assert_eq!(&response.body()[..], exporter().render(Format::Text004));
}

#[test]
fn a_prometheus_server_gets_open_metrics() {
    let response = get(&[("accept", PROMETHEUS_3_5)]);
    assert_eq!(
        header(&response, "content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8")
    );
    assert!(response.body().ends_with(b"# EOF\n"));
}

#[test]
fn garbage_in_the_headers_is_no_error() {
    let response = get(&[("accept", ";;q=,\"\\"), ("accept-encoding", "gzip;q=nope,;")]);
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "content-type"), Some(Format::Text004.content_type()));
    assert_eq!(header(&response, "content-encoding"), None);
}

#[test]
fn gzip_is_what_it_says_and_smaller() {
    let response = get(&[("accept", PROMETHEUS_3_5), ("accept-encoding", "gzip")]);
    assert_eq!(header(&response, "content-encoding"), Some("gzip"));
    assert_eq!(header(&response, "content-length"), Some(&*response.body().len().to_string()));
    let mut page = Vec::new();
    GzDecoder::new(&response.body()[..]).read_to_end(&mut page).unwrap();
    assert_eq!(page, exporter().render(Format::OpenMetrics100));
    assert!(response.body().len() < page.len() / 2);
}

#[test]
fn a_head_gets_the_headers_of_a_get_without_the_page() {
    for headers in [&[][..], &[("accept-encoding", "gzip")]] {
        let (head, get) = (send(Method::HEAD, headers), get(headers));
        assert_eq!(head.status(), StatusCode::OK);
        assert!(head.body().is_empty());
        assert_eq!(head.headers(), get.headers());
    }
}

#[test]
fn any_other_method_is_not_allowed() {
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let response = send(method, &[]);
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(header(&response, "allow"), Some("GET, HEAD"));
        assert!(!response.body().starts_with(b"#"));
    }
}

#[test]
fn an_exporter_can_be_shared_by_the_threads_of_a_server() {
    fn is_shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let exporter = exporter();
    is_shared(&exporter);
    let other = exporter.clone();
    assert_eq!(exporter.render(Format::Text004), other.render(Format::Text004));
}

/// What a body is made of, to its end.
fn collect(mut body: PageBody) -> Vec<u8> {
    let (mut bytes, mut context) = (Vec::new(), Context::from_waker(Waker::noop()));
    loop {
        match Pin::new(&mut body).poll_frame(&mut context) {
            Poll::Ready(Some(frame)) => {
                bytes.extend_from_slice(frame.expect("no error").data_ref().expect("data"))
            }
            Poll::Ready(None) => {
                assert!(body.is_end_stream());
                return bytes;
            }
            Poll::Pending => {}
        }
    }
}

#[test]
fn a_streamed_response_is_what_a_whole_one_is() {
    let exporter = exporter();
    for method in [Method::GET, Method::HEAD, Method::POST] {
        for coding in ["identity", "gzip", "zstd, gzip;q=0.5"] {
            let request =
                Request::builder().method(method.clone()).uri("/metrics").header("accept-encoding", coding);
            let request = request.header("accept", PROMETHEUS_3_5).body(()).expect("a request");
            let (whole, streamed) = (exporter.respond(&request), exporter.respond_streaming(&request));
            assert_eq!(whole.status(), streamed.status());
            // A page of one piece has its length, too.
            assert_eq!(whole.headers(), streamed.headers());
            assert_eq!(streamed.body().size_hint().exact(), Some(whole.body().len() as u64));
            assert_eq!(collect(streamed.into_body()), whole.body()[..]);
        }
    }
}

#[test]
#[cfg(feature = "zstd")]
fn zstd_is_what_it_says_and_smaller() {
    let response = get(&[("accept-encoding", "gzip, zstd")]);
    assert_eq!(header(&response, "content-encoding"), Some("zstd"));
    let page = zstd::stream::decode_all(&response.body()[..]).expect("zstd");
    assert_eq!(page, exporter().render(Format::Text004));
    assert!(response.body().len() < page.len() / 2);
}

/// Status and text, whole and in pieces.
fn answers(exporter: &PrometheusExporter, method: Method) -> [(StatusCode, Vec<u8>); 2] {
    let request = Request::builder().method(method).body(()).expect("a request");
    let whole = exporter.respond(&request);
    let (status, body) = (whole.status(), whole.into_body().to_vec());
    let pieces = exporter.respond_streaming(&request);
    [(status, body), (pieces.status(), collect(pieces.into_body()))]
}

#[test]
fn after_a_shutdown_scrapes_are_told_so_and_not_given_what_was_once() {
    let end: [fn(&MeterProvider, &MetricReader); 2] = [
        |provider, _| {
            provider.shutdown();
        },
        |_, reader| reader.shutdown(),
    ];
    for temporality in [TemporalityPreference::Cumulative, TemporalityPreference::Delta] {
        for end in end {
            let provider = support::bare_provider();
            let counter: Counter<u64> = provider.meter("").counter("requests").build();
            counter.add(1, &());
            let reader = provider.reader_builder().with_temporality(temporality).build();
            let exporter = PrometheusExporter::new(reader.clone());
            let streams = exporter.clone();
            for (status, body) in answers(&exporter, Method::GET) {
                assert_eq!((status, body.is_empty()), (StatusCode::OK, false));
            }
            end(&provider, &reader);
            for (status, body) in answers(&streams, Method::GET) {
                assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
                assert_eq!(body, b"the metrics have been shut down\n");
            }
            for answer in answers(&exporter, Method::HEAD) {
                assert_eq!(answer, (StatusCode::SERVICE_UNAVAILABLE, vec![]));
            }
            assert_eq!(exporter.render(Format::Text004), b"");
        }
    }
}

#[test]
fn an_exporter_of_what_was_over_before_it_has_empty_pages() {
    let provider = support::bare_provider();
    provider.shutdown();
    for answer in answers(&PrometheusExporter::new(provider.reader()), Method::GET) {
        assert_eq!(answer, (StatusCode::OK, vec![]));
    }
}
