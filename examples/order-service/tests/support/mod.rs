//! The service as a program of its own, with requests that are the same every time.
#![allow(dead_code, reason = "not every test uses all of it")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

// The real servers are found and started as the exposition's own tests do it.
#[path = "../../../../crates/tachograph-otlp/tests/support/collector.rs"]
pub(crate) mod collector;
#[path = "../../../../crates/tachograph-prometheus/tests/support/peers.rs"]
pub(crate) mod peers;
#[path = "../../../../crates/tachograph-prometheus/tests/support/prometheus.rs"]
pub(crate) mod prometheus;
pub(crate) mod tree;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use ureq::Agent;

/// A running order service; killed with the test, unless it ended before.
pub(crate) struct Service {
    child: Child,
    output: BufReader<ChildStdout>,
    /// `http://` and its address.
    pub(crate) base: String,
    agent: Agent,
}

impl Service {
    /// Starts it on a free port.
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_with(arguments, &[("OTEL_METRICS_EXPORTER", "none")])
    }

    pub(crate) fn start_with(arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_order-service"));
        // What the machine's own environment says is not this test's matter.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OTEL_")) {
            command.env_remove(name);
        }
        // Spans go where a test says; and what the console prints would fill a pipe that nobody reads.
        command.envs([("OTEL_TRACES_EXPORTER", "none"), ("RUST_LOG", "off")]);
        command.envs(variables.iter().copied()).args(["--addr", "127.0.0.1:0"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        output.read_line(&mut first).unwrap();
        let base = first.trim().strip_prefix("order-service at ").unwrap().to_owned();
        let config = Agent::config_builder().http_status_as_error(false);
        Service { child, output, base, agent: Agent::new_with_config(config.build()) }
    }

    /// Sends a body, or none where it is null.
    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let request = self.agent.post(format!("{}{path}", self.base));
        let answered = if body.is_null() { request.send_empty() } else { request.send_json(body) };
        let mut response = answered.unwrap();
        (response.status().as_u16(), response.body_mut().read_json().unwrap())
    }

    /// The page in the format that this `Accept` header asks for.
    pub(crate) fn page(&self, accept: &str) -> String {
        let request = self.agent.get(format!("{}/metrics", self.base)).header("Accept", accept);
        request.call().unwrap().body_mut().read_to_string().unwrap()
    }

    /// The lines that say where to look, and whatever else comes until one that begins so.
    pub(crate) fn lines_until(&mut self, beginning: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "it ended after {lines:?}");
            lines.push(line.trim_end().to_owned());
            if line.starts_with(beginning) {
                return lines;
            }
        }
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it ends: its exit code, and what it said last.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.output.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An order of one item.
pub(crate) fn order(channel: &str, region: &str, sku: &str, quantity: u64) -> Value {
    json!({ "channel": channel, "region": region, "items": [{ "sku": sku, "quantity": quantity }] })
}

/// The same orders every time: shipped, cancelled, declined, out of stock, and one that still waits.
pub(crate) fn trade(service: &Service) {
    let card = |card: &str| json!({ "card": card });
    let nothing = Value::Null;
    for (path, body, status) in [
        ("/orders", order("web", "eu", "tea", 2), 201),
        ("/orders/1/pay", card("good"), 200),
        ("/orders/1/ship", nothing.clone(), 200),
        ("/orders/1/ship", nothing.clone(), 404),
        ("/orders", order("app", "us", "teapot", 1), 201),
        ("/orders/2/pay", card("good"), 200),
        ("/orders/2/cancel", nothing.clone(), 200),
        ("/orders", order("partner", "apac", "kettle", 3), 201),
        ("/orders/3/ship", nothing.clone(), 409),
        ("/orders/3/pay", card("declined"), 402),
        ("/orders", order("web", "eu", "samovar", 5), 201),
        ("/orders", order("web", "eu", "samovar", 1), 409),
        ("/orders/4/pay", card("unavailable"), 502),
        ("/orders/4/cancel", nothing.clone(), 200),
        ("/orders", order("web", "us", "tea", 12), 201),
        ("/orders/5/pay", card("slow"), 200),
        ("/orders", order("web", "eu", "tea", 1), 201),
        ("/orders", order("web", "eu", "coffee", 1), 422),
        ("/orders", order("web", "eu", "tea", 0), 422),
        ("/stock/tea", json!({ "quantity": 100 }), 200),
        ("/nowhere", nothing, 404),
    ] {
        let answer = service.post(path, &body);
        assert_eq!(answer.0, status, "{path} {body}: {}", answer.1);
    }
}
