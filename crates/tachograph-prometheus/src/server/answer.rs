use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use crate::PrometheusExporter;

/// The pages of one server, counted.
pub(super) struct Pages {
    exporter: PrometheusExporter,
    answered: AtomicU64,
    /// One permit for each page that may be made at a time.
    turns: Arc<Semaphore>,
}

impl Pages {
    pub(super) fn new(exporter: PrometheusExporter, at_a_time: usize) -> Self {
        Pages { exporter, answered: AtomicU64::new(0), turns: Arc::new(Semaphore::new(at_a_time)) }
    }

    /// Answers on a thread that may block, when it is this request's turn. `None` if that panicked.
    ///
    /// The turn is waited for here and not in the queue of those threads, so that a request whose
    /// connection has ended leaves nothing behind: while a callback hangs, that queue would grow.
    async fn page(self: Arc<Self>, request: Request<()>) -> Option<Response<Bytes>> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        let page = spawn_blocking(move || {
            let _turn = turn;
            self.respond(&request)
        });
        page.await.ok()
    }

    fn respond(&self, request: &Request<()>) -> Response<Bytes> {
        let response = self.exporter.respond(request);
        if response.status().is_success() {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        response
    }

    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

/// Answers one request, by its path.
pub(super) async fn answer(
    request: Request<Incoming>,
    pages: Arc<Pages>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let response = match request.uri().path() {
        "/metrics" => {
            let (head, _) = request.into_parts();
            let page = pages.page(Request::from_parts(head, ())).await;
            page.unwrap_or_else(|| text(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be made\n"))
        }
        _ if !matches!(*request.method(), Method::GET | Method::HEAD) => {
            let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "the metrics are at GET /metrics\n");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            response
        }
        "/" => text(StatusCode::OK, "tachograph: the metrics are at /metrics\n"),
        _ => text(StatusCode::NOT_FOUND, "the metrics are at /metrics\n"),
    };
    Ok(response.map(Full::new))
}

fn text(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
