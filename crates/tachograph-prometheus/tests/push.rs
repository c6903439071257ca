//! Pushing to a Pushgateway: a made-up one that answers what the test says, and a real one.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use support::{bare_provider, peers, short_exporter};
use tachograph_prometheus::{
    Format, PrometheusExporter, Pushgateway, PushgatewayBuilder, TranslationStrategy,
};
use tachograph_sdk::{Counter, Histogram, MeterProvider};

/// A request as it came.
struct Received {
    first_line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Received {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }
}

/// Answers one request after the other with these, and tells what came. After the last it answers no more.
fn gateway(answers: Vec<&'static str>) -> (SocketAddr, Receiver<Received>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (tell, told) = channel();
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().expect("a connection");
            let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
            let mut lines = (&mut reader).lines().map(|line| line.expect("a line"));
            let first_line = lines.next().unwrap_or_default();
            let headers: Vec<_> = lines
                .take_while(|line| !line.is_empty())
                .filter_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    Some((name.to_lowercase(), value.trim().to_owned()))
                })
                .collect();
            let mut received = Received { first_line, headers, body: Vec::new() };
            let len = received.header("content-length").map_or(0, |len| len.parse().expect("a length"));
            received.body.resize(len, 0);
            reader.read_exact(&mut received.body).expect("the body");
            let _ = tell.send(received);
            // Whoever waits no more is the test's affair.
            let _ = stream.write_all(answer.as_bytes());
        }
        // Connections are taken, and nothing is said.
        thread::sleep(Duration::from_secs(60));
        drop(listener);
    });
    (address, told)
}

const ACCEPTED: &str = "HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const BUSY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\nconnection: close\r\n\r\nbusy";
const REFUSED: &str =
    "HTTP/1.1 400 Bad Request\r\ncontent-length: 11\r\nconnection: close\r\n\r\nno sense...";

fn provider() -> MeterProvider {
    let provider = bare_provider();
    let saved: Counter<u64> = provider.meter("backup").counter("backup.saved").with_unit("By").build();
    saved.add(7, &[("disk", "a")]);
    provider
}

fn builder(address: SocketAddr) -> PushgatewayBuilder {
    let exporter = short_exporter(&provider());
    Pushgateway::builder(exporter, format!("http://{address}"), "back/up")
        .with_timeout(Duration::from_secs(20))
}

#[test]
fn after_a_shutdown_nothing_is_pushed_over_what_was_pushed_before() {
    let (address, told) = gateway(vec![ACCEPTED, ACCEPTED]);
    let provider = provider();
    let gateway = Pushgateway::builder(short_exporter(&provider), format!("http://{address}"), "job")
        .with_timeout(Duration::from_secs(20))
        .build()
        .expect("a gateway");
    gateway.push().expect("pushed");
    assert!(!told.recv().expect("a request").body.is_empty());
    provider.shutdown();
    for pushed in [gateway.push(), gateway.add()] {
        let error = pushed.expect_err("there is nothing any more");
        assert!(error.is_invalid() && error.to_string().contains("shut down"), "{error}");
    }
    gateway.delete().expect("deleted");
    assert!(told.recv().expect("a request").first_line.starts_with("DELETE "));
}

#[test]
fn a_push_replaces_an_add_adds_and_a_delete_deletes() {
    let (address, told) = gateway(vec![ACCEPTED; 3]);
    let gateway = builder(address).with_grouping_key("instance", "db-1").build().expect("a gateway");
    gateway.push().expect("it is accepted");
    gateway.add().expect("it is accepted");
    gateway.delete().expect("it is accepted");
    let requests: Vec<Received> = told.iter().take(3).collect();
    for (received, method) in requests.iter().zip(["PUT", "POST", "DELETE"]) {
        assert_eq!(
            received.first_line,
            format!("{method} /metrics/job@base64/YmFjay91cA/instance/db-1 HTTP/1.1")
        );
        let page = String::from_utf8_lossy(&received.body);
        if method == "DELETE" {
            assert_eq!(page, "");
        } else {
            assert!(page.ends_with("backup_saved_bytes_total{disk=\"a\"} 7\n"), "{page}");
            assert_eq!(received.header("content-type"), Some(Format::Text004.content_type()));
        }
        assert_eq!(received.header("authorization"), None);
    }
}

#[test]
fn what_may_pass_is_tried_again_and_what_is_refused_is_not() {
    let (address, told) = gateway(vec![BUSY, "", ACCEPTED, REFUSED]);
    let gateway = builder(address).build().expect("a gateway");
    gateway.push().expect("it is accepted in the end");
    assert_eq!(told.iter().take(3).count(), 3);
    let error = gateway.push().expect_err("it is refused");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(400));
    assert!(
        error.to_string().contains("no sense...") && !error.is_timeout() && !error.is_invalid(),
        "{error}"
    );
}

#[test]
fn a_call_ends_in_its_time_whatever_the_gateway_does() {
    let silent = gateway(vec![]).0;
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    for (address, is_timeout) in [(silent, true), (nobody, false)] {
        let gateway = builder(address).with_timeout(Duration::from_millis(400)).build().expect("a gateway");
        let began = Instant::now();
        let error = gateway.push().expect_err("nobody answers");
        assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
        assert_eq!(error.is_timeout(), is_timeout, "{error}");
        assert!(error.to_string().contains("Pushgateway") && error.status().is_none(), "{error}");
    }
}

#[test]
fn a_time_without_end_is_no_panic() {
    let (address, told) = gateway(vec![ACCEPTED]);
    let gateway = builder(address).with_timeout(Duration::MAX).build().expect("a gateway");
    gateway.push().expect("it is accepted");
    assert_eq!(told.iter().take(1).count(), 1);
}

#[test]
fn credentials_are_sent_and_never_shown() {
    let (address, told) = gateway(vec![ACCEPTED, ACCEPTED]);
    let token = builder(address).with_bearer_token("hunter2");
    let basic = builder(address).with_basic_credentials("me", "hunter2");
    for (builder, expected) in [(token, "Bearer hunter2"), (basic, "Basic bWU6aHVudGVyMg==")] {
        let shown = format!("{builder:?}");
        let gateway = builder.build().expect("a gateway");
        let shown = format!("{shown} {gateway:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("bWU6"), "{shown}");
        gateway.push().expect("it is accepted");
        assert_eq!(told.recv().expect("a request").header("authorization"), Some(expected));
    }
    assert!(builder(address).with_bearer_token("line\nfeed").build().expect_err("no header").is_invalid());
}

#[test]
fn open_metrics_is_not_pushed() {
    let address = SocketAddr::from(([127, 0, 0, 1], 9));
    let error =
        builder(address).with_format(Format::OpenMetrics100).build().expect_err("no gateway reads it");
    assert!(error.is_invalid() && error.to_string().contains("OpenMetrics"), "{error}");
}

/// A real one; ends with the test.
struct Real {
    child: Child,
    base: String,
}

impl Real {
    fn start(test: &str, arguments: &[&str]) -> Self {
        let folder = peers::empty_folder(test);
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let free = free.expect("a free port");
            let log = std::fs::File::create(folder.join("log")).expect("a log can be written");
            let child = Command::new(peers::program("pushgateway/pushgateway"))
                .arg(format!("--web.listen-address={free}"))
                .args(arguments)
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .expect("it starts");
            let mut real = Real { child, base: format!("http://{free}") };
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(60) {
                if ureq::get(format!("{}/-/ready", real.base)).call().is_ok() {
                    return real;
                }
                if real.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                    break;
                }
                thread::sleep(Duration::from_millis(100));
            }
        }
        panic!("the Pushgateway does not become ready");
    }

    /// What it has, as a server would scrape it.
    fn page(&self) -> String {
        let request = ureq::get(format!("{}/metrics", self.base));
        let request = request.header("accept", "text/plain;version=1.0.0;escaping=allow-utf-8");
        request.call().and_then(|mut response| response.body_mut().read_to_string()).expect("a page")
    }
}

impl Drop for Real {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn a_real_pushgateway_takes_text_and_protobuf() {
    let real = Real::start("pushgateway", &[]);
    let provider = provider();
    let took: Histogram<f64> = provider.meter("backup").histogram("took").with_boundaries([1.0, 2.0]).build();
    took.record(1.5, &[("odd", "\"\\\n日")]);
    for (format, job) in [(Format::Text004, "text/é"), (Format::Protobuf, "proto")] {
        let gateway = Pushgateway::builder(short_exporter(&provider), &real.base, job)
            .with_grouping_key("instance", "")
            .with_grouping_key("path", "/var/tmp")
            .with_format(format)
            .build()
            .expect("a gateway");
        gateway.push().expect("it is accepted");
        let page = real.page();
        let labels = format!("instance=\"\",job=\"{job}\",path=\"/var/tmp\"");
        assert!(page.contains(&format!("backup_saved_bytes_total{{disk=\"a\",{labels}}} 7\n")), "{page}");
        let odd = r#"odd="\"\\\n日""#;
        assert!(
            page.contains(&format!("took_count{{instance=\"\",job=\"{job}\",{odd},path=\"/var/tmp\"}} 1\n")),
            "{page}"
        );
        gateway.delete().expect("it is deleted");
        assert!(!real.page().contains(&format!("job=\"{job}\"")));
        gateway.delete().expect("that there is none is no error");
    }
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn a_push_replaces_a_group_and_an_add_does_not() {
    let real = Real::start("pushgateway-groups", &[]);
    let gateway = |name: &'static str| {
        let provider = bare_provider();
        let counter: Counter<u64> = provider.meter("").counter(name).build();
        counter.add(1, &());
        Pushgateway::builder(short_exporter(&provider), &real.base, "job").build().expect("a gateway")
    };
    gateway("first").push().expect("it is accepted");
    gateway("second").add().expect("it is accepted");
    let page = real.page();
    assert!(page.contains("first_total{") && page.contains("second_total{"), "{page}");
    gateway("second").push().expect("it is accepted");
    assert!(!real.page().contains("first_total{"));
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn a_real_pushgateway_takes_utf_8_names_where_it_is_told_to() {
    let real = Real::start("pushgateway-utf-8", &["--push.enable-utf8-names"]);
    let exporter = PrometheusExporter::builder(provider().reader())
        .with_translation_strategy(TranslationStrategy::NoTranslation)
        .with_scope_labels(false)
        .build();
    for format in [Format::Text100, Format::Protobuf] {
        let gateway = Pushgateway::builder(exporter.clone(), &real.base, "utf-8")
            .with_grouping_key("cloud.region", "eu")
            .with_utf8_names()
            .with_format(format)
            .build()
            .expect("a gateway");
        gateway.push().expect("it is accepted");
        let page = real.page();
        let line = "{\"backup.saved\",\"cloud.region\"=\"eu\",disk=\"a\",instance=\"\",job=\"utf-8\"} 7\n";
        assert!(page.contains(line), "{page}");
        gateway.delete().expect("it is deleted");
    }
}

#[test]
#[ignore = "needs the real servers: cargo xtask peers, then cargo xtask ci"]
fn what_a_real_pushgateway_refuses_is_an_error_that_says_why() {
    let real = Real::start("pushgateway-refusal", &[]);
    let provider = bare_provider();
    // It keeps one type for a name over all groups.
    let counter: Counter<u64> = provider.meter("").counter("pushgateway_build_info_total").build();
    counter.add(1, &[("n", "x")]);
    let gateway =
        Pushgateway::builder(short_exporter(&provider), &real.base, "job").build().expect("a gateway");
    gateway.push().expect("nothing is wrong with that");
    let exporter = PrometheusExporter::builder(self::provider().reader())
        .with_translation_strategy(TranslationStrategy::NoTranslation)
        .build();
    let gateway =
        Pushgateway::builder(exporter, &real.base, "job").with_utf8_names().build().expect("a gateway");
    let error = gateway.push().expect_err("it was not told to take such names");
    assert_eq!(error.status().map(|status| status.as_u16()), Some(400), "{error}");
}
