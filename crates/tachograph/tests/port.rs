//! The port of its own: beside the route, without a runtime, and when it cannot be had. What its server
//! does for clients is tested where that is, in `tachograph-prometheus`.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use support::{get, page, reports_of, sample, without_durations};
use tachograph::prometheus::TranslationStrategy;
use tachograph::{Counter, Environment, Telemetry};

fn on_any_port() -> Telemetry {
    Telemetry::builder().without_environment().with_prometheus_address("127.0.0.1:0").build().unwrap()
}

fn address(telemetry: &Telemetry) -> SocketAddr {
    telemetry.prometheus_addresses()[0]
}

#[test]
fn the_port_works_without_any_runtime_and_shares_the_page_with_the_routes() {
    let telemetry = on_any_port();
    let orders: Counter<u64> = telemetry.meter("shop").counter("orders").build();
    orders.add(3, &());
    let (status, text) = get(&format!("http://{}/metrics", address(&telemetry))).unwrap();
    assert_eq!(status, 200);
    assert_eq!(sample(&text, "orders_total", &[]), Some(3.0));
    assert_eq!(without_durations(&text), without_durations(&page(&telemetry)));
    assert_eq!(telemetry.shutdown_blocking().scrapes, 2);
}

#[test]
fn the_port_negotiates_as_the_route_does() {
    let telemetry = on_any_port();
    let url = format!("http://{}/metrics", address(&telemetry));
    let mut response =
        ureq::get(url).header("Accept", "application/openmetrics-text;version=1.0.0").call().unwrap();
    let content_type = response.headers()["content-type"].to_str().unwrap().to_owned();
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"), "{content_type}");
    assert!(response.body_mut().read_to_string().unwrap().ends_with("# EOF\n"));
}

#[test]
fn a_port_that_code_names_and_that_is_taken_is_an_error_that_says_so() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let asked = taken.local_addr().unwrap().to_string();
    let built = Telemetry::builder().without_environment().with_prometheus_address(&asked).build();
    let error = built.unwrap_err();
    assert!(error.is_port() && error.is_address_in_use() && !error.is_environment());
    assert!(error.to_string().contains(&asked) && error.to_string().contains("another port"), "{error}");
}

#[test]
fn a_port_that_the_environment_names_and_that_is_taken_is_reported_and_the_service_goes_on() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let number = taken.local_addr().unwrap().port().to_string();
    let variables = [
        ("OTEL_METRICS_EXPORTER", "prometheus"),
        ("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1"),
        ("OTEL_EXPORTER_PROMETHEUS_PORT", &number),
    ];
    let builder = || Telemetry::builder().with_environment(Environment::from_iter(variables));
    let (telemetry, reports) = reports_of(|| builder().build().unwrap());
    assert_eq!(telemetry.prometheus_addresses(), []);
    assert!(reports.len() == 1 && reports[0].contains(&number), "{reports:?}");
    assert!(page(&telemetry).contains("target_info"));
    assert!(builder().strict().build().unwrap_err().is_address_in_use());
}

#[test]
fn an_address_that_is_none_is_an_error_and_never_a_panic() {
    for asked in ["", "localhost", "localhost:70000"] {
        let built = Telemetry::builder().without_environment().with_prometheus_address(asked).build();
        assert!(built.unwrap_err().is_port(), "{asked}");
    }
}

#[test]
fn an_ipv6_host_needs_no_brackets_in_the_environment() {
    if TcpListener::bind("[::1]:0").is_err() {
        return; // This machine has no IPv6.
    }
    for host in ["::1", "[::1]"] {
        let telemetry = Telemetry::builder()
            .with_environment(Environment::from_iter([
                ("OTEL_METRICS_EXPORTER", "prometheus"),
                ("OTEL_EXPORTER_PROMETHEUS_HOST", host),
                ("OTEL_EXPORTER_PROMETHEUS_PORT", "0"),
            ]))
            .build()
            .unwrap();
        assert!(address(&telemetry).is_ipv6(), "{host}");
    }
}

#[test]
fn the_port_is_closed_by_shutdown_and_by_drop_and_can_be_opened_again() {
    let telemetry = on_any_port();
    let address = address(&telemetry);
    telemetry.shutdown_blocking();
    assert!(TcpStream::connect(address).is_err());
    let again = || {
        Telemetry::builder()
            .without_environment()
            .with_prometheus_address(address.to_string())
            .build()
            .unwrap()
    };
    drop(again());
    drop(again());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn clients_that_say_nothing_do_not_hold_up_the_shutdown() {
    let telemetry = on_any_port();
    let silent: Vec<_> = (0..40).map(|_| TcpStream::connect(address(&telemetry)).unwrap()).collect();
    let began = Instant::now();
    telemetry.shutdown_blocking();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    drop(silent);
}

#[test]
fn a_callback_that_hangs_does_not_hold_up_the_shutdown() {
    let telemetry = on_any_port();
    let (entered, is_entered) = std::sync::mpsc::channel();
    let (_release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let _gauge = telemetry
        .meter("test")
        .as_otel()
        .u64_observable_gauge("stuck")
        .with_callback(move |_| {
            let _ = entered.send(());
            let _ = released.lock().unwrap().recv();
        })
        .build();
    let url = format!("http://{}/metrics", address(&telemetry));
    let scraper = std::thread::spawn(move || get(&url));
    is_entered.recv_timeout(Duration::from_secs(10)).unwrap();
    let began = Instant::now();
    telemetry.shutdown_blocking();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(scraper.join().unwrap().is_err());
}

#[test]
fn the_port_asks_who_its_clients_are_where_code_says_so() {
    let telemetry = Telemetry::builder()
        .without_environment()
        .with_prometheus_address("127.0.0.1:0")
        .with_prometheus_server(|server| server.with_bearer_token("a-secret"))
        .build()
        .unwrap();
    assert!(!format!("{telemetry:?}").contains("secret"));
    let url = format!("http://{}/metrics", address(&telemetry));
    assert_eq!(get(&url).unwrap().0, 401);
    let answer = ureq::get(&url).header("Authorization", "Bearer a-secret").call().unwrap();
    assert_eq!(answer.status(), 200);
}

#[test]
fn the_page_is_written_as_code_says_wherever_it_is_served() {
    let telemetry = Telemetry::builder()
        .without_environment()
        .with_service_name("shop")
        .with_prometheus_address("127.0.0.1:0")
        .with_prometheus_page(|page| page.with_resource_labels(["service.name"]))
        .with_prometheus_page(|page| {
            page.with_translation_strategy(TranslationStrategy::UnderscoreEscapingWithoutSuffixes)
        })
        .build()
        .unwrap();
    telemetry.meter("shop").counter("orders").build::<u64, ()>().add(1, &());
    let (_, text) = get(&format!("http://{}/metrics", address(&telemetry))).unwrap();
    assert!(text.contains("\norders{otel_scope_name=\"shop\",service_name=\"shop\"} 1\n"), "{text}");
    assert_eq!(without_durations(&text), without_durations(&page(&telemetry)));
}
