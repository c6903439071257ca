//! Requests to one endpoint, tried again where that may help.

use std::future::pending;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use tachograph_sdk::pipeline::Deadline;
use tokio::time::{timeout, timeout_at};

use super::connect::Connector;
use super::connection::{Answer, Connection, Sent};
use super::ending::Ending;
use super::failure::{Failure, Kind};
use crate::config::{Compression, Endpoint, Secrets, Settings};
use crate::error::OtlpError;
use crate::retry::Backoff;

const AGENT: &str = concat!("OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_VERSION"));
const PROTOBUF: &str = "application/x-protobuf";

pub(crate) struct Client {
    connector: Connector,
    uri: Uri,
    headers: HeaderMap,
    secrets: Secrets,
    connection: Option<Connection>,
    ending: Ending,
    /// Until when the receiver asked to be left alone.
    not_before: Option<Instant>,
    /// How many of the next requests panic.
    #[cfg(test)]
    pub(crate) panics: usize,
}

impl Client {
    pub(crate) fn new(settings: &Settings) -> Result<Self, OtlpError> {
        Ok(Client {
            connector: Connector::new(&settings.endpoint, &settings.tls)?,
            uri: Uri::from(settings.endpoint.path.clone()),
            headers: headers(&settings.endpoint, &settings.headers, settings.compression),
            secrets: settings.secrets(),
            connection: None,
            ending: Ending::new(),
            not_before: None,
            #[cfg(test)]
            panics: 0,
        })
    }

    /// Sends a request until it is taken, refused for good, or out of time.
    pub(crate) async fn send(&mut self, body: &Bytes, deadline: Deadline) -> Result<Answer, Failure> {
        #[cfg(test)]
        if let Some(left) = self.panics.checked_sub(1) {
            self.panics = left;
            panic!("a test's panic");
        }
        if let Some(wait) = self.asked_to_wait() {
            pause(wait, deadline, pending()).await.map_err(|()| throttled(wait))?;
        }
        let mut backoff = Backoff::new();
        loop {
            let is_ending = self.ending.has_begun();
            let mut failure = match within(deadline, self.attempt(body)).await {
                Some(Ok(answer)) => return Ok(answer),
                Some(Err(failure)) => failure,
                None => Failure::new(Kind::Timeout, "there was no answer in time"),
            };
            // Whatever was on its way, the next request must not read its answer.
            if !matches!(failure.kind, Kind::Status(_)) {
                self.connection = None;
            }
            // Nobody is there. Whoever ends the program does not wait for them to come.
            if !failure.is_retryable() || (is_ending && failure.is_unreachable()) {
                return Err(failure);
            }
            let mut wait = backoff.next();
            if let Some(asked) = failure.retry_after.take() {
                self.not_before = Instant::now().checked_add(asked);
                // Not all those that were told the same come back at the same moment.
                wait = asked + wait / 8;
            }
            let paused = match failure.is_unreachable() {
                true => pause(wait, deadline, self.ending.begun()).await,
                false => pause(wait, deadline, pending()).await,
            };
            if paused.is_err() {
                return Err(failure);
            }
        }
    }

    /// By which it is told that the end has begun: connections that cannot be made are tried once more, and not again.
    pub(crate) fn ending(&self) -> Ending {
        self.ending.clone()
    }

    /// Closes the connection.
    pub(crate) fn disconnect(&mut self) {
        self.connection = None;
    }

    /// What is left of the time for which the receiver asked to be left alone.
    fn asked_to_wait(&mut self) -> Option<Duration> {
        let left = self.not_before?.saturating_duration_since(Instant::now());
        if left.is_zero() {
            self.not_before = None;
            return None;
        }
        Some(left)
    }

    async fn attempt(&mut self, body: &Bytes) -> Result<Answer, Failure> {
        if let Some(mut connection) = self.connection.take()
            && connection.is_usable().await
        {
            match connection.send(self.request(body)).await {
                Ok(Sent::Taken(answer)) => {
                    self.connection = Some(connection);
                    return Ok(answer);
                }
                // The other side closes connections that are idle for long, and the request and that may cross: a
                // new connection is no second try.
                Ok(Sent::Stale) => {}
                Err(failure) if failure.kind == Kind::Disconnected => {}
                Err(failure) => {
                    self.connection = Some(connection);
                    return Err(failure);
                }
            }
        }
        let mut connection = Connection::open(self.connector.connect().await?, self.secrets.clone()).await?;
        let sent = connection.send(self.request(body)).await;
        self.connection = Some(connection);
        match sent? {
            Sent::Taken(answer) => Ok(answer),
            Sent::Stale => {
                Err(Failure::new(Kind::Disconnected, "the connection ended before anything was sent"))
            }
        }
    }

    fn request(&self, body: &Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

fn throttled(wait: Duration) -> Failure {
    Failure::new(
        Kind::Throttled,
        format!(
            "the receiver asked to be left alone for another {} s, which is too long",
            wait.as_secs() + 1
        ),
    )
}

fn headers(endpoint: &Endpoint, own: &HeaderMap, compression: Compression) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(HOST, endpoint.authority.clone());
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    if let Some(authorization) = &endpoint.authorization {
        headers.insert(AUTHORIZATION, authorization.clone());
    }
    for (name, value) in own {
        headers.insert(name, value.clone());
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROTOBUF));
    if compression == Compression::Gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers
}

/// `None` when the deadline passes before.
async fn within<F: Future>(deadline: Deadline, future: F) -> Option<F::Output> {
    match deadline.instant() {
        Some(at) => timeout_at(at.into(), future).await.ok(),
        None => Some(future.await),
    }
}

/// Waits, or until something else happens; unless the deadline passes before that is over: then there is no point in
/// beginning.
async fn pause(wait: Duration, deadline: Deadline, until: impl Future<Output = ()>) -> Result<(), ()> {
    if deadline.remaining().is_some_and(|left| left <= wait) {
        return Err(());
    }
    // That the time is over is what is waited for.
    let _ = timeout(wait, until).await;
    Ok(())
}
