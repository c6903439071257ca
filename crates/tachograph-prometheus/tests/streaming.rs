//! A page of very many series takes the memory of a piece, and its time is in proportion.

#[path = "support/allocator.rs"]
mod allocator;

use std::io::Read;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use allocator::peak_of;
use flate2::read::GzDecoder;
use http::Request;
use http_body::Body;
use tachograph_prometheus::{Format, PageBody, PrometheusExporter};
use tachograph_sdk::{Counter, Histogram, MeterProvider};

/// The bar of this project.
const BOUND: usize = 2 << 20;

const SERIES: i64 = 200_000;

/// Reads a body as fast as it comes.
fn drain(mut body: PageBody, mut take: impl FnMut(&[u8])) {
    let mut context = Context::from_waker(Waker::noop());
    loop {
        match Pin::new(&mut body).poll_frame(&mut context) {
            Poll::Ready(Some(frame)) => take(frame.expect("no error").data_ref().expect("data")),
            Poll::Ready(None) => return,
            Poll::Pending => {}
        }
    }
}

/// One test, since what is counted is the process's.
#[test]
fn a_page_of_many_series_takes_the_memory_of_a_piece() {
    let provider = MeterProvider::builder().with_cardinality_limit(SERIES as usize + 1).build();
    let counter: Counter<u64> = provider.meter("many").counter("requests").build();
    let histogram: Histogram<f64> = provider.meter("many").histogram("duration").with_unit("s").build();
    for n in 0..SERIES {
        counter.add(n as u64, &[("route", &*format!("/users/{n}"))]);
    }
    for n in 0..SERIES / 20 {
        histogram.record(n as f64 / 1e3, &[("route", &*format!("/users/{n}"))]);
    }
    let exporter = PrometheusExporter::new(provider.reader());
    for format in [Format::Text004, Format::OpenMetrics100, Format::Protobuf] {
        // What is learned is kept, and is the series' own.
        drop(exporter.stream(format));
        let mut len = 0;
        let peak =
            peak_of(|| len = exporter.copy_to(format, &mut std::io::sink()).expect("a sink takes all"));
        assert!(len > 10_000_000, "{len}");
        assert!(peak <= BOUND, "{format:?}: {peak} bytes for a page of {len}");
    }
    let codings: &[&str] =
        if cfg!(feature = "zstd") { &["identity", "gzip", "zstd"] } else { &["identity", "gzip"] };
    for coding in codings {
        let request =
            Request::get("/metrics").header("accept-encoding", *coding).body(()).expect("a request");
        let mut len = 0;
        let peak = peak_of(|| {
            let response = exporter.respond_streaming(&request);
            assert!(!response.headers().contains_key("content-length"));
            drain(response.into_body(), |data| len += data.len());
        });
        assert!(peak <= BOUND, "{coding}: {peak} bytes for {len}");
    }
    let mut compressed = Vec::new();
    let request = Request::get("/metrics").header("accept-encoding", "gzip").body(()).expect("a request");
    drain(exporter.respond_streaming(&request).into_body(), |data| compressed.extend_from_slice(data));
    let mut page = Vec::new();
    GzDecoder::new(&compressed[..]).read_to_end(&mut page).expect("gzip");
    assert!(page == exporter.render(Format::Text004));
}
