//! Workloads made at random, to be rendered and read by whoever reads such pages.

use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, SpanId, StringValue, TraceId, Value};
use proptest::collection::vec;
use proptest::prelude::*;
use tachograph_prometheus::{PrometheusExporter, TranslationStrategy};
use tachograph_sdk::metrics::MetricReader;
use tachograph_sdk::{Counter, Gauge, Histogram, HistogramBuilder, MeterProvider, Resource, UpDownCounter};

/// Everything that decides a page but the format.
#[derive(Clone, Debug)]
pub(crate) struct Workload {
    resource: Vec<KeyValue>,
    scopes: Vec<InstrumentationScope>,
    metrics: Vec<Recorded>,
    options: Options,
    /// Whether measurements are made in a sampled span, and so are exemplars.
    in_span: bool,
}

/// How the exporter is built.
#[derive(Clone, Debug)]
struct Options {
    strategy: TranslationStrategy,
    scope_labels: bool,
    target_info: bool,
    ratio_suffix: bool,
    created_samples: bool,
    resource_labels: Vec<String>,
}

#[derive(Clone, Debug)]
struct Recorded {
    scope: usize,
    name: String,
    unit: String,
    description: String,
    kind: Kind,
    boundaries: Option<Vec<f64>>,
    points: Vec<(Vec<KeyValue>, i64, f64)>,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    CounterU64,
    CounterF64,
    UpDownI64,
    UpDownF64,
    GaugeU64,
    GaugeF64,
    HistogramU64,
    HistogramF64,
    ExponentialU64,
    ExponentialF64,
}

/// Any text, with all that any of the grammars could stumble over.
fn nasty() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("plain".to_owned()),
        2 => proptest::sample::select(vec![
            "", "\\", "\"", "\n", "\\n", "\\\"", "a\\", "a\"b\\c\nd", "{", "}", "a=\"b\"", ",", "#", "# EOF", "\n# EOF\n",
            "\r", "\r\n", "\t", "\0", " ", " leading", "trailing ", "\u{2028}", "\u{85}", "\u{feff}", "é", "日本", "🦀",
            "NaN", "+Inf", "1", "true", "[1,2]", "\u{1b}[0m", "\u{7f}", "%", "$",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => "\\PC{0,200}",
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => proptest::sample::select(vec![
            "a", "a.b", "a_b", "a__b", "a.total", "a_total", "a_total_total", "total", "a.count", "a_sum", "a.bucket",
            "a.created", "a_info", "target", "target_info", "target.info", "le", "", "_", "__", "1", "1a", "a:b", "seconds",
            "a.seconds", "a_seconds_total", "a_bytes", "日本", "größe", "http.server.request.duration",
        ]).prop_map(str::to_owned),
        2 => "[a-z][a-z._/-]{0,12}",
        1 => nasty(),
    ]
}

fn unit() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(vec!["", "s", "ms", "By", "1", "{order}", "m/s", "{r}/s", "%", "KiBy", "10*3", "/"])
            .prop_map(str::to_owned),
        1 => nasty(),
    ]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        5 => proptest::sample::select(vec![
            "a", "a.b", "a_b", "a-b", "le", "exported_le", "quantile", "otel.scope.name", "otel_scope_name",
            "otel.scope.version", "otel.scope.x", "", "_", "__name__", "0x=", "key_0x_", "a:b=", "job", "instance",
            "http.request.method", "otel.metric.overflow", "日本",
        ]).prop_map(str::to_owned),
        1 => nasty(),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        6 => nasty().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => vec(any::<i64>(), 0..3).prop_map(|values| Value::Array(Array::I64(values))),
        1 => vec(any::<f64>(), 0..3).prop_map(|values| Value::Array(Array::F64(values))),
        1 => vec(any::<bool>(), 0..3).prop_map(|values| Value::Array(Array::Bool(values))),
        1 => vec(nasty(), 0..3).prop_map(|values| {
            Value::Array(Array::String(values.into_iter().map(StringValue::from).collect()))
        }),
    ]
}

fn attributes(most: usize) -> impl Strategy<Value = Vec<KeyValue>> {
    let any = vec((key(), value()).prop_map(|(key, value)| KeyValue::new(key, value)), 0..most);
    // Sets that are one series on the page, unless something is done about it.
    let key = proptest::sample::select(vec!["a.b", "a_b", "a-b"]);
    let value =
        proptest::sample::select(vec![Value::from("1"), Value::from(1), Value::from(1.0), Value::from("")]);
    let colliding = (key, value).prop_map(|(key, value)| vec![KeyValue::new(key, value)]);
    prop_oneof![3 => any, 1 => colliding]
}

fn scope() -> impl Strategy<Value = InstrumentationScope> {
    (nasty(), proptest::option::of(nasty()), proptest::option::of(nasty()), attributes(3)).prop_map(
        |(name, version, schema_url, attributes)| {
            let mut scope = InstrumentationScope::builder(name).with_attributes(attributes);
            if let Some(version) = version {
                scope = scope.with_version(version);
            }
            if let Some(schema_url) = schema_url {
                scope = scope.with_schema_url(schema_url);
            }
            scope.build()
        },
    )
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO,
        -1e3..1e7,
        (-1000_i32..1000).prop_map(f64::from),
    ]
}

fn recorded() -> impl Strategy<Value = Recorded> {
    let kind = proptest::sample::select(vec![
        Kind::CounterU64,
        Kind::CounterF64,
        Kind::UpDownI64,
        Kind::UpDownF64,
        Kind::GaugeU64,
        Kind::GaugeF64,
        Kind::HistogramU64,
        Kind::HistogramF64,
        Kind::ExponentialU64,
        Kind::ExponentialF64,
    ]);
    let boundaries = proptest::option::of(vec(number(), 0..5));
    let points = vec((attributes(4), any::<i64>(), number()), 0..6);
    (0..3_usize, name(), unit(), nasty(), kind, boundaries, points).prop_map(
        |(scope, name, unit, description, kind, boundaries, points)| Recorded {
            scope,
            name,
            unit,
            description,
            kind,
            boundaries,
            points,
        },
    )
}

/// All workloads.
pub(crate) fn workload() -> impl Strategy<Value = Workload> {
    (attributes(4), vec(scope(), 3), vec(recorded(), 0..12), options(), any::<bool>()).prop_map(
        |(resource, scopes, metrics, mut options, in_span)| {
            options.resource_labels = resource
                .iter()
                .map(|pair| pair.key.to_string())
                .take(options.resource_labels.len())
                .collect();
            Workload { resource, scopes, metrics, options, in_span }
        },
    )
}

fn options() -> impl Strategy<Value = Options> {
    let strategy = proptest::sample::select(STRATEGIES.to_vec());
    (strategy, any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), 0..3_usize).prop_map(
        |(strategy, scope_labels, target_info, ratio_suffix, created_samples, resource_labels)| Options {
            strategy,
            scope_labels,
            target_info,
            ratio_suffix,
            created_samples,
            // Which they are depends on the resource.
            resource_labels: vec![String::new(); resource_labels],
        },
    )
}

/// Every strategy.
pub(crate) const STRATEGIES: [TranslationStrategy; 4] = [
    TranslationStrategy::UnderscoreEscapingWithSuffixes,
    TranslationStrategy::UnderscoreEscapingWithoutSuffixes,
    TranslationStrategy::NoUtf8EscapingWithSuffixes,
    TranslationStrategy::NoTranslation,
];

impl Workload {
    /// Records all of it in a provider of its own.
    pub(crate) fn record(&self) -> MeterProvider {
        let resource = Resource::builder_empty().with_attributes(self.resource.clone()).build();
        let provider = MeterProvider::builder().with_resource(resource).build();
        let span = SpanContext::new(
            TraceId::from(0x4bf9_2f35_77b3_4da6_u128),
            SpanId::from(0xf067_u64),
            TraceFlags::SAMPLED,
            false,
            TraceState::NONE,
        );
        let _current = self.in_span.then(|| Context::new().with_remote_span_context(span).attach());
        for metric in &self.metrics {
            metric.record(&provider, &self.scopes[metric.scope]);
        }
        provider
    }

    /// An exporter with the workload's options.
    pub(crate) fn exporter(&self, reader: MetricReader) -> PrometheusExporter {
        PrometheusExporter::builder(reader)
            .with_translation_strategy(self.options.strategy)
            .with_scope_labels(self.options.scope_labels)
            .with_target_info(self.options.target_info)
            .with_ratio_suffix(self.options.ratio_suffix)
            .with_created_samples(self.options.created_samples)
            .with_resource_labels(self.options.resource_labels.clone())
            .build()
    }

    /// The same with another strategy.
    pub(crate) fn with_strategy(mut self, strategy: TranslationStrategy) -> Self {
        self.options.strategy = strategy;
        self
    }
}

impl Recorded {
    fn bounded<'a>(&self, builder: HistogramBuilder<'a>) -> HistogramBuilder<'a> {
        match &self.boundaries {
            Some(boundaries) => builder.with_boundaries(boundaries.clone()),
            None => builder,
        }
    }

    fn record(&self, provider: &MeterProvider, scope: &InstrumentationScope) {
        let mut meter =
            provider.meter_builder(scope.name().to_owned()).with_attributes(scope.attributes().cloned());
        if let Some(version) = scope.version() {
            meter = meter.with_version(version.to_owned());
        }
        if let Some(schema_url) = scope.schema_url() {
            meter = meter.with_schema_url(schema_url.to_owned());
        }
        let meter = meter.build();
        let (name, unit, description) = (self.name.clone(), self.unit.clone(), self.description.clone());
        macro_rules! build {
            ($method:ident: $type:ty) => {{
                let instrument: $type =
                    meter.$method(name).with_unit(unit).with_description(description).build();
                instrument
            }};
        }
        macro_rules! histogram {
            ($type:ty) => {{
                let builder = meter.histogram(name).with_unit(unit).with_description(description);
                let instrument: $type = self.bounded(builder).build();
                instrument
            }};
        }
        let each = |record: &dyn Fn(&[KeyValue], i64, f64)| {
            for (attributes, integer, float) in &self.points {
                record(attributes, *integer, *float);
            }
        };
        match self.kind {
            Kind::CounterU64 => {
                let counter = build!(counter: Counter<u64>);
                each(&|attributes, integer, _| counter.add(integer.unsigned_abs() >> 3, attributes));
            }
            Kind::CounterF64 => {
                let counter = build!(counter: Counter<f64>);
                each(&|attributes, _, float| counter.add(float.abs(), attributes));
            }
            Kind::UpDownI64 => {
                let counter = build!(up_down_counter: UpDownCounter<i64>);
                each(&|attributes, integer, _| counter.add(integer, attributes));
            }
            Kind::UpDownF64 => {
                let counter = build!(up_down_counter: UpDownCounter<f64>);
                each(&|attributes, _, float| counter.add(float, attributes));
            }
            Kind::GaugeU64 => {
                let gauge = build!(gauge: Gauge<u64>);
                each(&|attributes, integer, _| gauge.record(integer.unsigned_abs() * 2, attributes));
            }
            Kind::GaugeF64 => {
                let gauge = build!(gauge: Gauge<f64>);
                each(&|attributes, _, float| gauge.record(float, attributes));
            }
            Kind::HistogramU64 => {
                let histogram = histogram!(Histogram<u64>);
                each(&|attributes, integer, _| histogram.record(integer.unsigned_abs() >> 3, attributes));
            }
            Kind::HistogramF64 => {
                let histogram = histogram!(Histogram<f64>);
                each(&|attributes, _, float| histogram.record(float, attributes));
            }
            Kind::ExponentialU64 => {
                let builder = meter.histogram(name).with_unit(unit).with_description(description);
                let histogram: Histogram<u64> = builder.with_exponential_buckets().build();
                each(&|attributes, integer, _| histogram.record(integer.unsigned_abs() >> 3, attributes));
            }
            Kind::ExponentialF64 => {
                let builder = meter.histogram(name).with_unit(unit).with_description(description);
                let histogram: Histogram<f64> = builder.with_exponential_buckets().build();
                each(&|attributes, _, float| histogram.record(float, attributes));
            }
        }
    }
}
