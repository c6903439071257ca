use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

/// Listens at every address that `host:port` stands for.
///
/// An address family that this host does not have is left out while there is another. A port that is
/// taken on one of the addresses is an error: half of the clients would reach somebody else.
pub(super) fn bind(asked: &str) -> io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut failed = None;
    for mut address in asked.to_socket_addrs()? {
        let any_port = address.port() == 0;
        if any_port && let Some(first) = listeners.first() {
            address.set_port(first.local_addr()?.port());
        }
        if listeners.iter().any(|listener| is_at(listener, address)) {
            continue;
        }
        match TcpListener::bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && !any_port => return Err(error),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if listeners.is_empty() => Err(error),
        None if listeners.is_empty() => {
            Err(io::Error::new(io::ErrorKind::AddrNotAvailable, "the host's name has no address"))
        }
        _ => Ok(listeners),
    }
}

fn is_at(listener: &TcpListener, address: SocketAddr) -> bool {
    listener.local_addr().is_ok_and(|local| local == address)
}
