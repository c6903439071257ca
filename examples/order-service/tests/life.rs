//! From its first line to its last: where to look, what it does by itself, and how it ends.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::time::{Duration, Instant};

use serde_json::json;
use support::{Service, order};

/// Waits until the page is as expected, and returns it.
fn eventually(service: &Service, expected: impl Fn(&str) -> bool) -> String {
    let began = Instant::now();
    loop {
        let page = service.page("text/plain");
        if expected(&page) {
            return page;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "not as expected:\n{page}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Whether a request is under way.
fn is_active(page: &str) -> bool {
    page.lines().any(|line| line.starts_with("http_server_active_requests{") && line.ends_with(" 1"))
}

#[test]
fn it_says_where_to_look_and_ends_by_itself_with_what_it_recorded() {
    let mut service = Service::start(&["--for", "2", "--rps", "200"]);
    let lines = service.lines_until("it stops after").join("\n");
    assert!(lines.contains(&format!("curl {}/metrics", service.base)), "{lines}");
    assert!(lines.contains("200 requests a second"), "{lines}");
    let (code, said) = service.end();
    assert_eq!(code, Some(0), "{said}");
    for part in ["order.created.total", "http.server.request.duration", "0 measurements refused"] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn its_customers_do_everything_that_there_is_to_see() {
    let service = Service::start(&["--rps", "200"]);
    let expected = [
        "order_created_total{channel=\"web\"",
        "order_created_total{channel=\"app\"",
        "order_created_total{channel=\"partner\"",
        "outcome=\"shipped\"",
        "outcome=\"cancelled\"",
        "http_route=\"/orders/{number}/pay\"",
        "http_response_status_code=\"402\"",
        "http_response_status_code=\"404\"",
        "http_response_status_code=\"409\"",
        "error_type=\"502\"",
        "error_type=\"cancelled\"",
        "http_server_active_requests{",
        "http_server_request_body_size_bytes_count{",
        "stock_level{",
        "step=\"refund\"",
    ];
    let page = eventually(&service, |page| expected.iter().all(|part| page.contains(part)));
    assert!(!page.contains("/no/such/page"), "{page}");
}

#[test]
fn without_traffic_there_is_nothing_but_what_is_asked_for() {
    let service = Service::start(&["--no-traffic"]);
    assert!(!service.page("text/plain").contains("order_created_total{"));
    assert_eq!(service.post("/orders", &order("web", "eu", "tea", 1)).0, 201);
    assert!(service.page("text/plain").contains("order_created_total{channel=\"web\""));
}

#[test]
fn the_environment_opens_the_port_for_prometheus_and_names_the_service() {
    let mut service = Service::start_with(
        &["--no-traffic"],
        &[
            ("OTEL_METRICS_EXPORTER", "prometheus"),
            ("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1"),
            ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
            ("OTEL_SERVICE_NAME", "orders-eu"),
        ],
    );
    let lines = service.lines_until("  for Prometheus");
    let url = lines.last().unwrap().trim().strip_prefix("for Prometheus  ").unwrap();
    let page = ureq::get(url).call().unwrap().body_mut().read_to_string().unwrap();
    assert!(page.contains("service_name=\"orders-eu\"") && page.contains("service_version="), "{page}");
    // But for what changes between the scrapes: how long each took, how many series there are for that, and how many
    // instruments, for the routes are made after the port is open.
    let own = [
        "otel_sdk_metric_reader_collection_duration",
        "tachograph_metric_series",
        "tachograph_metric_instruments",
    ];
    let others = |page: &str| {
        let lines = page.lines().filter(|line| !own.iter().any(|name| line.contains(name)));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(others(&page), others(&service.page("text/plain")));
}

#[test]
fn an_address_that_is_taken_is_said_and_not_a_panic() {
    let service = Service::start(&["--no-traffic"]);
    let address = service.base.strip_prefix("http://").unwrap();
    let second = std::process::Command::new(env!("CARGO_BIN_EXE_order-service"))
        .args(["--no-traffic", "--addr", address])
        .output()
        .unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(!second.status.success() && said.contains(address) && said.contains("--addr"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_signal_lets_it_finish_what_is_under_way() {
    for signal in ["TERM", "INT"] {
        let service = Service::start(&["--no-traffic"]);
        service.post("/orders", &order("web", "eu", "tea", 1));
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| service.post("/orders/1/pay", &json!({ "card": "slow" })));
            // The payment takes 400 ms.
            eventually(&service, is_active);
            service.signal(signal);
            assert_eq!(slow.join().unwrap().0, 200, "{signal}");
        });
        let (code, said) = service.end();
        assert_eq!(code, Some(0), "{signal}: {said}");
        assert!(said.contains("payment.duration                 1 values"), "{signal}: {said}");
    }
}

#[cfg(unix)]
#[test]
fn a_second_signal_ends_it_at_once() {
    use std::io::Write;
    for (signal, expected) in [("TERM", 143), ("INT", 130)] {
        let mut service = Service::start(&["--no-traffic"]);
        // A request whose body never comes would be waited for for ever.
        let address = service.base.strip_prefix("http://").unwrap().to_owned();
        let mut stuck = std::net::TcpStream::connect(address).unwrap();
        stuck
            .write_all(b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n")
            .unwrap();
        eventually(&service, is_active);
        // Twice in a row is once.
        service.signal(signal);
        service.signal(signal);
        service.lines_until("stopping");
        std::thread::sleep(Duration::from_millis(700));
        service.signal(signal);
        assert_eq!(service.end().0, Some(expected), "{signal}");
    }
}

#[test]
fn without_a_collector_it_works_as_well_and_says_so_once() {
    // Nothing listens at port 1. Batches are small and often, so that many of them find nobody.
    let variables = [
        ("OTEL_METRICS_EXPORTER", "none"),
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ("RUST_LOG", "warn,order_service=off"),
    ];
    let service = Service::start_with(&["--no-traffic", "--for", "4"], &variables);
    let (status, _) = service.post("/orders", &order("web", "eu", "tea", 1));
    assert_eq!(status, 201, "orders are taken");
    let (code, said) = service.end();
    assert_eq!(code, Some(0), "{said}");
    let about_it: Vec<&str> = said.lines().filter(|line| line.contains("127.0.0.1:1")).collect();
    let [line] = about_it[..] else { panic!("not one line about it: {about_it:?}\n{said}") };
    assert!(line.contains("OTEL_TRACES_EXPORTER=none"), "what to do about it: {line}");
    assert!(said.contains("0 exported") && said.contains("0 queued"), "its account is whole: {said}");
}
