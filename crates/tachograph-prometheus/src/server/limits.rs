use std::time::Duration;

/// What clients may take. But for the connections not the user's to set; tests have less patience.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Connections at a time over all addresses. A handful of servers scrape a service, seldom at the same
    /// moment; what is beyond that is for whoever is slow.
    pub(super) connections: usize,
    /// How long a connection may make no progress when there are as many as there may be. Less is not held
    /// against a client on a network.
    pub(super) patience: Duration,
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
            connections: 64,
            patience: Duration::from_millis(250),
            pages: 2,
            header: Duration::from_secs(5),
            connection: Duration::from_secs(30),
            grace: Duration::from_secs(1),
        }
    }
}
