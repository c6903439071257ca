use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};

/// Listens at every address that `host:port` stands for.
pub(super) fn bind(asked: &str) -> io::Result<Vec<TcpListener>> {
    listen(asked.to_socket_addrs()?)
}

/// Listens at every address.
///
/// An address family that this host does not have is left out while there is another. A port that is
/// taken on one of the addresses is an error: half of the clients would reach somebody else.
fn listen(addresses: impl IntoIterator<Item = SocketAddr>) -> io::Result<Vec<TcpListener>> {
    let mut listeners: Vec<TcpListener> = Vec::new();
    let mut failed = None;
    for mut address in addresses {
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

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: [u8; 4] = [127, 0, 0, 1];
    /// An address of documentation: no host's.
    const NOWHERE: [u8; 4] = [192, 0, 2, 1];
    /// Of this host as well, where the whole network is its loopback.
    #[cfg(target_os = "linux")]
    const HERE_TOO: [u8; 4] = [127, 0, 0, 2];

    #[test]
    fn an_address_that_cannot_be_had_is_left_out_while_there_is_another() {
        let listeners = listen([NOWHERE, HERE].map(|host| (host, 0).into())).unwrap();
        assert!(listeners.len() == 1 && listeners[0].local_addr().unwrap().ip().is_loopback());
        assert!(listen([(NOWHERE, 0).into()]).is_err());
        assert!(listen([]).is_err());
    }

    #[test]
    fn an_address_that_is_given_twice_is_bound_once() {
        assert_eq!(listen([HERE, HERE].map(|host| (host, 0).into())).unwrap().len(), 1);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn any_port_is_one_port_at_all_addresses() {
        let listeners = listen([HERE, HERE_TOO].map(|host| (host, 0).into())).unwrap();
        let ports: Vec<u16> =
            listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
        assert!(ports.len() == 2 && ports[0] == ports[1], "{ports:?}");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_port_that_is_taken_at_one_of_the_addresses_is_an_error() {
        let taken = TcpListener::bind(SocketAddr::from((HERE_TOO, 0))).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = listen([HERE, HERE_TOO].map(|host| (host, port).into())).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }
}
