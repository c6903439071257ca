//! From OpenMetrics text to metrics: samples are put together to points, points to metrics.

use std::collections::HashMap;

use tachograph_sdk::metrics::{
    NumberValue, ProducedBucket, ProducedHistogram, ProducedKind, ProducedMetric, ProducedPoint,
    ProducedSummary, ProducedValue,
};

use crate::line::{Line, Sample, attributes, float, nanos_of};

/// Reads a page; what is read goes to `metrics`, also if something is not understood.
pub(crate) fn read(text: &str, metrics: &mut Vec<ProducedMetric>) -> Result<(), String> {
    let mut family: Option<Family<'_>> = None;
    let mut not_understood = None;
    for line in text.lines() {
        match Line::read(line) {
            Some(Line::Eof) => break,
            Some(Line::Sample(sample)) => match family.as_mut().filter(|family| family.owns(sample.name)) {
                Some(family) => family.add(sample),
                None => {
                    // A sample without comments: nobody said what it is.
                    metrics.extend(family.take().map(Family::into_metric));
                    let mut unknown = Family::new(sample.name);
                    unknown.add(sample);
                    family = Some(unknown);
                }
            },
            Some(Line::Type(name, kind)) => of_name(&mut family, name, metrics).kind = kind_of(kind),
            Some(Line::Unit(name, unit)) => of_name(&mut family, name, metrics).unit = unit,
            Some(Line::Help(name, help)) => of_name(&mut family, name, metrics).help = help,
            None => not_understood = not_understood.or(Some(line)),
        }
    }
    metrics.extend(family.take().map(Family::into_metric));
    match not_understood {
        Some(line) => Err(format!("the line {line:?} is not OpenMetrics text; it is left out")),
        None => Ok(()),
    }
}

/// The family that is being read, if it has this name and no samples yet; else a new one.
fn of_name<'a, 'b>(
    family: &'b mut Option<Family<'a>>,
    name: &'a str,
    metrics: &mut Vec<ProducedMetric>,
) -> &'b mut Family<'a> {
    if !family.as_ref().is_some_and(|family| family.name == name && family.points.is_empty()) {
        metrics.extend(family.take().map(Family::into_metric));
    }
    family.get_or_insert_with(|| Family::new(name))
}

fn kind_of(word: &str) -> ProducedKind {
    match word {
        "counter" => ProducedKind::Sum { monotonic: true },
        "gauge" => ProducedKind::Gauge,
        "histogram" => ProducedKind::Histogram,
        "summary" => ProducedKind::Summary,
        "info" => ProducedKind::Info,
        "stateset" => ProducedKind::StateSet,
        _ => ProducedKind::Unknown,
    }
}

struct Family<'a> {
    name: &'a str,
    kind: ProducedKind,
    unit: &'a str,
    help: String,
    points: Vec<ProducedPoint>,
    /// Where the point of some labels is, of histograms and summaries, which have several lines.
    by_labels: HashMap<Vec<(String, String)>, usize>,
    /// How many measurements the buckets of that point had, cumulatively, up to the last line.
    cumulative: Vec<u64>,
}

impl<'a> Family<'a> {
    fn new(name: &'a str) -> Self {
        Family {
            name,
            kind: ProducedKind::Unknown,
            unit: "",
            help: String::new(),
            points: Vec::new(),
            by_labels: HashMap::new(),
            cumulative: Vec::new(),
        }
    }

    /// What samples of this kind end in.
    fn suffixes(&self) -> &'static [&'static str] {
        match self.kind {
            ProducedKind::Sum { .. } => &["_total", "_created"],
            ProducedKind::Histogram => &["_bucket", "_sum", "_count", "_created"],
            ProducedKind::Summary => &["", "_sum", "_count", "_created"],
            ProducedKind::Info => &["_info"],
            _ => &[""],
        }
    }

    fn suffix<'s>(&self, sample: &'s str) -> Option<&'s str> {
        sample.strip_prefix(self.name).filter(|suffix| self.suffixes().contains(suffix))
    }

    fn owns(&self, sample: &str) -> bool {
        self.suffix(sample).is_some()
    }

    fn add(&mut self, sample: Sample<'_>) {
        let suffix = self.suffix(sample.name).unwrap_or_default();
        match self.kind {
            ProducedKind::Histogram | ProducedKind::Summary => self.add_part(suffix, sample),
            _ if suffix == "_created" => self.set_start(sample),
            _ => {
                let Sample { labels, value, unix_nanos, exemplar, .. } = sample;
                let number = self.points.len();
                if matches!(self.kind, ProducedKind::Sum { .. }) {
                    self.by_labels.insert(labels.clone(), number);
                }
                let mut point =
                    ProducedPoint::new(attributes(labels), ProducedValue::Number { value, exemplar });
                point.unix_nanos = unix_nanos;
                self.points.push(point);
            }
        }
    }

    /// Sets when the series of a sample's labels began.
    fn set_start(&mut self, sample: Sample<'_>) {
        if let Some(number) = self.by_labels.get(&sample.labels)
            && let Some(point) = self.points.get_mut(*number)
        {
            point.start_unix_nanos = nanos_of(as_f64(sample.value));
        }
    }

    /// A line of a histogram or a summary.
    fn add_part(&mut self, suffix: &str, mut sample: Sample<'_>) {
        // The label that tells lines of one point apart.
        let part = match (suffix, self.kind) {
            ("_bucket", _) => take(&mut sample.labels, "le"),
            ("", ProducedKind::Summary) => take(&mut sample.labels, "quantile"),
            _ => None,
        };
        if !self.by_labels.contains_key(&sample.labels) {
            let value = match self.kind {
                ProducedKind::Histogram => ProducedValue::from(ProducedHistogram::default()),
                _ => ProducedValue::from(ProducedSummary::default()),
            };
            self.by_labels.insert(sample.labels.clone(), self.points.len());
            let mut point = ProducedPoint::new(attributes(sample.labels.clone()), value);
            point.unix_nanos = sample.unix_nanos;
            self.points.push(point);
            self.cumulative.push(0);
        }
        if suffix == "_created" {
            return self.set_start(sample);
        }
        let Some(number) = self.by_labels.get(&sample.labels).copied() else { return };
        let (Some(point), Some(below)) = (self.points.get_mut(number), self.cumulative.get_mut(number))
        else {
            return;
        };
        match (&mut point.value, suffix) {
            (ProducedValue::Histogram(histogram), "_bucket") => {
                let Some(upper_bound) = part else { return };
                let cumulative = as_u64(sample.value);
                let count = cumulative.saturating_sub(*below);
                *below = cumulative.max(*below);
                histogram.buckets.push(ProducedBucket { upper_bound, count, exemplar: sample.exemplar });
                // Until a line says how many there were.
                histogram.count = histogram.count.max(cumulative);
            }
            (ProducedValue::Histogram(histogram), "_count") => histogram.count = as_u64(sample.value),
            (ProducedValue::Histogram(histogram), "_sum") => histogram.sum = Some(as_f64(sample.value)),
            (ProducedValue::Summary(summary), "_count") => summary.count = as_u64(sample.value),
            (ProducedValue::Summary(summary), "_sum") => summary.sum = as_f64(sample.value),
            (ProducedValue::Summary(summary), _) => {
                summary.quantiles.extend(part.map(|quantile| (quantile, as_f64(sample.value))));
            }
            _ => {}
        }
    }

    fn into_metric(self) -> ProducedMetric {
        // Called as the samples are, which is what a page in any format has.
        let suffix = match self.kind {
            ProducedKind::Sum { .. } => "_total",
            ProducedKind::Info => "_info",
            _ => "",
        };
        let mut metric = ProducedMetric::new(format!("{}{suffix}", self.name), self.kind);
        metric.unit = self.unit.to_owned().into();
        metric.description = self.help.into();
        metric.points = self.points;
        metric
    }
}

/// Takes a label that is a number.
fn take(labels: &mut Vec<(String, String)>, name: &str) -> Option<f64> {
    let at = labels.iter().position(|(key, _)| key == name)?;
    float(&labels.remove(at).1)
}

fn as_f64(value: NumberValue) -> f64 {
    match value {
        NumberValue::U64(value) => value as f64,
        NumberValue::I64(value) => value as f64,
        NumberValue::F64(value) => value,
    }
}

/// A count; a negative one is none.
fn as_u64(value: NumberValue) -> u64 {
    match value {
        NumberValue::U64(value) => value,
        NumberValue::I64(value) => u64::try_from(value).unwrap_or(0),
        // Saturates.
        NumberValue::F64(value) => value as u64,
    }
}
