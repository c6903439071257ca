//! An instrument gets a further stream while threads record in it through handles that know a short way.
//!
//! One test, for what it is about happens once in a process.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::sync::Barrier;
use std::thread;

use opentelemetry::KeyValue;
use support::{provider, snapshot};
use tachograph_sdk::testing::InMemoryReader;
use tachograph_sdk::{AttributeValue, Attributes, Counter};

#[derive(Clone, Copy, AttributeValue)]
#[attribute(crate = "tachograph_sdk")]
enum Channel {
    Web,
    App,
}

#[derive(Clone, Copy, Attributes)]
#[attribute(crate = "tachograph_sdk")]
struct Order {
    channel: Channel,
}

const THREADS: u64 = 4;

#[test]
fn every_measurement_after_a_stream_came_is_in_it_whatever_thread_and_handle_it_is_made_by() {
    let provider = provider();
    let meter = provider.meter("m");
    let dynamic: Counter<u64> = meter.counter("bound").build();
    let bound = dynamic.bind(&[("k", "v")]);
    let typed: Counter<u64, Order> = meter.counter("typed").build();
    let typed_bound = typed.bind(&Order { channel: Channel::App });
    let api = meter.as_otel().u64_counter("api").build().bind(&[KeyValue::new("k", "v")]);
    let fractions: Counter<f64> = meter.counter("fractions").build();
    let fractions = fractions.bind(&());
    let record = || {
        bound.add(1);
        typed.add(1, &Order { channel: Channel::Web });
        typed_bound.add(1);
        api.add(1);
        fractions.add(0.5);
    };
    let (recorded, came) = (Barrier::new(1 + THREADS as usize), Barrier::new(1 + THREADS as usize));
    let late = thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                // The first finds its way, and the others take the short one.
                (0..100).for_each(|_| record());
                recorded.wait();
                came.wait();
                record();
            });
        }
        recorded.wait();
        // A limit of its own: every instrument gets another stream.
        let late = InMemoryReader::of(provider.reader_builder().with_cardinality_limit(7).build());
        came.wait();
        late
    });
    // By a thread that comes after that, too, and by handles that do.
    thread::scope(|scope| {
        scope.spawn(|| {
            record();
            bound.clone().add(1);
            let web = typed.bind(&Order { channel: Channel::Web });
            (0..2).for_each(|_| web.add(1));
        });
    });
    let (late, early) = (late.snapshot(), snapshot(&provider));
    let (before, after) = (100 * THREADS, THREADS + 1);
    for (name, each, more) in [("bound", 1, 1), ("typed", 2, 2), ("api", 1, 0)] {
        late.metric(name).assert_total(each * after + more);
        early.metric(name).assert_total(each * (before + after) + more);
    }
    late.metric("fractions").assert_total(0.5 * after as f64);
    early.metric("fractions").assert_total(0.5 * (before + after) as f64);
}
