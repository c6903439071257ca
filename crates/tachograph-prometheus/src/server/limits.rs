use std::time::Duration;

/// What clients may take. Not the user's to set; tests have less patience.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at a time over all addresses; further ones wait in the system's queue. A handful of
    /// servers scrape a service, seldom at the same moment.
    pub(super) connections: usize,
    /// Pages made at a time. They run user code (callbacks), which may block.
    pub(super) pages: usize,
    /// How long a client may take to say what it wants.
    pub(super) header: Duration,
    /// How long a connection may last, from its acceptance to the last byte of its one response. A
    /// server's own default is to give up after 10 s.
    pub(super) connection: Duration,
    /// How long responses that are being written may take once the server is to stop.
    pub(super) grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connections: 32,
            pages: 2,
            header: Duration::from_secs(5),
            connection: Duration::from_secs(30),
            grace: Duration::from_secs(1),
        }
    }
}
