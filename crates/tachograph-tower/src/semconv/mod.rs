//! What the HTTP semantic conventions (1.44) say, as pure functions: which names there are, and
//! which value of bounded cardinality stands for what a peer sent.

mod address;
mod client;
mod forwarded;
mod method;
mod query;
mod scheme;

pub(crate) use address::{ServerAddress, server_address};
pub(crate) use client::{address_text, client_address};
pub(crate) use method::KnownMethods;
pub(crate) use query::redacted;
pub use scheme::Scheme;

pub(crate) const CLIENT_ADDRESS: &str = "client.address";
pub(crate) const ERROR_TYPE: &str = "error.type";
pub(crate) const HTTP_REQUEST_METHOD: &str = "http.request.method";
pub(crate) const HTTP_REQUEST_METHOD_ORIGINAL: &str = "http.request.method_original";
pub(crate) const HTTP_RESPONSE_STATUS_CODE: &str = "http.response.status_code";
pub(crate) const HTTP_ROUTE: &str = "http.route";
pub(crate) const NETWORK_PEER_ADDRESS: &str = "network.peer.address";
pub(crate) const NETWORK_PEER_PORT: &str = "network.peer.port";
pub(crate) const NETWORK_PROTOCOL_VERSION: &str = "network.protocol.version";
pub(crate) const SERVER_ADDRESS: &str = "server.address";
pub(crate) const SERVER_PORT: &str = "server.port";
pub(crate) const URL_PATH: &str = "url.path";
pub(crate) const URL_QUERY: &str = "url.query";
pub(crate) const URL_SCHEME: &str = "url.scheme";
pub(crate) const USER_AGENT_ORIGINAL: &str = "user_agent.original";

/// What stands in place of a secret.
pub(crate) const REDACTED: &str = "REDACTED";

/// The value that stands for everything a closed set does not name.
pub(crate) const OTHER: &str = "_OTHER";

/// `network.protocol.version` as the conventions write it; none for a version they do not list.
///
/// `network.protocol.name` is reported only where it is not `http`, so never here.
pub(crate) fn protocol_version(version: http::Version) -> Option<&'static str> {
    match version {
        http::Version::HTTP_09 => Some("0.9"),
        http::Version::HTTP_10 => Some("1.0"),
        http::Version::HTTP_11 => Some("1.1"),
        http::Version::HTTP_2 => Some("2"),
        http::Version::HTTP_3 => Some("3"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_written_without_a_needless_zero() {
        let names =
            [http::Version::HTTP_10, http::Version::HTTP_11, http::Version::HTTP_2, http::Version::HTTP_3]
                .map(protocol_version);
        assert_eq!(names, [Some("1.0"), Some("1.1"), Some("2"), Some("3")]);
    }
}
