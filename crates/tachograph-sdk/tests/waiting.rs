//! Recording in a series that exists waits for nobody, not even for who is making another series.

mod support;

use std::cell::Cell;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use opentelemetry::{Array, KeyValue, Value};
use support::{provider, snapshot};
use tachograph_sdk::{Attributes, Counter, Gauge, Histogram, KeyRef, Meter, ValueRef};

/// A set that does something whenever the engine looks at it; some looks are under the engine's lock.
struct Watched<'a> {
    n: i64,
    looked_at: &'a dyn Fn(),
}

impl Attributes for Watched<'_> {
    fn visit<'a>(&'a self, mut visitor: impl FnMut(KeyRef<'a>, ValueRef<'a>)) {
        (self.looked_at)();
        visitor(KeyRef::from_static("watched"), ValueRef::I64(self.n));
    }
}

/// Sets of every sort: short, long, many, of arrays, with keys and values of every owner.
fn sets() -> Vec<Vec<KeyValue>> {
    let many = |size: i64| (0..size).map(|n| KeyValue::new(format!("key {n}"), n)).collect();
    const KEYS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    vec![
        vec![],
        vec![KeyValue::new("k", "short")],
        vec![KeyValue::new("k", "owned".to_owned())],
        vec![KeyValue::new("k", "owned, and longer than any value that is told by its words".to_owned())],
        vec![KeyValue::new("k", "static, and longer than any value that is told by its words")],
        vec![KeyValue::new("owned".to_owned(), 1.5)],
        vec![KeyValue::new("k", Value::Array(Array::I64(vec![1, 2])))],
        vec![KeyValue::new("k", 1), KeyValue::new("k", 2)],
        KEYS.map(|key| KeyValue::new(key, true)).to_vec(),
        KEYS[..9].iter().map(|key| KeyValue::new(*key, "text".to_owned())).collect(),
        many(20),
        many(100),
    ]
}

/// A stream for each sort of set: what one teaches the engine does not help another.
struct Streams {
    set: Vec<KeyValue>,
    counter: Counter<u64>,
    api: opentelemetry::metrics::Counter<u64>,
    histogram: Histogram<f64>,
    gauge: Gauge<i64>,
}

impl Streams {
    fn new(meter: &Meter, n: usize, set: Vec<KeyValue>) -> Self {
        Streams {
            set,
            counter: meter.counter(format!("counter.{n}")).build(),
            api: meter.as_otel().u64_counter(format!("api.{n}")).build(),
            histogram: meter.histogram(format!("histogram.{n}")).build(),
            gauge: meter.gauge(format!("gauge.{n}")).build(),
        }
    }

    fn record(&self) {
        let set = self.set.as_slice();
        let borrowed: Vec<_> = set.iter().map(|p| (KeyRef::borrowed(p.key.as_str()), &p.value)).collect();
        self.counter.add(1, borrowed.as_slice());
        self.api.add(1, set);
        self.histogram.record(1.0, set);
        self.gauge.record(1, set);
    }

    /// Makes a series in each stream.
    fn make(&self, watched: &Watched<'_>) {
        self.counter.add(1, watched);
        self.histogram.record(1.0, watched);
        self.gauge.record(1, watched);
    }
}

#[test]
fn a_known_series_is_recorded_while_another_thread_makes_one() {
    let provider = provider();
    let meter = provider.meter("m");
    let streams: Vec<Streams> = (0..).zip(sets()).map(|(n, set)| Streams::new(&meter, n, set)).collect();
    // Every set is known then, and whatever there is to learn of it is learnt.
    (0..100).for_each(|_| streams.iter().for_each(Streams::record));

    thread::scope(|scope| {
        let (ask, asked) = mpsc::channel::<usize>();
        let (answer, answered) = mpsc::channel();
        let streams = &streams;
        scope.spawn(move || {
            for n in asked {
                streams[n].record();
                answer.send(()).expect("the other thread waits");
            }
        });
        let mut looks = 0;
        for (n, stream) in streams.iter().enumerate() {
            let seen = Cell::new(0);
            let looked_at = || {
                seen.set(seen.get() + 1);
                ask.send(n).expect("the recorder lives");
                let recorded = answered.recv_timeout(Duration::from_secs(10));
                assert!(recorded.is_ok(), "a recorder waited for a lock, with {:?}", stream.set);
            };
            stream.make(&Watched { n: 7, looked_at: &looked_at });
            looks += seen.get();
        }
        assert!(looks > 100, "{looks} looks");
        drop(ask);
    });
    snapshot(&provider).metric("counter.0").assert_value(&[("watched", 7)], 1);
}
