use std::sync::Arc;
use std::time::Duration;

use tachograph_propagation::Selection;
use tachograph_sdk::pipeline::BatchConfig;
use tachograph_sdk::trace::{AlwaysOff, AlwaysOn, ParentBased, Sampler, SpanLimits, TraceIdRatio};

use super::rules::Reader;

/// What the environment says of traces; `None` and empty where it says nothing.
#[derive(Debug, Default)]
pub(crate) struct TraceSettings {
    /// Whether spans are exported by OTLP; `None` if unset.
    pub(crate) otlp: Option<bool>,
    pub(crate) sampler: Option<Arc<dyn Sampler>>,
    pub(crate) limits: LimitSettings,
    pub(crate) batch: BatchSettings,
    pub(crate) propagators: Selection,
}

/// What the environment says of batches of spans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BatchSettings {
    schedule_delay: Option<Duration>,
    export_timeout: Option<Duration>,
    max_queue_size: Option<usize>,
    max_export_batch_size: Option<usize>,
}

/// What the environment says of how much a span may hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LimitSettings {
    value_length: Option<usize>,
    attributes: Option<u32>,
    events: Option<u32>,
    links: Option<u32>,
    attributes_per_event: Option<u32>,
    attributes_per_link: Option<u32>,
}

const EXPORTER: &str = "OTEL_TRACES_EXPORTER";
const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const SAMPLER_ARG: &str = "OTEL_TRACES_SAMPLER_ARG";
const MAX_BATCH: &str = "OTEL_BSP_MAX_EXPORT_BATCH_SIZE";
const PROPAGATORS: &str = "OTEL_PROPAGATORS";

impl TraceSettings {
    pub(super) fn read(reader: &mut Reader<'_>) -> Self {
        TraceSettings {
            otlp: exporters(reader),
            sampler: sampler(reader),
            limits: LimitSettings::read(reader),
            batch: BatchSettings::read(reader),
            propagators: propagators(reader),
        }
    }
}

impl BatchSettings {
    fn read(reader: &mut Reader<'_>) -> Self {
        let settings = BatchSettings {
            schedule_delay: reader.milliseconds("OTEL_BSP_SCHEDULE_DELAY"),
            export_timeout: reader.milliseconds("OTEL_BSP_EXPORT_TIMEOUT"),
            max_queue_size: reader.count("OTEL_BSP_MAX_QUEUE_SIZE"),
            max_export_batch_size: reader.count(MAX_BATCH),
        };
        // The pipeline sees to it; but who asks for more is told that it is less.
        let queue = settings.over(BatchConfig::spans()).max_queue_size;
        if let Some(batch) = settings.max_export_batch_size.filter(|batch| *batch > queue) {
            let message = format!(
                "{batch} is more than the queue's {queue}, and counts as that; set OTEL_BSP_MAX_QUEUE_SIZE to several times as many"
            );
            reader.problem(MAX_BATCH, message);
        }
        settings
    }

    /// The defaults, but for what the environment says.
    pub(crate) fn over(self, mut batch: BatchConfig) -> BatchConfig {
        batch.schedule_delay = self.schedule_delay.unwrap_or(batch.schedule_delay);
        batch.export_timeout = self.export_timeout.unwrap_or(batch.export_timeout);
        batch.max_queue_size = self.max_queue_size.unwrap_or(batch.max_queue_size);
        batch.max_export_batch_size = self.max_export_batch_size.unwrap_or(batch.max_export_batch_size);
        batch
    }
}

impl LimitSettings {
    /// A variable for spans wins over the one for attributes of everything.
    fn read(reader: &mut Reader<'_>) -> Self {
        let value_length = reader.number("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", COUNTS);
        let attributes = reader.number("OTEL_ATTRIBUTE_COUNT_LIMIT", COUNTS);
        LimitSettings {
            value_length: reader.number("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", COUNTS).or(value_length),
            attributes: reader.number("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", COUNTS).or(attributes),
            events: reader.number("OTEL_SPAN_EVENT_COUNT_LIMIT", COUNTS),
            links: reader.number("OTEL_SPAN_LINK_COUNT_LIMIT", COUNTS),
            attributes_per_event: reader.number("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", COUNTS),
            attributes_per_link: reader.number("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", COUNTS),
        }
    }

    /// The defaults, but for what the environment says.
    pub(crate) fn over(self, mut limits: SpanLimits) -> SpanLimits {
        limits.value_length = self.value_length.or(limits.value_length);
        limits.attributes = self.attributes.unwrap_or(limits.attributes);
        limits.events = self.events.unwrap_or(limits.events);
        limits.links = self.links.unwrap_or(limits.links);
        limits.attributes_per_event = self.attributes_per_event.unwrap_or(limits.attributes_per_event);
        limits.attributes_per_link = self.attributes_per_link.unwrap_or(limits.attributes_per_link);
        limits
    }
}

const COUNTS: &str = "0 to 4294967295";

/// Whether the exporters that are named are OTLP; where only unknown ones are named, as if unset.
fn exporters(reader: &mut Reader<'_>) -> Option<bool> {
    let names = reader.list(EXPORTER)?;
    let (mut otlp, mut none) = (false, false);
    for name in names {
        match name.to_ascii_lowercase().as_str() {
            "otlp" => otlp = true,
            "none" => none = true,
            "console" => reader.problem(EXPORTER, "the console exporter is not built in yet; it is ignored"),
            _ => reader.problem(
                EXPORTER,
                format!("{name:?} is not an exporter of spans and is ignored; known are otlp and none"),
            ),
        }
    }
    if none && otlp {
        reader.problem(EXPORTER, "none stands beside another exporter and is ignored");
    }
    (otlp || none).then_some(otlp)
}

fn sampler(reader: &mut Reader<'_>) -> Option<Arc<dyn Sampler>> {
    let name = reader.text(SAMPLER);
    let mut ratio = || TraceIdRatio::new(sampler_ratio(reader));
    Some(match name?.to_ascii_lowercase().as_str() {
        "always_on" => Arc::new(AlwaysOn),
        "always_off" => Arc::new(AlwaysOff),
        "traceidratio" => Arc::new(ratio()),
        "parentbased_always_on" => Arc::new(ParentBased::new(AlwaysOn)),
        "parentbased_always_off" => Arc::new(ParentBased::new(AlwaysOff)),
        "parentbased_traceidratio" => Arc::new(ParentBased::new(ratio())),
        other => {
            let other = format!(
                "{other:?} is not a sampler that is known here, and parentbased_always_on is used; known are always_on, \
                 always_off, traceidratio, and each of them after parentbased_"
            );
            reader.problem(SAMPLER, other);
            return None;
        }
    })
}

/// The share of traces that a ratio sampler keeps: all, unless it says another.
fn sampler_ratio(reader: &mut Reader<'_>) -> f64 {
    let Some(text) = reader.text(SAMPLER_ARG) else {
        return 1.0;
    };
    match text.parse() {
        Ok(ratio) if (0.0..=1.0).contains(&ratio) => ratio,
        _ => {
            reader.problem(SAMPLER_ARG, format!("{text:?} is not a number from 0 to 1; all traces are kept"));
            1.0
        }
    }
}

fn propagators(reader: &mut Reader<'_>) -> Selection {
    let selection = Selection::parse(&reader.text(PROPAGATORS).unwrap_or_default());
    for problem in selection.problems() {
        reader.problem(PROPAGATORS, problem.to_string());
    }
    selection
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::Environment;

    fn read(variable: &str, value: &str) -> TraceSettings {
        let environment = Environment::from_iter([(variable, value)]);
        let mut reader = Reader::new(&environment);
        let settings = TraceSettings::read(&mut reader);
        assert_eq!(reader.problems, []);
        settings
    }

    #[test]
    fn each_variable_of_limits_sets_its_own() {
        let with = |change: fn(&mut SpanLimits)| {
            let mut limits = SpanLimits::default();
            change(&mut limits);
            limits
        };
        for (variable, expected) in [
            ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", with(|limits| limits.value_length = Some(7))),
            ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", with(|limits| limits.value_length = Some(7))),
            ("OTEL_ATTRIBUTE_COUNT_LIMIT", with(|limits| limits.attributes = 7)),
            ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", with(|limits| limits.attributes = 7)),
            ("OTEL_SPAN_EVENT_COUNT_LIMIT", with(|limits| limits.events = 7)),
            ("OTEL_SPAN_LINK_COUNT_LIMIT", with(|limits| limits.links = 7)),
            ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", with(|limits| limits.attributes_per_event = 7)),
            ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", with(|limits| limits.attributes_per_link = 7)),
        ] {
            assert_eq!(read(variable, "7").limits.over(SpanLimits::default()), expected, "{variable}");
        }
    }

    #[test]
    fn each_variable_of_batches_sets_its_own() {
        for (variable, change) in [
            (
                "OTEL_BSP_SCHEDULE_DELAY",
                (|batch| batch.schedule_delay = Duration::from_millis(7)) as fn(&mut BatchConfig),
            ),
            ("OTEL_BSP_EXPORT_TIMEOUT", |batch| batch.export_timeout = Duration::from_millis(7)),
            ("OTEL_BSP_MAX_QUEUE_SIZE", |batch| batch.max_queue_size = 7),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", |batch| batch.max_export_batch_size = 7),
        ] {
            let mut expected = BatchConfig::spans();
            change(&mut expected);
            let set = read(variable, "7").batch.over(BatchConfig::spans());
            assert_eq!(format!("{set:?}"), format!("{expected:?}"), "{variable}");
            assert_ne!(format!("{set:?}"), format!("{:?}", BatchConfig::spans()), "{variable}");
        }
    }
}
