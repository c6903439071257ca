//! Reports are made while no lock is held: a subscriber may use the facade itself.

use std::sync::mpsc;
use std::time::Duration;

use metrics::counter;
use tachograph_metrics::MetricsRecorder;
use tachograph_sdk::MeterProvider;
use tachograph_sdk::testing::InMemoryReader;
use tracing::span;
use tracing::{Event, Metadata, Subscriber};

/// Counts every event by the facade, as a layer that counts log lines does.
struct CountsEvents;

impl Subscriber for CountsEvents {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}

    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        counter!("events", "level" => event.metadata().level().as_str()).increment(1);
        counter!("overflowing", "user" => "of the subscriber").increment(1);
    }

    fn enter(&self, _span: &span::Id) {}

    fn exit(&self, _span: &span::Id) {}
}

#[test]
fn a_subscriber_that_counts_what_is_reported_does_not_wait_for_itself() {
    let (done, is_done) = mpsc::channel();
    std::thread::spawn(move || {
        let provider = MeterProvider::new();
        let recorder = MetricsRecorder::builder(&provider).with_cardinality_limit(1).build();
        tracing::subscriber::with_default(CountsEvents, || {
            metrics::with_local_recorder(&recorder, || {
                // An invalid name is reported when the instrument is made, an overflow when a series is.
                counter!("1 invalid").increment(1);
                for user in ["a", "b", "c"] {
                    counter!("overflowing", "user" => user).increment(1);
                }
            });
        });
        let _ = done.send(InMemoryReader::new(&provider).snapshot());
    });
    let snapshot = is_done.recv_timeout(Duration::from_secs(60)).expect("it does not stand still");
    assert_eq!(snapshot.metric("1 invalid").value(&()), 1);
    let events = snapshot.metric("events").total();
    assert!(events == 2 || events == 3, "both were reported: {events:?}");
}
