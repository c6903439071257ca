use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanContext, Status};

use super::core::{Core, Recording};
use super::engine;
use super::live::LiveSpan;
use super::local;
use super::parent::Parent;
use super::record::SpanStatus;

/// A span of the API.
///
/// Dropping it ends it. After its end, and where it is not recorded, what is set on it goes nowhere.
#[derive(Debug)]
pub struct Span {
    context: SpanContext,
    recording: Option<Box<Recording>>,
}

impl Span {
    pub(crate) fn new(context: SpanContext, recording: Option<Box<Recording>>) -> Self {
        Span { context, recording }
    }

    #[inline]
    fn with(&mut self, change: impl FnOnce(&mut LiveSpan, &Arc<Core>)) {
        if let Some(recording) = &mut self.recording
            && let Recording { live, core: Some(core) } = &mut **recording
        {
            if live.recording {
                change(live, core);
            } else {
                core.after_end();
            }
        }
    }

    /// Ends it now, if it lives.
    fn finish_now(&mut self) {
        self.with(|live, core| {
            let local = local::of(core);
            if !local.as_deref().is_some_and(|local| engine::end_simply(core, local, live)) {
                engine::end(core, local.as_deref(), live, None);
            }
        });
    }

    #[inline]
    fn finish(&mut self, time: impl FnOnce(&Core, &LiveSpan) -> Option<u64>) {
        self.with(|live, core| {
            let end = time(core, live);
            engine::end(core, local::of(core).as_deref(), live, end);
        });
    }
}

impl opentelemetry::trace::Span for Span {
    fn add_event<T>(&mut self, name: T, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        self.with(|live, core| {
            let now = core.clock.now(live.epoch);
            add_event(live, &name.into(), now, &attributes, 0);
        });
    }

    fn add_event_with_timestamp<T>(&mut self, name: T, timestamp: SystemTime, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        self.with(|live, core| {
            let time = core.clock.given(timestamp, live.epoch, live.head.start);
            add_event(live, &name.into(), time, &attributes, 0);
        });
    }

    fn span_context(&self) -> &SpanContext {
        &self.context
    }

    fn is_recording(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| recording.live.is_recording())
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        self.with(|live, _| live.set_key_value(&attribute));
    }

    fn set_status(&mut self, status: Status) {
        self.with(|live, _| {
            live.set_status(match &status {
                Status::Unset => SpanStatus::Unset,
                Status::Ok => SpanStatus::Ok,
                Status::Error { description } => SpanStatus::Error(description),
            });
        });
    }

    fn update_name<T>(&mut self, new_name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        self.with(|live, _| live.set_name(&new_name.into()));
    }

    fn add_link(&mut self, span_context: SpanContext, attributes: Vec<KeyValue>) {
        self.with(|live, _| {
            let mut link = live.add_link(Parent::from(&span_context));
            for pair in &attributes {
                link.set_attribute(pair.key.as_str(), &pair.value);
            }
        });
    }

    fn end(&mut self) {
        self.finish_now();
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        self.finish(|core, live| Some(core.clock.given(timestamp, live.epoch, live.head.start)));
    }
}

pub(crate) fn add_event(live: &mut LiveSpan, name: &str, time: u64, attributes: &[KeyValue], dropped: u32) {
    let mut event = live.add_event(name, time);
    for pair in attributes {
        event.set_attribute(pair.key.as_str(), &pair.value);
    }
    event.drop_attributes(dropped);
}

impl Span {
    /// Ends it as most are ended, and keeps its recording for the next one on this thread, if that is so simple.
    #[inline(always)]
    fn drop_simply(&mut self) -> Option<()> {
        let engine = self.recording.as_ref()?.core.as_ref()?.id;
        let local = local::known(engine)?;
        let Recording { live, core: Some(core) } = &mut **self.recording.as_mut()? else {
            return None;
        };
        if !live.recording || engine::end_simply(core, &local, live) {
            self.recording = local.keep(self.recording.take()?);
        }
        Some(())
    }
}

#[inline(never)]
fn drop_otherwise(mut recording: Box<Recording>) {
    let Recording { live, core: Some(core) } = &mut *recording else {
        return;
    };
    let core = Arc::clone(core);
    let local = local::of(&core);
    if live.recording {
        engine::end(&core, local.as_deref(), live, None);
    }
    if let Some(local) = local {
        local.keep_or_deposit(&core, recording);
    }
}

/// Ends what records, if it has not ended; what has keeps its recording until here, so that calls after the end can be counted.
#[inline(never)]
fn drop_recorded(span: &mut Span) {
    let _ = span.drop_simply();
    if let Some(recording) = span.recording.take() {
        drop_otherwise(recording);
    }
}

impl Drop for Span {
    #[inline(always)]
    fn drop(&mut self) {
        if self.recording.is_some() {
            drop_recorded(self);
        }
    }
}
