//! Customers: real HTTP requests of the service to itself, each visit a trace of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use serde_json::{Value, json};
use tachograph::{Propagator, SpanExt};
use tracing::field::Empty;
use tracing::{info_span, instrument};
use ureq::Agent;

/// Requests that are under way, until it is told to stop.
pub(crate) struct Traffic {
    pace: Arc<Pace>,
    customers: Vec<JoinHandle<()>>,
}

impl Traffic {
    /// Sends so many requests a second, as evenly as it can.
    pub(crate) fn start(address: SocketAddr, rps: f64, propagator: &Propagator) -> Self {
        let pace = Arc::new(Pace {
            began: Instant::now(),
            between: Duration::from_secs_f64(1.0 / rps),
            sent: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        });
        // A slow payment takes half a second, during which its customer sends nothing else.
        let customers = (rps / 10.0).ceil().clamp(4.0, 64.0) as u64;
        let customers = (1..=customers)
            .map(|seed| {
                let customer = Customer::new(address, Arc::clone(&pace), seed, propagator.clone());
                thread::spawn(move || customer.shop_until_stopped())
            })
            .collect();
        Traffic { pace, customers }
    }

    /// Lets every customer finish the request that is under way.
    pub(crate) async fn stop(self) {
        self.pace.stopped.store(true, Ordering::Relaxed);
        for customer in self.customers {
            let _ = tokio::task::spawn_blocking(move || customer.join()).await;
        }
    }
}

/// When the next request is due.
struct Pace {
    began: Instant,
    between: Duration,
    sent: AtomicU64,
    stopped: AtomicBool,
}

impl Pace {
    /// Waits until a request is due; `None` if there is to be none any more.
    fn wait(&self) -> Option<()> {
        let number = self.sent.fetch_add(1, Ordering::Relaxed);
        let due = self.began + self.between.mul_f64(number as f64);
        while !self.stopped.load(Ordering::Relaxed) {
            let left = due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Some(());
            }
            thread::sleep(left.min(Duration::from_millis(50)));
        }
        None
    }
}

struct Customer {
    pace: Arc<Pace>,
    service: String,
    propagator: Propagator,
    patient: Agent,
    impatient: Agent,
    random: Random,
}

impl Customer {
    fn new(address: SocketAddr, pace: Arc<Pace>, seed: u64, propagator: Propagator) -> Self {
        let agent = |timeout| {
            let config = Agent::config_builder().http_status_as_error(false);
            Agent::new_with_config(config.timeout_global(Some(Duration::from_millis(timeout))).build())
        };
        Customer {
            pace,
            service: format!("http://{address}"),
            propagator,
            patient: agent(5_000),
            impatient: agent(100),
            random: Random(seed),
        }
    }

    fn shop_until_stopped(mut self) {
        while self.visit().is_some() {}
    }

    /// One visit: most end with an order that is shipped. `None` if it was cut short by the end.
    #[instrument(skip_all)]
    fn visit(&mut self) -> Option<()> {
        match self.random.below(100) {
            0..4 => {
                let path = format!("/no/such/page/{}", self.random.below(1_000_000));
                return self.send(&path, &Value::Null).map(drop);
            }
            4..12 => {
                let sku = ["tea", "teapot", "kettle", "samovar"][self.random.below(4)];
                return self.send(&format!("/stock/{sku}"), &json!({ "quantity": 10 })).map(drop);
            }
            _ => {}
        }
        let order = self.order();
        let created = self.send("/orders", &order)?;
        // Out of stock, perhaps; then the customer leaves.
        let Some(number) = created["number"].as_u64() else {
            return Some(());
        };
        if self.random.below(100) < 5 {
            return self.send(&format!("/orders/{number}/cancel"), &Value::Null).map(drop);
        }
        let card = self.card();
        let paid = self.pay(number, card)?;
        if card == "declined" {
            return Some(());
        }
        // A customer who has paid may still change their mind.
        let end = if paid && self.random.below(100) >= 4 { "ship" } else { "cancel" };
        self.send(&format!("/orders/{number}/{end}"), &Value::Null).map(drop)
    }

    fn order(&mut self) -> Value {
        let channel = ["web", "web", "web", "app", "app", "partner"][self.random.below(6)];
        let region = ["eu", "eu", "us", "apac"][self.random.below(4)];
        let sku = ["tea", "tea", "tea", "tea", "teapot", "teapot", "kettle", "samovar"][self.random.below(8)];
        let quantity = 1 + self.random.below(if sku == "tea" { 12 } else { 2 });
        json!({ "channel": channel, "region": region, "items": [{ "sku": sku, "quantity": quantity }] })
    }

    fn card(&mut self) -> &'static str {
        match self.random.below(100) {
            0..6 => "declined",
            6..9 => "unavailable",
            9..14 => "slow",
            _ => "good",
        }
    }

    /// Whether it is paid.
    fn pay(&mut self, number: u64, card: &str) -> Option<bool> {
        // One customer in three does not wait for what is slow, and hangs up.
        let hangs_up = card == "slow" && self.random.below(3) == 0;
        let agent = if hangs_up { &self.impatient } else { &self.patient };
        let answer = self.send_by(agent, &format!("/orders/{number}/pay"), &json!({ "card": card }))?;
        Some(answer["state"] == "paid")
    }

    fn send(&self, path: &str, body: &Value) -> Option<Value> {
        self.send_by(&self.patient, path, body)
    }

    /// Sends a body, or none where it is null. The answer, or null where there is none. `None` if nothing is to be sent any more.
    fn send_by(&self, agent: &Agent, path: &str, body: &Value) -> Option<Value> {
        self.pace.wait()?;
        let span = info_span!(
            "POST",
            otel.kind = "client",
            http.request.method = "POST",
            url.full = format!("{}{path}", self.service),
            http.response.status_code = Empty,
            otel.status_code = Empty,
        );
        let _entered = span.enter();
        let mut request = agent.post(format!("{}{path}", self.service));
        // What the service goes on with: the trace, and this span as the parent of its own.
        let mut headers = HeaderMap::new();
        self.propagator.inject_headers(&span.context(), &mut headers);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        let sent = if body.is_null() { request.send_empty() } else { request.send_json(body) };
        match &sent {
            Ok(answer) => {
                span.record("http.response.status_code", answer.status().as_u16());
            }
            Err(error) => {
                span.record("otel.status_code", "ERROR");
                tracing::debug!(%error, "no answer");
            }
        }
        let answer = sent.and_then(|mut answer| answer.body_mut().read_json());
        Some(answer.unwrap_or_default())
    }
}

/// A small generator of numbers that look random (splitmix64): the same customers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}
