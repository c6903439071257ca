//! From an endpoint to bytes that flow.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::failure::{Failure, Kind};
#[cfg(feature = "tls")]
use super::tls;
use crate::config::{Endpoint, TlsConfig};
use crate::error::OtlpError;

/// How long one of several addresses may take, before the next one is tried.
const PER_ADDRESS: Duration = Duration::from_secs(3);

/// Makes connections to one endpoint: plain ones to http, secured ones to https, never otherwise.
pub(crate) struct Connector {
    host: String,
    port: u16,
    #[cfg(feature = "tls")]
    tls: Option<tls::Tls>,
}

impl Connector {
    /// Reads certificates and keys.
    pub(crate) fn new(endpoint: &Endpoint, config: &TlsConfig) -> Result<Self, OtlpError> {
        if !endpoint.https && !config.is_empty() {
            // Not an error: the variables for certificates are often set for all signals.
            tachograph_sdk::diag::report(
                "otlp.config",
                &endpoint.to_string(),
                format_args!(
                    "certificates or keys are set, but {endpoint} is an http:// endpoint, so that they are not \
                     used: write https:// if the connection is to be secure"
                ),
            );
        }
        #[cfg(not(feature = "tls"))]
        if endpoint.https {
            return Err(OtlpError::tls(format!(
                "{endpoint} is https, which this program was built without: enable the feature tls-native-roots or \
                 tls-webpki-roots of tachograph-otlp, or use an http:// endpoint"
            )));
        }
        Ok(Connector {
            host: endpoint.host.clone(),
            port: endpoint.port,
            #[cfg(feature = "tls")]
            tls: match endpoint.https {
                true => Some(tls::Tls::new(endpoint, config)?),
                false => None,
            },
        })
    }

    pub(crate) async fn connect(&self) -> Result<Stream, Failure> {
        let stream = self.connect_tcp().await?;
        // Requests are written whole; waiting to fill a packet would only delay their end.
        let _ = stream.set_nodelay(true);
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return tls.secure(stream).await.map(|stream| Stream::Tls(Box::new(stream)));
        }
        Ok(Stream::Plain(stream))
    }

    /// Tries the addresses that the name has, in the system's order.
    async fn connect_tcp(&self) -> Result<TcpStream, Failure> {
        let addresses = self.addresses().await?;
        let mut errors = Vec::new();
        for (index, address) in addresses.iter().enumerate() {
            let connecting = TcpStream::connect(*address);
            let connected = match index + 1 < addresses.len() {
                true => timeout(PER_ADDRESS, connecting)
                    .await
                    .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())),
                false => connecting.await,
            };
            match connected {
                Ok(stream) => return Ok(stream),
                Err(error) => errors.push(format!("{address}: {error}")),
            }
        }
        Err(Failure::new(Kind::Connect, format!("no connection ({})", errors.join("; "))))
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, Failure> {
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, self.port)]);
        }
        let failed =
            |text| Failure::new(Kind::Connect, format!("the name {} has no address ({text})", self.host));
        let found = lookup_host((self.host.as_str(), self.port)).await;
        let addresses: Vec<_> = found.map_err(|error| failed(error.to_string()))?.collect();
        if addresses.is_empty() { Err(failed("none was found".to_owned())) } else { Ok(addresses) }
    }
}

/// A connection, secured or not.
pub(crate) enum Stream {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<tls::TlsStream>),
}

/// Calls a method of whatever it is.
macro_rules! either {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Plain($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
            #[cfg(feature = "tls")]
            Stream::Tls($inner) => {
                let $inner = Pin::new($inner);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_read(cx, to))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        either!(self, stream => stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(stream) => stream.is_write_vectored(),
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_needs_the_feature_and_is_never_replaced_by_http() {
        let endpoint = Endpoint::exact("https://localhost:1").expect("a URL");
        let pem =
            rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate").cert.pem();
        let made = Connector::new(&endpoint, &TlsConfig::new().with_certificate_pem(pem));
        #[cfg(feature = "tls")]
        assert!(made.expect("TLS is built in").tls.is_some());
        #[cfg(not(feature = "tls"))]
        {
            let error = made.err().expect("no TLS").to_string();
            assert!(error.contains("enable the feature tls-native-roots"), "{error}");
        }
    }
}
