//! Where and how to export: from code, and from the environment.

mod endpoint;
mod env;
mod headers;
mod secrets;
mod tls;
mod warning;

use std::fmt;
use std::time::Duration;

use http::HeaderMap;

pub(crate) use self::endpoint::Endpoint;
use self::headers::Names;
pub(crate) use self::secrets::Secrets;
#[cfg(feature = "tls")]
pub(crate) use self::tls::Pem;
pub use self::tls::TlsConfig;
pub use self::warning::ConfigWarning;
use crate::error::OtlpError;

/// What a signal's own names are.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Signal {
    /// In the environment's variables.
    variable: &'static str,
    path: &'static str,
}

const TRACES: Signal = Signal { variable: "TRACES", path: "/v1/traces" };

/// Where an OpenTelemetry Collector listens by default.
const DEFAULT_BASE: &str = "http://localhost:4318";

/// Longest that one request may take, with its retries, if nothing else is said.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Largest request that a receiver must accept, and what is kept back of it.
const MAX_REQUEST_BYTES: usize = (64 << 20) - (64 << 10);

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// With gzip: half of the bytes or fewer, for several times the processor's time.
    Gzip,
}

/// Where and how to export a signal over OTLP.
///
/// ```
/// use std::time::Duration;
/// use tachograph_otlp::{Compression, OtlpConfig};
///
/// let config = OtlpConfig::traces()
///     .with_endpoint("https://collector.example:4318")
///     .with_header("x-tenant", "shop")
///     .with_compression(Compression::Gzip)
///     .with_timeout(Duration::from_secs(5));
/// ```
///
/// What is set is checked when the exporter is made. Its `Debug` text shows neither headers' values nor keys nor
/// the name, password and query of a URL.
#[derive(Clone, PartialEq)]
pub struct OtlpConfig {
    signal: Signal,
    endpoint: Result<Endpoint, Refused>,
    headers: HeaderMap,
    /// The first of the headers that cannot be sent.
    wrong_header: Option<String>,
    compression: Compression,
    timeout: Duration,
    tls: TlsConfig,
    max_request_bytes: usize,
}

/// The text of why an endpoint was refused.
#[derive(Clone, Debug, PartialEq)]
struct Refused(String);

impl OtlpConfig {
    /// The defaults for traces: to `http://localhost:4318/v1/traces`, not compressed, within ten seconds.
    pub fn traces() -> Self {
        Self::of(TRACES)
    }

    fn of(signal: Signal) -> Self {
        OtlpConfig {
            signal,
            endpoint: Endpoint::base(DEFAULT_BASE, signal.path).map_err(|error| Refused(error.to_string())),
            headers: HeaderMap::new(),
            wrong_header: None,
            compression: Compression::None,
            timeout: DEFAULT_TIMEOUT,
            tls: TlsConfig::new(),
            max_request_bytes: MAX_REQUEST_BYTES,
        }
    }

    /// As [`traces`](Self::traces), changed by the variables `OTEL_EXPORTER_OTLP_*` and
    /// `OTEL_EXPORTER_OTLP_TRACES_*`, of which the second win: `ENDPOINT`, `HEADERS`, `COMPRESSION`, `TIMEOUT`,
    /// `PROTOCOL`, `CERTIFICATE`, `CLIENT_KEY`, `CLIENT_CERTIFICATE`, `INSECURE`.
    ///
    /// `lookup` gives the value of a variable; an empty one counts as unset. A value that cannot be used is
    /// ignored, and is one of the warnings.
    ///
    /// Follows the OpenTelemetry Protocol Exporter specification.
    pub fn traces_from_env(lookup: impl Fn(&str) -> Option<String>) -> (Self, Vec<ConfigWarning>) {
        env::read(TRACES, &lookup)
    }

    /// The URL of a receiver, to which the signal's path is added: `http://localhost:4318` sends traces to
    /// `http://localhost:4318/v1/traces`. A name and password in it are sent as `Authorization: Basic`.
    #[must_use]
    pub fn with_endpoint(mut self, url: &str) -> Self {
        self.endpoint = Endpoint::base(url, self.signal.path).map_err(|error| Refused(error.to_string()));
        self
    }

    /// The URL to send this signal to, as it is.
    #[must_use]
    pub fn with_signal_endpoint(mut self, url: &str) -> Self {
        self.endpoint = Endpoint::exact(url).map_err(|error| Refused(error.to_string()));
        self
    }

    /// A header of every request; replaces an earlier one of that name. Its value is never shown.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        match headers::header(name, value.as_bytes()) {
            Ok((name, value)) => {
                self.headers.insert(name, value);
            }
            Err(text) => self.wrong_header = self.wrong_header.or(Some(text)),
        }
        self
    }

    /// How requests are compressed. Not at all by default.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// The longest that one request may take, its retries and the waits between them included; ten seconds by
    /// default, zero means no limit. The deadline of the pipeline holds beside it.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Certificates and keys, for an https endpoint.
    #[must_use]
    pub fn with_tls(mut self, tls: TlsConfig) -> Self {
        self.tls = tls;
        self
    }

    /// The most bytes that a request may have before it is compressed. A batch that has more goes out as several
    /// requests; a record that alone has more is dropped and counted. Receivers must take 64 MiB; the default,
    /// which is also the most, is a little less.
    #[must_use]
    pub fn with_max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_request_bytes = bytes.min(MAX_REQUEST_BYTES);
        self
    }

    /// Checks it.
    pub(crate) fn settle(self) -> Result<Settings, OtlpError> {
        let endpoint = self.endpoint.map_err(|Refused(text)| OtlpError::config(text))?;
        if let Some(text) = self.wrong_header {
            return Err(OtlpError::config(format!("{text}: change or remove it")));
        }
        Ok(Settings {
            endpoint,
            headers: self.headers,
            compression: self.compression,
            timeout: self.timeout,
            tls: self.tls,
            max_request_bytes: self.max_request_bytes,
        })
    }
}

/// A configuration that was checked.
pub(crate) struct Settings {
    pub(crate) endpoint: Endpoint,
    pub(crate) headers: HeaderMap,
    pub(crate) compression: Compression,
    pub(crate) timeout: Duration,
    pub(crate) tls: TlsConfig,
    pub(crate) max_request_bytes: usize,
}

impl Settings {
    /// What must not be shown, even where a receiver repeats it.
    pub(crate) fn secrets(&self) -> Secrets {
        let headers = self.headers.values().chain(&self.endpoint.authorization).flat_map(secrets::of_header);
        Secrets::new(headers.chain(self.endpoint.secrets()))
    }
}

impl fmt::Debug for OtlpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpConfig")
            .field("endpoint", &self.endpoint)
            .field("headers", &Names(&self.headers))
            .field("compression", &self.compression)
            .field("timeout", &self.timeout)
            .field("tls", &self.tls)
            .field("max_request_bytes", &self.max_request_bytes)
            .finish()
    }
}
