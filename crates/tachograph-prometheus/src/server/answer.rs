use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use tachograph_sdk::diag;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::connections::Progress;
use super::credentials::{Credentials, admits};
use crate::{PageBody, PrometheusExporter};

/// The pages of one server, counted.
pub(super) struct Pages {
    exporter: PrometheusExporter,
    /// Any of these will do; if there are none, nobody is asked.
    credentials: Vec<Credentials>,
    answered: AtomicU64,
    refused: AtomicU64,
    /// One permit for each page that may be begun at a time.
    turns: Arc<Semaphore>,
}

impl Pages {
    pub(super) fn new(exporter: PrometheusExporter, credentials: Vec<Credentials>, at_a_time: usize) -> Self {
        Pages {
            exporter,
            credentials,
            answered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            turns: Arc::new(Semaphore::new(at_a_time)),
        }
    }

    /// Answers on a thread that may block, when it is this request's turn. `None` if that panicked.
    ///
    /// The turn is waited for here and not in the queue of those threads, so that a request whose
    /// connection has ended leaves nothing behind: while a callback hangs, that queue would grow.
    async fn page(self: Arc<Self>, request: Request<()>) -> Option<Response<PageBody>> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        let page = spawn_blocking(move || {
            let _turn = turn;
            self.respond(&request)
        });
        page.await.ok()
    }

    fn respond(&self, request: &Request<()>) -> Response<PageBody> {
        let response = self.exporter.respond_streaming(request);
        if response.status().is_success() {
            self.answered.fetch_add(1, Ordering::Relaxed);
        }
        response
    }

    pub(super) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    pub(super) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Says no to who lacks credentials. What they had instead is said to nobody.
    fn refuse(&self, client: SocketAddr) -> Response<PageBody> {
        let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        diag::report(
            "prometheus.credentials",
            "",
            format_args!(
                "a request for the metrics from {} had not the credentials that the port asks for, and got 401 ({refused} \
                 so far); give them to whoever scrapes, or find out who asks",
                client.ip()
            ),
        );
        let mut response = text(StatusCode::UNAUTHORIZED, "the metrics are for who has the credentials\n");
        for credentials in &self.credentials {
            response.headers_mut().append(WWW_AUTHENTICATE, credentials.challenge());
        }
        response
    }
}

/// Answers one request, by its path.
pub(super) async fn answer(
    request: Request<Incoming>,
    client: SocketAddr,
    progress: &Progress,
    pages: Arc<Pages>,
) -> Result<Response<PageBody>, Infallible> {
    let response = match request.uri().path() {
        "/metrics" if !admits(&pages.credentials, request.headers()) => pages.refuse(client),
        "/metrics" => {
            let (head, _) = request.into_parts();
            progress.wait_for_server();
            let page = pages.page(Request::from_parts(head, ())).await;
            progress.note();
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
    Ok(response)
}

fn text(status: StatusCode, text: &'static str) -> Response<PageBody> {
    let mut response = Response::new(PageBody::whole(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}
