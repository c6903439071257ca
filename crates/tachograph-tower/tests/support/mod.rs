//! A small SDK that keeps every measurement, and bodies and services that misbehave on demand.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

pub(crate) mod traced;

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use opentelemetry::metrics::{
    Histogram, HistogramBuilder, InstrumentBuilder, InstrumentProvider, Meter, SyncInstrument, UpDownCounter,
};
use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue, Value};

pub(crate) const DURATION: &str = "http.server.request.duration";
pub(crate) const ACTIVE: &str = "http.server.active_requests";
pub(crate) const REQUEST_SIZE: &str = "http.server.request.body.size";
pub(crate) const RESPONSE_SIZE: &str = "http.server.response.body.size";

/// An instrument that was created.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Instrument {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) unit: String,
    pub(crate) description: String,
    pub(crate) boundaries: Option<Vec<f64>>,
}

/// A measurement that was made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) attributes: BTreeMap<String, Value>,
    /// Where the attributes were in memory.
    pub(crate) address: usize,
    /// The span that was current, and whether it was still recording.
    pub(crate) span: Option<(TraceId, SpanId)>,
    pub(crate) recording: bool,
}

impl Sample {
    /// The text of an attribute, if it is there.
    pub(crate) fn get(&self, key: &str) -> Option<String> {
        self.attributes.get(key).map(|value| value.as_str().into_owned())
    }

    pub(crate) fn keys(&self) -> Vec<&str> {
        self.attributes.keys().map(String::as_str).collect()
    }
}

#[derive(Default)]
struct Log {
    instruments: Vec<Instrument>,
    samples: Vec<Sample>,
}

/// What was created and measured with its meter.
#[derive(Clone, Default)]
pub(crate) struct Recorder(Arc<Mutex<Log>>);

impl Recorder {
    pub(crate) fn meter(&self) -> Meter {
        Meter::new(Arc::new(self.clone()))
    }

    pub(crate) fn instruments(&self) -> Vec<Instrument> {
        self.0.lock().unwrap().instruments.clone()
    }

    pub(crate) fn samples(&self, name: &str) -> Vec<Sample> {
        let log = self.0.lock().unwrap();
        log.samples.iter().filter(|sample| sample.name == name).cloned().collect()
    }

    /// The durations recorded.
    pub(crate) fn requests(&self) -> Vec<Sample> {
        self.samples(DURATION)
    }

    /// The only request recorded.
    pub(crate) fn request(&self) -> Sample {
        let requests = self.requests();
        assert_eq!(requests.len(), 1, "one sample per request: {requests:?}");
        requests.into_iter().next().unwrap()
    }

    /// The sum of `http.server.active_requests`, by attributes; each must be zero at rest.
    pub(crate) fn active(&self) -> i64 {
        let mut by_series = BTreeMap::<String, i64>::new();
        for sample in self.samples(ACTIVE) {
            *by_series.entry(format!("{:?}", sample.attributes)).or_default() += sample.value as i64;
        }
        assert!(by_series.values().all(|sum| *sum >= 0), "{by_series:?}");
        by_series.values().sum()
    }

    fn create(
        &self,
        kind: &'static str,
        name: &str,
        unit: Option<&str>,
        description: Option<&str>,
        boundaries: Option<Vec<f64>>,
    ) -> Keep {
        self.0.lock().unwrap().instruments.push(Instrument {
            kind,
            name: name.to_owned(),
            unit: unit.unwrap_or_default().to_owned(),
            description: description.unwrap_or_default().to_owned(),
            boundaries,
        });
        Keep { name: name.to_owned(), log: self.clone() }
    }

    fn histogram<T>(&self, kind: &'static str, builder: HistogramBuilder<'_, T>) -> Keep {
        let (unit, description) = (builder.unit.as_deref(), builder.description.as_deref());
        self.create(kind, &builder.name, unit, description, builder.boundaries)
    }
}

impl InstrumentProvider for Recorder {
    fn i64_up_down_counter(&self, builder: InstrumentBuilder<'_, UpDownCounter<i64>>) -> UpDownCounter<i64> {
        let (unit, description) = (builder.unit.as_deref(), builder.description.as_deref());
        UpDownCounter::new(Arc::new(self.create(
            "i64 up-down counter",
            &builder.name,
            unit,
            description,
            None,
        )))
    }

    fn f64_histogram(&self, builder: HistogramBuilder<'_, Histogram<f64>>) -> Histogram<f64> {
        Histogram::new(Arc::new(self.histogram("f64 histogram", builder)))
    }

    fn u64_histogram(&self, builder: HistogramBuilder<'_, Histogram<u64>>) -> Histogram<u64> {
        Histogram::new(Arc::new(self.histogram("u64 histogram", builder)))
    }
}

/// An instrument that keeps what it is given.
struct Keep {
    name: String,
    log: Recorder,
}

impl Keep {
    fn keep(&self, value: f64, attributes: &[KeyValue]) {
        let pairs = attributes.iter().map(|pair| (pair.key.as_str().to_owned(), pair.value.clone()));
        let map: BTreeMap<_, _> = pairs.collect();
        assert_eq!(map.len(), attributes.len(), "no key twice: {attributes:?}");
        let (span, recording) = Context::map_current(|cx| {
            let span = cx.span().span_context().clone();
            (span.is_valid().then(|| (span.trace_id(), span.span_id())), cx.span().is_recording())
        });
        self.log.0.lock().unwrap().samples.push(Sample {
            name: self.name.clone(),
            value,
            attributes: map,
            address: attributes.as_ptr() as usize,
            span,
            recording,
        });
    }
}

impl SyncInstrument<f64> for Keep {
    fn measure(&self, value: f64, attributes: &[KeyValue]) {
        self.keep(value, attributes);
    }
}

impl SyncInstrument<u64> for Keep {
    fn measure(&self, value: u64, attributes: &[KeyValue]) {
        self.keep(value as f64, attributes);
    }
}

impl SyncInstrument<i64> for Keep {
    fn measure(&self, value: i64, attributes: &[KeyValue]) {
        self.keep(value as f64, attributes);
    }
}

/// An error with a name.
#[derive(Debug)]
pub(crate) struct Broken;

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}

impl std::error::Error for Broken {}

/// A step of a [`Script`].
#[derive(Debug)]
pub(crate) enum Step {
    Data(&'static str),
    Trailers(http::HeaderMap),
    Fail,
    Panic,
    /// Pending for ever.
    Hang,
    /// Wait that long, in milliseconds.
    Sleep(u64),
}

/// A body that does what it is told, of unknown length.
#[derive(Debug, Default)]
pub(crate) struct Script {
    steps: VecDeque<Step>,
    sleeping: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Script {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), sleeping: None }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        loop {
            if let Some(sleep) = &mut self.sleeping {
                std::task::ready!(sleep.as_mut().poll(cx));
                self.sleeping = None;
            }
            return Poll::Ready(Some(match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Data(text)) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
                Some(Step::Trailers(trailers)) => Ok(Frame::trailers(trailers)),
                Some(Step::Fail) => Err(Broken),
                Some(Step::Panic) => panic!("the body panics"),
                Some(Step::Hang) => {
                    self.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
                Some(Step::Sleep(millis)) => {
                    let time = std::time::Duration::from_millis(millis);
                    self.sleeping = Some(Box::pin(tokio::time::sleep(time)));
                    continue;
                }
            }));
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

/// A request without a body.
pub(crate) fn get(uri: &str) -> http::Request<Script> {
    http::Request::get(uri).body(Script::default()).unwrap()
}

/// A response with a status and a body that has ended.
pub(crate) fn status(status: u16) -> Result<http::Response<String>, Infallible> {
    Ok(http::Response::builder().status(status).body(String::new()).unwrap())
}
