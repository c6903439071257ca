//! Pushing to a Pushgateway: for jobs that end before anybody scrapes them.

mod address;
mod error;

use std::fmt;
use std::io::Read;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method};

use crate::{EscapingScheme, Exposition, Format, PrometheusExporter};

pub use error::PushError;

/// How long a call may take, retries included, unless it is set.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest that it can be set to: an end that no clock can tell is none.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 3_600);

/// The pause after the first failure; each further one is twice as long, up to two seconds.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How much of an error's text is read.
const ERROR_TEXT: u64 = 1_024;

/// Pushes an exporter's page to a [Pushgateway](https://github.com/prometheus/pushgateway), for batch jobs
/// that end before they are scraped.
///
/// Calls block, need no runtime, and end within their [time-out](PushgatewayBuilder::with_timeout): the end of
/// `main` is the place for one. In an async function it belongs on a thread that may block.
///
/// ```no_run
/// use tachograph_prometheus::{PrometheusExporter, Pushgateway};
/// use tachograph_sdk::{Counter, MeterProvider};
///
/// let provider = MeterProvider::builder().build();
/// let saved: Counter<u64> = provider.meter("backup").counter("backup.saved").with_unit("By").build();
/// let gateway = Pushgateway::builder(PrometheusExporter::new(provider.reader()), "http://localhost:9091", "backup")
///     .with_grouping_key("instance", "db-1")
///     .build()?;
/// saved.add(4_096, &());
/// gateway.push()?;
/// # Ok::<(), tachograph_prometheus::PushError>(())
/// ```
///
/// # Groups
///
/// What is pushed is kept by the gateway until it is replaced or deleted, in the group that the job's name and the
/// grouping keys make. They become labels of every sample and replace labels of the same name. Samples have no
/// timestamps, which a gateway refuses: it has a metric `push_time_seconds` for each group instead.
///
/// # Failures
///
/// What may pass is tried again until the time is over: nobody listening, a connection that breaks, 5xx and 429. What
/// the gateway refuses is an error at once, with what it said.
pub struct Pushgateway {
    exporter: PrometheusExporter,
    exposition: Exposition,
    url: String,
    authorization: Option<HeaderValue>,
    timeout: Duration,
    agent: ureq::Agent,
}

impl Pushgateway {
    /// Begins with the gateway's address, such as `http://localhost:9091` or `http://host/prefix`, and the job's name,
    /// which is the label `job` of all that is pushed.
    pub fn builder(
        exporter: PrometheusExporter,
        address: impl Into<String>,
        job: impl Into<String>,
    ) -> PushgatewayBuilder {
        PushgatewayBuilder {
            exporter,
            exposition: Format::Text004.into(),
            address: address.into(),
            keys: vec![("job".to_owned(), job.into())],
            credentials: None,
            timeout: TIMEOUT,
        }
    }

    /// Replaces all that the group has by what there is now (`PUT`).
    ///
    /// # Errors
    ///
    /// If the gateway could not be reached in time, or refused. See [`PushError`].
    pub fn push(&self) -> Result<(), PushError> {
        self.send(&Method::PUT)
    }

    /// Replaces the metrics of the group that there are now, by their names, and leaves the others (`POST`).
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn add(&self) -> Result<(), PushError> {
        self.send(&Method::POST)
    }

    /// Deletes the group (`DELETE`); that there is none is no error.
    ///
    /// # Errors
    ///
    /// As [`push`](Self::push).
    pub fn delete(&self) -> Result<(), PushError> {
        self.send(&Method::DELETE)
    }

    fn send(&self, method: &Method) -> Result<(), PushError> {
        let began = Instant::now();
        // Once: a retry says what there was when it was asked for.
        let page = (method != Method::DELETE).then(|| self.exporter.render(self.exposition));
        if page.is_some() && self.exporter.is_over() {
            return Err(PushError::invalid(
                "the metrics have been shut down, and nothing is pushed over those that were: push before the shutdown",
            ));
        }
        let mut pause = FIRST_PAUSE;
        loop {
            let left = self.timeout.saturating_sub(began.elapsed());
            let failed = match self.attempt(method, page.as_deref(), left) {
                Ok(()) => return Ok(()),
                Err(failed) if !failed.may_pass() => return Err(failed),
                Err(failed) => failed,
            };
            if began.elapsed() + pause >= self.timeout {
                return Err(failed.at_the_end_of(self.timeout));
            }
            std::thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn attempt(&self, method: &Method, page: Option<&[u8]>, left: Duration) -> Result<(), PushError> {
        let request = http::Request::builder().method(method).uri(&self.url);
        let request = match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        };
        let left = left.max(Duration::from_millis(1));
        let answer = match page {
            Some(page) => {
                let request = request.header(CONTENT_TYPE, self.exposition.content_type_header());
                let request = request.body(page).map_err(|error| PushError::invalid(error.to_string()))?;
                self.agent.run(self.agent.configure_request(request).timeout_global(Some(left)).build())
            }
            None => {
                let request = request.body(()).map_err(|error| PushError::invalid(error.to_string()))?;
                self.agent.run(self.agent.configure_request(request).timeout_global(Some(left)).build())
            }
        };
        let mut answer = answer.map_err(PushError::of_transport)?;
        if answer.status().is_success() {
            return Ok(());
        }
        let mut text = Vec::new();
        // What cannot be read of it is missed in a message.
        let _ = answer.body_mut().as_reader().take(ERROR_TEXT).read_to_end(&mut text);
        Err(PushError::refused(answer.status(), &String::from_utf8_lossy(&text)))
    }
}

/// Without what is secret.
impl fmt::Debug for Pushgateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pushgateway")
            .field("url", &self.url)
            .field("exposition", &self.exposition)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Makes a [`Pushgateway`].
#[must_use = "a gateway is made by `build`"]
pub struct PushgatewayBuilder {
    exporter: PrometheusExporter,
    exposition: Exposition,
    address: String,
    /// The job first.
    keys: Vec<(String, String)>,
    credentials: Option<Result<HeaderValue, PushError>>,
    timeout: Duration,
}

impl PushgatewayBuilder {
    /// A further label that tells the group from others of the job, such as `instance`. Values may be anything;
    /// those that a path cannot hold go as base64.
    pub fn with_grouping_key(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.keys.push((label.into(), value.into()));
        self
    }

    /// What is pushed: text 0.0.4 unless this is called. [`Format::Protobuf`] has native histograms and the start
    /// times of series. A gateway reads no OpenMetrics: that is an error of [`build`](Self::build).
    pub fn with_format(mut self, format: Format) -> Self {
        self.exposition = format.with_escaping(self.exposition.escaping());
        self
    }

    /// Leaves names as they are that are not legal in the classic grammar, where the exporter's
    /// [strategy](crate::TranslationStrategy) does; a gateway takes them if it runs with
    /// `--push.enable-utf8-names`. Names of grouping keys may be such, too.
    pub fn with_utf8_names(mut self) -> Self {
        let format = match self.exposition.format() {
            Format::Text004 => Format::Text100,
            format => format,
        };
        self.exposition = format.with_escaping(EscapingScheme::AllowUtf8);
        self
    }

    /// A name and a password.
    pub fn with_basic_credentials(mut self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        let pair = format!("{}:{}", user.as_ref(), password.as_ref());
        self.credentials = Some(authorization(&format!("Basic {}", BASE64_STANDARD.encode(pair))));
        self
    }

    /// A token.
    pub fn with_bearer_token(mut self, token: impl AsRef<str>) -> Self {
        self.credentials = Some(authorization(&format!("Bearer {}", token.as_ref())));
        self
    }

    /// How long a call may take, retries included: 10 s unless this is called. A millisecond at least, a year at most.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.clamp(Duration::from_millis(1), LONGEST_TIMEOUT);
        self
    }

    /// Makes the gateway. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// If the address is none, the job's name is empty, a grouping key is given twice or has no legal name, the token
    /// cannot be sent, or the format is OpenMetrics.
    pub fn build(self) -> Result<Pushgateway, PushError> {
        if self.exposition.format() == Format::OpenMetrics100 {
            return Err(PushError::invalid("a Pushgateway reads no OpenMetrics: use text or protobuf"));
        }
        let is_utf8 = self.exposition.escaping() == EscapingScheme::AllowUtf8;
        let url = address::url(&self.address, &self.keys, is_utf8)?;
        let authorization = self.credentials.transpose()?;
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            // Only the facade reads the environment.
            .proxy(None)
            .user_agent(concat!("tachograph/", env!("CARGO_PKG_VERSION")));
        Ok(Pushgateway {
            exporter: self.exporter,
            exposition: self.exposition,
            url,
            authorization,
            timeout: self.timeout,
            agent: ureq::Agent::new_with_config(config.build()),
        })
    }
}

/// Without what is secret.
impl fmt::Debug for PushgatewayBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PushgatewayBuilder")
            .field("keys", &self.keys)
            .field("exposition", &self.exposition)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

fn authorization(text: &str) -> Result<HeaderValue, PushError> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| PushError::invalid("the token has characters that no header can hold"))?;
    value.set_sensitive(true);
    Ok(value)
}
