//! The server of its own: what it answers, where it listens, and how it ends.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::pin;
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use tachograph_prometheus::{Format, PrometheusExporter, Server};
use tachograph_sdk::Counter;

fn exporter() -> PrometheusExporter {
    let provider = support::bare_provider();
    let counter: Counter<u64> = provider.meter("test").counter("requests").build();
    counter.add(3, &[("route", "/orders")]);
    support::short_exporter(&provider)
}

fn server() -> Server {
    Server::bind(exporter(), "127.0.0.1:0").expect("a free port")
}

fn url(server: &Server, path: &str) -> String {
    format!("http://{}{path}", server.addresses()[0])
}

/// Status and text of a page.
fn get(url: &str) -> Result<(u16, String), ureq::Error> {
    let config = ureq::Agent::config_builder().http_status_as_error(false);
    let mut response = ureq::Agent::new_with_config(config.build()).get(url).call()?;
    Ok((response.status().as_u16(), response.body_mut().read_to_string()?))
}

#[test]
fn a_scrape_gets_the_exporters_page_without_any_runtime() {
    let exporter = exporter();
    let server = Server::bind(exporter.clone(), "127.0.0.1:0").expect("a free port");
    let (status, page) = get(&url(&server, "/metrics")).expect("an answer");
    assert_eq!((status, page.as_bytes()), (200, &*exporter.render(Format::Text004)));
    assert!(page.contains("requests_total{route=\"/orders\"} 3\n"), "{page}");
    assert_eq!(server.scrapes(), 1);
}

#[test]
fn a_scrape_is_negotiated_as_a_response_is() {
    let server = server();
    let request = ureq::get(url(&server, "/metrics?name[]=x"));
    let request = request.header("accept", "application/openmetrics-text").header("accept-encoding", "gzip");
    let mut response = request.call().expect("an answer");
    assert_eq!(response.headers()["content-type"], Format::OpenMetrics100.content_type());
    assert_eq!(response.headers()["content-encoding"], "gzip");
    let mut page = Vec::new();
    GzDecoder::new(response.body_mut().as_reader()).read_to_end(&mut page).expect("gzip");
    assert_eq!(page, exporter().render(Format::OpenMetrics100));
    let head = ureq::head(url(&server, "/metrics")).call().expect("an answer");
    assert_eq!(head.headers()["content-type"], Format::Text004.content_type());
    assert_eq!(server.scrapes(), 2);
}

#[test]
fn other_paths_and_methods_are_told_where_the_metrics_are() {
    let server = server();
    for (path, expected) in [("/", 200), ("/metrics/", 404), ("/favicon.ico", 404), ("//metrics", 404)] {
        let (status, text) = get(&url(&server, path)).expect("an answer");
        assert_eq!(status, expected, "{path}");
        assert!(text.contains("/metrics"), "{text}");
    }
    for path in ["/", "/metrics"] {
        let refused = ureq::post(url(&server, path)).send("x").expect_err("a refusal");
        assert!(matches!(refused, ureq::Error::StatusCode(405)), "{refused}");
    }
    assert_eq!(server.scrapes(), 0);
}

#[test]
fn a_name_is_bound_at_each_of_its_addresses_with_one_port() {
    let server = Server::bind(exporter(), "localhost:0").expect("a free port");
    let port = server.addresses()[0].port();
    assert_ne!(port, 0);
    for address in server.addresses() {
        assert!(address.ip().is_loopback() && address.port() == port, "{address}");
        assert_eq!(get(&format!("http://{address}/metrics")).expect("an answer").0, 200);
    }
}

#[test]
fn an_address_that_is_taken_is_an_error_that_says_what_to_do() {
    let first = server();
    let asked = first.addresses()[0].to_string();
    let error = Server::bind(exporter(), &asked).expect_err("it is taken");
    assert!(error.is_address_in_use() && !error.is_permission_denied());
    assert!(error.to_string().contains(&asked) && error.to_string().contains("another port"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn an_address_that_is_none_is_an_error_and_never_a_panic() {
    for asked in
        ["", "localhost", "localhost:", "localhost:70000", "no.such.host.invalid:0", "192.0.2.1:0", "::1:0:0"]
    {
        let error = Server::bind(exporter(), asked).expect_err(asked);
        assert!(!error.is_address_in_use() && !error.is_permission_denied(), "{error}");
        assert!(error.to_string().starts_with(&format!("no port for Prometheus at {asked}: ")), "{error}");
    }
}

#[test]
fn it_is_closed_by_shutdown_and_by_drop_and_can_be_opened_again() {
    let first = server();
    let address = first.addresses()[0];
    first.shutdown_blocking();
    assert!(TcpStream::connect(address).is_err());
    let again = Server::bind(exporter(), &address.to_string()).expect("the port is free again");
    assert_eq!(get(&format!("http://{address}/metrics")).expect("an answer").0, 200);
    drop(again);
    // A drop does not wait.
    let began = Instant::now();
    while TcpStream::connect(address).is_ok() {
        assert!(began.elapsed() < Duration::from_secs(30), "it still listens");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn it_can_be_shut_down_by_any_executor_many_times_and_at_once() {
    let server = server();
    let wait = || {
        let mut shutdown = pin!(server.shutdown());
        let mut context = Context::from_waker(Waker::noop());
        let began = Instant::now();
        while shutdown.as_mut().poll(&mut context).is_pending() {
            assert!(began.elapsed() < Duration::from_secs(30), "it does not stop");
            thread::sleep(Duration::from_millis(1));
        }
        assert!(TcpStream::connect(server.addresses()[0]).is_err());
    };
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(wait);
            scope.spawn(|| server.shutdown_blocking());
        }
    });
    wait();
    server.shutdown_blocking();
}

#[test]
fn clients_that_say_nothing_do_not_hold_up_the_shutdown() {
    let server = server();
    let silent: Vec<_> =
        (0..40).map(|_| TcpStream::connect(server.addresses()[0]).expect("it listens")).collect();
    let began = Instant::now();
    server.shutdown_blocking();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    drop(silent);
}

#[test]
fn bytes_that_are_no_http_end_that_connection_only() {
    let server = server();
    for garbage in [&b"\x16\x03\x01\x02\x00\x01\x00"[..], b"GET\r\n\r\n", b"\0\0\0\0", &[b'a'; 100_000]] {
        let mut stream = TcpStream::connect(server.addresses()[0]).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a time-out can be set");
        // It may have hung up already.
        let _ = stream.write_all(garbage);
        let _ = stream.shutdown(Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(get(&url(&server, "/metrics")).expect("an answer").0, 200);
}

#[test]
fn more_connections_than_are_served_at_a_time_are_served_one_after_the_other() {
    let server = server();
    let url = url(&server, "/metrics");
    thread::scope(|scope| {
        let scrapers: Vec<_> = (0..100).map(|_| scope.spawn(|| get(&url).map(|page| page.0))).collect();
        for scraper in scrapers {
            assert_eq!(scraper.join().expect("no panic").expect("an answer"), 200);
        }
    });
    assert_eq!(server.scrapes(), 100);
}

#[test]
fn it_can_be_moved_and_shared() {
    fn is_shared<T: Send + Sync + std::fmt::Debug + 'static>(_: &T) {}
    let server = server();
    is_shared(&server);
    let debug = format!("{server:?}");
    assert!(debug.contains(&server.addresses()[0].port().to_string()), "{debug}");
    thread::spawn(move || drop(server)).join().expect("no panic");
}

#[test]
fn a_thousand_slow_clients_keep_nobody_out() {
    let provider = support::bare_provider();
    let counter: Counter<u64> = provider.meter("test").counter("requests").build();
    // A page that does not fit into what the system keeps for a connection that is not read.
    let long = "x".repeat(8_000);
    for n in 0..1_500 {
        counter.add(1, &[("n", &*format!("{long}{n}"))]);
    }
    let server = Server::bind(support::short_exporter(&provider), "127.0.0.1:0").expect("a free port");
    let (address, url) = (server.addresses()[0], url(&server, "/metrics"));
    let slow: Vec<_> = (0..1_000)
        .map(|number| {
            let mut stream = TcpStream::connect(address).expect("it listens");
            let head: &[u8] = match number % 3 {
                // Says nothing, does not end its head, does not read its page.
                0 => b"",
                1 => b"GET /metrics HTTP/1.1\r\nhost: te",
                _ => b"GET /metrics HTTP/1.1\r\nhost: test\r\n\r\n",
            };
            // It may have been closed already for those that came later.
            let _ = stream.write_all(head);
            stream
        })
        .collect();
    for _ in 0..3 {
        let began = Instant::now();
        let mut response = ureq::get(&url).call().expect("an answer");
        let page = response.body_mut().with_config().limit(100 << 20).read_to_string().expect("the page");
        assert_eq!(page.matches("requests_total{").count(), 1_500);
        // What a Prometheus server waits for a page by default.
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    }
    drop(slow);
}

#[test]
fn a_token_or_a_password_is_asked_for_where_one_is_set() {
    let server = Server::builder(exporter())
        .with_bearer_token("s3cret")
        .with_basic_credentials("prometheus", "hunter2")
        .bind("127.0.0.1:0")
        .expect("a free port");
    let url = url(&server, "/metrics");
    let get = |authorization: &str| {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let request = ureq::Agent::new_with_config(config.build()).get(&url);
        request.header("authorization", authorization).call().expect("an answer")
    };
    for right in ["Bearer s3cret", "Basic cHJvbWV0aGV1czpodW50ZXIy"] {
        assert_eq!(get(right).status(), 200, "{right}");
    }
    for wrong in ["Bearer s3cre", "Basic s3cret", "Bearer hunter2", "", "s3cret"] {
        let mut response = get(wrong);
        assert_eq!(response.status(), 401, "{wrong}");
        let challenges: Vec<_> = response.headers().get_all("www-authenticate").iter().collect();
        assert_eq!(challenges, ["Bearer realm=\"metrics\"", "Basic realm=\"metrics\", charset=\"UTF-8\""]);
        let text = response.body_mut().read_to_string().expect("text");
        assert!(!text.contains("requests_total"), "{text}");
    }
    assert_eq!((server.scrapes(), server.refused()), (2, 5));
    let shown = format!("{server:?}");
    assert!(!shown.contains("s3cret") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn credentials_that_nobody_could_send_open_nothing() {
    for builder in [
        Server::builder(exporter()).with_bearer_token(""),
        Server::builder(exporter()).with_bearer_token("line\nfeed"),
        Server::builder(exporter()).with_basic_credentials("a:b", "hunter2"),
        Server::builder(exporter()).with_bearer_token("right").with_basic_credentials("", ""),
    ] {
        let error = builder.bind("127.0.0.1:0").expect_err("no port without them");
        assert!(error.is_invalid_credentials() && !error.is_address_in_use(), "{error}");
        assert!(
            !error.to_string().contains("hunter2") && error.to_string().contains("clients can send"),
            "{error}"
        );
    }
}

#[test]
fn a_large_page_comes_in_pieces_and_is_the_same() {
    let provider = support::bare_provider();
    let counter: Counter<u64> = provider.meter("test").counter("requests").build();
    for n in 0..2_000 {
        counter.add(1, &[("n", &*format!("{n:0200}"))]);
    }
    let exporter = support::short_exporter(&provider);
    let server = Server::bind(exporter.clone(), "127.0.0.1:0").expect("a free port");
    for coding in ["identity", "gzip"] {
        let request = ureq::get(url(&server, "/metrics")).header("accept-encoding", coding);
        let mut response = request.call().expect("an answer");
        assert!(response.headers().get("content-length").is_none());
        let mut page = Vec::new();
        match coding {
            "gzip" => GzDecoder::new(response.body_mut().as_reader()).read_to_end(&mut page),
            _ => response.body_mut().as_reader().read_to_end(&mut page),
        }
        .expect("a page");
        assert_eq!(page, exporter.render(Format::Text004), "{coding}");
    }
}
