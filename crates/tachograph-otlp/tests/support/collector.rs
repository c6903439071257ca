//! A real OpenTelemetry Collector, started for one test; what it prints of what it got.

use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::peers::{empty_folder, program};

/// How long it may take for anything; a loaded machine is slow.
const DEADLINE: Duration = Duration::from_secs(60);

/// A running collector; ends with the test.
pub(crate) struct Collector {
    child: Child,
    address: String,
    log: PathBuf,
}

impl Collector {
    /// Starts one that takes OTLP over HTTP and prints what it gets. `tls` is YAML for the receiver.
    pub(crate) fn start(test: &str, tls: &str) -> Self {
        let folder = empty_folder(&format!("collector-{test}"));
        let log = folder.join("log");
        // It cannot be asked which port it found, so that one is found for it; another process may be faster
        // to take it.
        for _ in 0..5 {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            let address = free.expect("a free port").to_string();
            let config = folder.join("config.yaml");
            fs::write(&config, configuration(&address, tls)).expect("a configuration can be written");
            let child = Command::new(program("collector/collector"))
                .arg(format!("--config=file:{}", config.display()))
                .stdout(Stdio::null())
                .stderr(File::create(&log).expect("a log can be written"))
                .spawn()
                .expect("the collector starts");
            let mut collector = Collector { child, address, log: log.clone() };
            if collector.becomes_ready() {
                return collector;
            }
        }
        panic!("the collector ends when it starts\n{}", fs::read_to_string(&log).unwrap_or_default());
    }

    /// Waits until it listens, or has ended.
    fn becomes_ready(&mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            if self.child.try_wait().is_ok_and(|ended| ended.is_some()) {
                return false;
            }
            if self.log().contains("Everything is ready") && TcpStream::connect(&self.address).is_ok() {
                return true;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the collector did not become ready\n{}", self.log());
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Everything it has printed.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// What it has printed of spans, once there are so many: each from its heading to the next.
    pub(crate) fn spans(&self, count: usize) -> Vec<String> {
        let start = Instant::now();
        loop {
            let log = self.log();
            let mut parts = log.split("\nSpan #");
            let _ = parts.next();
            let spans: Vec<String> = parts.map(str::to_owned).collect();
            if spans.len() >= count {
                return spans;
            }
            assert!(start.elapsed() < DEADLINE, "{} of {count} spans\n{log}", spans.len());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(address: &str, tls: &str) -> String {
    format!(
        "receivers:
  otlp:
    protocols:
      http:
        endpoint: {address}
{tls}
exporters:
  debug:
    verbosity: detailed
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
"
    )
}
