use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::Histogram;

use crate::sync::{Mutex, lock};

/// How long an exporter's operations take: what it records here is reported as `otel.sdk.exporter.operation.duration`
/// by whoever observes the pipeline ([`self_metrics`](crate::self_metrics)), and costs next to nothing where nobody
/// does. Clones are handles to the same.
///
/// An exporter that sends to a server keeps one, records each operation once, from its first attempt to its last, and
/// returns a clone from [`Exporter::operations`](super::Exporter::operations).
///
/// ```
/// use std::time::Duration;
/// use tachograph_sdk::pipeline::ExportOperations;
///
/// let operations = ExportOperations::with_server("collector.example", 4318);
/// operations.record(Duration::from_millis(12), None, Some(200));
/// operations.record(Duration::from_secs(10), Some("timeout"), None);
/// ```
///
/// Follows the semantic conventions for the SDK's own metrics.
#[derive(Clone, Default)]
pub struct ExportOperations(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// `server.address` and `server.port`, where there is one.
    server: Option<[KeyValue; 2]>,
    observers: Mutex<Vec<Observer>>,
}

/// A histogram, and what the exporter is called there.
#[derive(Clone)]
struct Observer {
    histogram: Histogram<f64>,
    component: [KeyValue; 2],
}

impl ExportOperations {
    /// Operations that no server is known of.
    pub fn new() -> Self {
        Self::default()
    }

    /// Operations of a server: its name or address without brackets, and its port.
    pub fn with_server(address: impl Into<Cow<'static, str>>, port: u16) -> Self {
        let address = KeyValue::new("server.address", address.into());
        let server = Some([address, KeyValue::new("server.port", i64::from(port))]);
        ExportOperations(Arc::new(Shared { server, observers: Mutex::default() }))
    }

    /// Records an operation that is over: how long it took with all its attempts and the waits between them, what went
    /// wrong with the last of these (`None` is a full success), and the status of its HTTP answer, if there was one.
    ///
    /// `error_type` is a word of few, as the reason of an [`ExportOutcome`](super::ExportOutcome) is.
    pub fn record(&self, took: Duration, error_type: Option<&'static str>, http_status: Option<u16>) {
        // What is observed with may be anybody's: it is not called with the lock held.
        let observers = lock(&self.0.observers).clone();
        if observers.is_empty() {
            return;
        }
        let mut attributes = Vec::with_capacity(6);
        attributes.extend(self.0.server.iter().flatten().cloned());
        attributes.extend(error_type.map(|error| KeyValue::new("error.type", error)));
        let status = http_status.map(|status| KeyValue::new("http.response.status_code", i64::from(status)));
        attributes.extend(status);
        let own = attributes.len();
        for Observer { histogram, component } in observers {
            attributes.truncate(own);
            attributes.extend(component);
            histogram.record(took.as_secs_f64(), &attributes);
        }
    }

    /// Has operations from now on recorded in a histogram as well, as those of the component of this type and name.
    pub(crate) fn observe(&self, histogram: Histogram<f64>, component: [KeyValue; 2]) {
        lock(&self.0.observers).push(Observer { histogram, component });
    }
}

impl fmt::Debug for ExportOperations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let observers = lock(&self.0.observers).len();
        f.debug_struct("ExportOperations")
            .field("server", &self.0.server)
            .field("observers", &observers)
            .finish()
    }
}
