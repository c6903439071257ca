//! The smallest server that a Prometheus can scrape: one thread, one request per connection.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, Request, Response};

/// Serves on a free port of the loopback interface until the process ends.
pub(crate) struct HttpServer {
    pub(crate) address: SocketAddr,
    /// The content types of the answers so far.
    answered: Arc<Mutex<Vec<String>>>,
}

impl HttpServer {
    /// Answers every request with what `respond` says.
    pub(crate) fn start(respond: impl Fn(&Request<()>) -> Response<Bytes> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let answered = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&answered);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is its own affair.
                if let Ok(content_type) = answer(&respond, stream) {
                    log.lock().expect("not poisoned").push(content_type);
                }
            }
        });
        HttpServer { address, answered }
    }

    pub(crate) fn answered(&self) -> Vec<String> {
        self.answered.lock().expect("not poisoned").clone()
    }
}

fn answer(
    respond: &impl Fn(&Request<()>) -> Response<Bytes>,
    mut stream: TcpStream,
) -> std::io::Result<String> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let mut words = first.split(' ');
    let method = Method::from_bytes(words.next().unwrap_or_default().as_bytes()).unwrap_or(Method::GET);
    let mut request = Request::builder().method(method).uri(words.next().unwrap_or("/"));
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        request = request.header(name, value.trim());
    }
    let response = respond(&request.body(()).map_err(std::io::Error::other)?);
    let mut head = format!("HTTP/1.1 {}\r\nconnection: close\r\n", response.status());
    for (name, value) in response.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().map_err(std::io::Error::other)?);
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    stream.write_all(response.body())?;
    let content_type = response.headers().get("content-type");
    Ok(content_type.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned())
}
