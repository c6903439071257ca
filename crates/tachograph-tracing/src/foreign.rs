//! A span as foreign code sees it: the `opentelemetry` API's.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span, SpanContext, Status};
use tachograph_sdk::trace::{LiveSpan, Parent, SpanStatus, Tracer};

/// Who keeps the spans.
pub(crate) trait Keeper: Send + Sync {
    /// Changes what the engine records of a span, if it lives and is recorded.
    fn with_live(&self, number: u64, change: &mut dyn FnMut(&Tracer, &mut LiveSpan));
}

/// The keepers that there are. A span in a context names its keeper by number: to count references to it for each span
/// would be a cache line that all threads write.
static KEEPERS: RwLock<Vec<(u64, Weak<dyn Keeper>)>> = RwLock::new(Vec::new());

pub(crate) fn enlist(id: u64, keeper: &Arc<dyn Keeper>) {
    let mut keepers = KEEPERS.write().unwrap_or_else(PoisonError::into_inner);
    keepers.retain(|(_, keeper)| keeper.strong_count() > 0);
    keepers.push((id, Arc::downgrade(keeper)));
}

fn find(id: u64) -> Option<Arc<dyn Keeper>> {
    let keepers = KEEPERS.read().unwrap_or_else(PoisonError::into_inner);
    keepers.iter().find(|(known, _)| *known == id)?.1.upgrade()
}

/// A span of `tracing` in a [`Context`](opentelemetry::Context).
///
/// What is set on it is set on that, as long as it lives. It ends when `tracing` closes it, and not by `end`: it is
/// the code around that knows when it is over.
#[derive(Debug)]
pub(crate) struct ForeignSpan {
    pub(crate) core: u64,
    pub(crate) number: u64,
    pub(crate) context: SpanContext,
}

impl ForeignSpan {
    fn with(&self, mut change: impl FnMut(&Tracer, &mut LiveSpan)) {
        if let Some(keeper) = find(self.core) {
            keeper.with_live(self.number, &mut change);
        }
    }

    fn event(&self, name: &str, time: Option<SystemTime>, attributes: &[KeyValue]) {
        self.with(|tracer, live| {
            let time = match time {
                Some(time) => tracer.given_time(live, time),
                None => tracer.event_time(live),
            };
            let mut event = live.add_event(name, time);
            for pair in attributes {
                event.set_attribute(pair.key.as_str(), &pair.value);
            }
        });
    }
}

impl Span for ForeignSpan {
    fn add_event<T>(&mut self, name: T, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        self.event(&name.into(), None, &attributes);
    }

    fn add_event_with_timestamp<T>(&mut self, name: T, timestamp: SystemTime, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        self.event(&name.into(), Some(timestamp), &attributes);
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        let mut recording = false;
        self.with(|_, live| recording = live.is_recording());
        recording
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.with(|_, live| live.set_key_value(&attribute));
    }

    fn set_status(&mut self, status: Status) {
        self.with(|_, live| set_status(live, &status));
    }

    fn update_name<T>(&mut self, new_name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        let name = new_name.into();
        self.with(|_, live| live.set_name(&name));
    }

    fn add_link(&mut self, span_context: SpanContext, attributes: Vec<KeyValue>) {
        self.with(|_, live| add_link(live, &span_context, &attributes));
    }

    fn end_with_timestamp(&mut self, _: SystemTime) {}
}

pub(crate) fn set_status(live: &mut LiveSpan, status: &Status) {
    live.set_status(match status {
        Status::Unset => SpanStatus::Unset,
        Status::Ok => SpanStatus::Ok,
        Status::Error { description } => SpanStatus::Error(description),
    });
}

pub(crate) fn add_link(live: &mut LiveSpan, to: &SpanContext, attributes: &[KeyValue]) {
    let mut link = live.add_link(Parent::from(to));
    for pair in attributes {
        link.set_attribute(pair.key.as_str(), &pair.value);
    }
}
