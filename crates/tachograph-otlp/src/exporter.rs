use std::fmt;
use std::io::Write as _;
use std::mem;
use std::time::{Duration, Instant};

use bytes::Bytes;
use flate2::write::GzEncoder;
use tachograph_sdk::pipeline::{Batch, Deadline, ExportOperations, ExportOutcome, Exporter, ShutdownNotice};
use tachograph_sdk::trace::Spans;

use crate::config::{Compression, Endpoint, OtlpConfig, Secrets};
use crate::decode::partial_success;
use crate::encode::SpanRequests;
use crate::error::OtlpError;
use crate::report;
use crate::transport::{Answer, Broken, Client, Failure, Kind, OwnRuntime};

/// Why records are dropped that a receiver refused beside others that it took.
const REJECTED: &str = "rejected";
/// Why a record is dropped that no request can hold.
const TOO_LARGE: &str = "too_large";

/// Capacity of buffers that is kept between exports.
const KEPT: usize = 4 << 20;

/// Sends spans over OTLP/HTTP in protobuf.
///
/// ```
/// use tachograph_otlp::{OtlpConfig, OtlpSpanExporter};
/// use tachograph_sdk::pipeline::BatchConfig;
/// use tachograph_sdk::trace::TracerProvider;
///
/// let (config, warnings) = OtlpConfig::traces_from_env(|name| std::env::var(name).ok());
/// for warning in warnings {
///     eprintln!("{warning}");
/// }
/// let exporter = OtlpSpanExporter::new(config)?;
/// let provider = TracerProvider::builder().with_batch_exporter(exporter, BatchConfig::spans()).build();
/// # Ok::<(), tachograph_otlp::OtlpError>(())
/// ```
///
/// # What it does
///
/// - It keeps one connection open, and has a runtime of its own, which runs on the thread that exports: the
///   program's may be absent, blocked or gone. Where an export is called for on a thread of a runtime, it works on
///   a thread of its own and that one waits.
/// - A request is tried again, after 0.5 s and then twice as long each time up to 8 s, less up to half of that by
///   chance: where no connection can be made, where it ends before the answer, and upon the answers 429, 502, 503
///   and 504, after `Retry-After` if that is there (at most five minutes). Never later than the time-out
///   of the configuration and the deadline of the pipeline.
/// - Once the pipeline is being shut down, a connection that cannot be made is tried once, a wait for it is cut short, and
///   the spans are dropped: a program without a receiver ends at once. What a receiver answers is tried again as ever, until
///   the deadline.
/// - What is not taken is counted by the pipeline, by reason: an answer's status (`503`), `rejected` (by a partial
///   success), `connect_failed`, `disconnected`, `timeout`, `tls_failed`, `throttled`, `redirected`, `too_large`
///   (a span that no request can hold), `bad_response`, `response_too_large`, `exporter_failed`. It is reported
///   through [`tachograph_sdk::diag`] at most once a minute for each of them; that no connection can be made once, until one was.
/// - How long each request took, with its retries, and what became of it, is reported as
///   `otel.sdk.exporter.operation.duration` where the provider is
///   [observed](tachograph_sdk::self_metrics::observe_traces). A request of which only a part was taken counts as failed,
///   by `rejected`.
/// - While it exports it holds one request, encoded and perhaps compressed, beside the batch that it is made from:
///   about as many bytes again, and never more than the limit of a request. Between exports it keeps a buffer of
///   at most 4 MiB.
/// - Redirects are not followed, proxies not used, and an https endpoint is never spoken to in plain text.
///
/// Follows the OpenTelemetry Protocol specification 1.x.
pub struct OtlpSpanExporter {
    endpoint: Endpoint,
    compression: Compression,
    timeout: Duration,
    max_request_bytes: usize,
    secrets: Secrets,
    client: Client,
    runtime: OwnRuntime,
    operations: ExportOperations,
    /// It was said that the receiver cannot be reached, and it has not been since.
    is_missed: bool,
    /// Kept for its capacity.
    encoded: Vec<u8>,
}

impl OtlpSpanExporter {
    /// An exporter of this configuration. It connects when there is something to send.
    ///
    /// # Errors
    ///
    /// If the configuration cannot be used: an endpoint that is no URL, a header that cannot be sent, a certificate
    /// that cannot be read, or https where this was built without.
    pub fn new(config: OtlpConfig) -> Result<Self, OtlpError> {
        let settings = config.settle()?;
        Ok(OtlpSpanExporter {
            client: Client::new(&settings)?,
            secrets: settings.secrets(),
            operations: ExportOperations::with_server(settings.endpoint.host.clone(), settings.endpoint.port),
            endpoint: settings.endpoint,
            compression: settings.compression,
            timeout: settings.timeout,
            max_request_bytes: settings.max_request_bytes,
            runtime: OwnRuntime::default(),
            is_missed: false,
            encoded: Vec::new(),
        })
    }

    /// Sends what is encoded. Says how many of its spans were refused although it was taken.
    fn send(&mut self, deadline: Deadline) -> Result<u64, Failure> {
        let body = self.body()?;
        let start = Instant::now();
        let answer = self.send_body(body, deadline);
        let took = start.elapsed();
        let taken = answer.map(|answer| (answer.status, partial_success(&answer.body)));
        let (error, status) = match &taken {
            Ok((status, partial)) => ((partial.rejected > 0).then_some(REJECTED), Some(*status)),
            Err(failure) => (Some(failure.reason()), failure.status()),
        };
        self.operations.record(took, error, status);
        let (_, partial) = taken?;
        if partial.rejected > 0 || !partial.message.is_empty() {
            report::partial(&self.endpoint, &partial, &self.secrets);
        }
        Ok(partial.rejected)
    }

    /// Sends a request, once more if what ran it panicked.
    fn send_body(&mut self, body: Bytes, deadline: Deadline) -> Result<Answer, Failure> {
        let limit = Deadline::of_timeout(self.timeout).min(deadline);
        let mut sent = self.send_once(&body, limit);
        if let Err(Broken::Panicked(panic)) = sent {
            report::panicked(&self.endpoint, &*panic);
            // Its connection was driven by what is gone.
            self.client.disconnect();
            sent = self.send_once(&body, limit);
        }
        // The buffer comes back, unless the connection has not let go of it yet.
        if self.compression == Compression::None
            && let Ok(buffer) = body.try_into_mut()
            && buffer.capacity() <= KEPT
        {
            self.encoded = buffer.into();
        }
        match sent {
            Ok(answer) => answer,
            Err(Broken::Panicked(_)) => Err(Failure::new(Kind::Internal, "the exporter panicked twice")),
            Err(Broken::System(error)) => {
                let text = format!("the system has no thread or file to export with ({error})");
                Err(Failure::new(Kind::Internal, text))
            }
        }
    }

    fn send_once(&mut self, body: &Bytes, deadline: Deadline) -> Result<Result<Answer, Failure>, Broken> {
        let client = &mut self.client;
        self.runtime.block_on(client.send(body, deadline))
    }

    /// What is encoded, as it goes out.
    fn body(&mut self) -> Result<Bytes, Failure> {
        match self.compression {
            Compression::None => Ok(Bytes::from(mem::take(&mut self.encoded))),
            Compression::Gzip => {
                let packed = Vec::with_capacity(self.encoded.len() / 4);
                let mut encoder = GzEncoder::new(packed, flate2::Compression::fast());
                let packed = encoder.write_all(&self.encoded).and_then(|()| encoder.finish());
                self.encoded.clear();
                self.encoded.shrink_to(KEPT);
                packed
                    .map(Bytes::from)
                    .map_err(|error| Failure::new(Kind::Internal, format!("gzip failed ({error})")))
            }
        }
    }
}

impl Exporter<Spans> for OtlpSpanExporter {
    fn export(&mut self, batch: Batch<'_, Spans>, deadline: Deadline) -> ExportOutcome {
        let mut requests = SpanRequests::new(batch, self.max_request_bytes);
        let mut outcome = ExportOutcome::done();
        loop {
            let mut encoded = mem::take(&mut self.encoded);
            let spans = requests.encode_next(&mut encoded);
            self.encoded = encoded;
            if spans == 0 {
                break;
            }
            outcome = outcome.and(match self.send(deadline) {
                Ok(rejected) => {
                    if mem::take(&mut self.is_missed) {
                        report::found(&self.endpoint);
                    }
                    ExportOutcome::rejected(usize::try_from(rejected).unwrap_or(spans).min(spans), REJECTED)
                }
                Err(failure) => {
                    if !(failure.is_unreachable() && mem::replace(&mut self.is_missed, true)) {
                        report::failed(&self.endpoint, spans, &failure);
                    }
                    ExportOutcome::rejected(spans, failure.reason())
                }
            });
        }
        if requests.too_large() > 0 {
            report::too_large(&self.endpoint, requests.too_large(), self.max_request_bytes);
            outcome = outcome.and(ExportOutcome::rejected(requests.too_large(), TOO_LARGE));
        }
        outcome
    }

    fn component_type(&self) -> &'static str {
        "otlp_http_span_exporter"
    }

    fn shutdown_notice(&self) -> Option<ShutdownNotice> {
        let ending = self.client.ending();
        Some(Box::new(move || ending.begin()))
    }

    fn operations(&self) -> Option<ExportOperations> {
        Some(self.operations.clone())
    }
}

impl fmt::Debug for OtlpSpanExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpSpanExporter")
            .field("endpoint", &self.endpoint)
            .field("compression", &self.compression)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "../tests/support/reports.rs"]
#[allow(dead_code, reason = "each user of it has its part")]
mod reports;

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;

    use opentelemetry::trace::{Span as _, Tracer as _};
    use tachograph_sdk::pipeline::BatchConfig;
    use tachograph_sdk::trace::TracerProvider;

    use super::*;

    /// Answers every request with a success; requests are short enough to come in one piece.
    fn receiver() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut bytes = [0; 64 << 10];
                    while stream.read(&mut bytes).is_ok_and(|len| len > 0) {
                        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
                    }
                });
            }
        });
        url
    }

    /// What became of two spans, and what was reported.
    fn export(panics: usize) -> (tachograph_sdk::pipeline::Ledger, Vec<String>) {
        reports::listen();
        let url = receiver();
        let mut exporter = OtlpSpanExporter::new(OtlpConfig::traces().with_endpoint(&url)).unwrap();
        exporter.client.panics = panics;
        let provider = TracerProvider::builder().with_batch_exporter(exporter, BatchConfig::spans()).build();
        for _ in 0..2 {
            provider.tracer("scope").start("span").end();
            provider.flush(Deadline::NEVER).unwrap();
        }
        let account = provider.shutdown(Deadline::NEVER);
        let address = url.strip_prefix("http://").unwrap();
        (account.exports.into_iter().next().unwrap().1, reports::about(address))
    }

    #[test]
    fn a_panic_below_costs_a_runtime_and_no_span() {
        let (ledger, reports) = export(1);
        assert_eq!(ledger.exported, 2, "{ledger}");
        let [report] = &reports[..] else { panic!("one report: {reports:?}") };
        assert!(report.contains("otlp.runtime") && report.contains("panicked"), "{report}");
        assert!(report.contains("its runtime is made anew and the request sent again"), "{report}");
    }

    #[test]
    fn a_second_panic_costs_the_request_and_the_next_one_is_exported() {
        let (ledger, reports) = export(2);
        assert_eq!((ledger.exported, ledger.dropped.of("exporter_failed")), (1, 1), "{ledger}");
        assert!(reports.iter().any(|report| report.contains("otlp.runtime")), "{reports:?}");
    }
}
