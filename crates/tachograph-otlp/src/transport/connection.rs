//! One HTTP/1.1 connection, kept open from request to request.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{LOCATION, RETRY_AFTER};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;

use super::connect::Stream;
use super::failure::{Failure, Kind};
use super::response;
use crate::config::Secrets;
use crate::retry;

/// A connection, and the future that reads and writes it.
///
/// Nothing is spawned: the future is polled beside whatever waits for the connection, and dropping this closes
/// it at once.
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_over: bool,
    secrets: Secrets,
}

/// An answer of success.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// What a request came to.
pub(super) enum Sent {
    /// An answer of success.
    Taken(Answer),
    /// The connection had ended before anything was sent.
    Stale,
}

impl Connection {
    pub(super) async fn open(stream: Stream, secrets: Secrets) -> Result<Self, Failure> {
        let made = http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = made.map_err(|error| Failure::of_connection(&error))?;
        let driver = Box::pin(async {
            // What goes wrong is told to who waits for the answer.
            let _ = connection.await;
        });
        Ok(Connection { sender, driver, is_over: false, secrets })
    }

    /// Whether it can take a request, as far as is known now.
    pub(super) async fn is_usable(&mut self) -> bool {
        // Lets the runtime look at the sockets, so that a close that came in meanwhile is seen.
        tokio::task::yield_now().await;
        self.drive(std::future::ready(())).await;
        !self.is_over && self.sender.is_ready()
    }

    /// Sends a request and waits for the whole answer.
    pub(super) async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Sent, Failure> {
        let sending = self.sender.try_send_request(request);
        let sent = Self::drive_parts(&mut self.driver, &mut self.is_over, sending).await;
        match sent {
            Ok(answer) => self.read(answer).await.map(Sent::Taken),
            Err(mut error) => match error.take_message() {
                Some(_) => Ok(Sent::Stale),
                None => Err(Failure::of_connection(error.error())),
            },
        }
    }

    async fn read(&mut self, answer: Response<Incoming>) -> Result<Answer, Failure> {
        let (head, body) = answer.into_parts();
        let body = self.drive(response::read(&head.headers, body)).await;
        if head.status.is_success() {
            return body.map(|body| Answer { status: head.status.as_u16(), body });
        }
        let mut text = format!("the receiver answered {}", head.status);
        // An answer that cannot be read says what its status says.
        let message = body.ok().and_then(|body| response::message(&head.headers, &body, &self.secrets));
        if let Some(message) = message {
            text.push_str(": ");
            text.push_str(&message);
        }
        if head.status.is_redirection() && head.status != StatusCode::NOT_MODIFIED {
            text.push_str("; redirects are not followed");
            if head.headers.contains_key(LOCATION) {
                text.push_str(": set the endpoint to where it sends to");
            }
        }
        let mut failure = Failure::new(Kind::Status(head.status.as_u16()), text);
        let asked = head.headers.get(RETRY_AFTER);
        failure.retry_after = asked.and_then(|value| retry::retry_after(value.as_bytes(), SystemTime::now()));
        Err(failure)
    }

    async fn drive<F: Future>(&mut self, future: F) -> F::Output {
        Self::drive_parts(&mut self.driver, &mut self.is_over, future).await
    }

    /// Waits for something, and moves the connection on meanwhile.
    async fn drive_parts<F: Future>(
        driver: &mut Pin<Box<dyn Future<Output = ()> + Send>>,
        is_over: &mut bool,
        future: F,
    ) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|cx| {
            if !*is_over && driver.as_mut().poll(cx).is_ready() {
                *is_over = true;
            }
            match future.as_mut().poll(cx) {
                Poll::Ready(output) => Poll::Ready(output),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}
