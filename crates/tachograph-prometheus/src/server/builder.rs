use std::fmt;
use std::io;

use super::credentials::Credentials;
use super::limits::Limits;
use super::{Server, ServerError};
use crate::PrometheusExporter;

/// Opens a [`Server`] that asks who its clients are, or has other limits. See [`Server::builder`].
#[must_use = "a port is opened by `bind`"]
pub struct ServerBuilder {
    exporter: PrometheusExporter,
    limits: Limits,
    credentials: Vec<io::Result<Credentials>>,
}

impl ServerBuilder {
    pub(super) fn new(exporter: PrometheusExporter) -> Self {
        ServerBuilder { exporter, limits: Limits::default(), credentials: Vec::new() }
    }

    /// Gives `/metrics` to whoever has this token: `Authorization: Bearer <token>`, in a server's configuration
    /// `authorization: {credentials: <token>}`.
    ///
    /// Called several times, and beside basic credentials, any of them will do. There is no TLS: on a network
    /// that others listen to the token is theirs, too.
    pub fn with_bearer_token(mut self, token: impl AsRef<str>) -> Self {
        self.credentials.push(Credentials::bearer(token.as_ref()));
        self
    }

    /// Gives `/metrics` to whoever has this name and password: `Authorization: Basic …`, in a server's
    /// configuration `basic_auth: {username: …, password: …}`. See [`with_bearer_token`](Self::with_bearer_token).
    pub fn with_basic_credentials(mut self, user: impl AsRef<str>, password: impl AsRef<str>) -> Self {
        self.credentials.push(Credentials::basic(user.as_ref(), password.as_ref()));
        self
    }

    /// How many connections there may be at a time, over all addresses: at least 1, 64 unless this is called. Each that is being answered
    /// takes some hundred KiB at most.
    pub fn with_max_connections(mut self, connections: usize) -> Self {
        // Beyond this the system's limit of open files is the bound.
        self.limits.connections = connections.clamp(1, 1 << 16);
        self
    }

    /// Listens at `host:port`; see [`Server::bind`].
    ///
    /// # Errors
    ///
    /// As [`Server::bind`], and if credentials are empty or could never be sent by a client: so that nothing is open
    /// to all, or to none, by mistake.
    pub fn bind(self, address: &str) -> Result<Server, ServerError> {
        let credentials = self.credentials.into_iter().collect::<io::Result<Vec<_>>>();
        let credentials =
            credentials.map_err(|source| ServerError::of_credentials(address.to_owned(), source))?;
        Server::within(self.limits, credentials, self.exporter, address)
            .map_err(|source| ServerError::new(address.to_owned(), source))
    }
}

/// Without what is secret.
impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("exporter", &self.exporter)
            .field("limits", &self.limits)
            .field("credentials", &self.credentials.len())
            .finish()
    }
}
