//! A metric family: what stands on the page once, and the metrics whose samples follow.

use std::ops::Range;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, OnceLock};

use tachograph_sdk::metrics::{Metric, MetricKind};

use crate::Format;
use crate::claims::CREATED;
use crate::escape::{write_help, write_metric_name};
use crate::escaping::is_metric_name;
use crate::format::Encoding;
use crate::identity::Identities;
use crate::labels::ScopeLabel;
use crate::message::labels_of;
use crate::name::{FamilyKind, TOTAL, TranslatedName};
use crate::number::write_f64;
use crate::texts::SeriesTexts;
use crate::wire::{write_bytes, write_uint};

/// The metrics of one translated name.
#[derive(Debug)]
pub(crate) struct Family {
    /// The name: a counter's with `_total`, a histogram's without `_bucket`.
    pub(crate) name: Box<str>,
    pub(crate) kind: FamilyKind,
    /// The unit's word, if it is a suffix of the name; the first that any of the metrics has.
    unit: Box<str>,
    /// The description; the first that any of the metrics has.
    help: Box<str>,
    /// Whether it has its type in OpenMetrics: a counter whose family name is another's there has not.
    has_type: bool,
    pub(crate) encoding: Encoding,
    /// The comment lines, by [`Format::dialect`]; for protobuf the fields of the message before its series.
    comments: [Box<[u8]>; 2],
    /// What samples begin with.
    pub(crate) samples: SampleNames,
    /// How long its message was, in protobuf: the next one will be about as long.
    pub(crate) message_len: AtomicUsize,
    pub(crate) members: Vec<Member>,
    pub(crate) identities: Identities,
}

/// What the lines of a family's samples begin with: a name, or `{` and a name in quotes. Nothing in protobuf.
#[derive(Debug, Default)]
pub(crate) struct SampleNames {
    /// `name` of counters and gauges, `name_bucket` of histograms.
    pub(crate) main: Box<[u8]>,
    pub(crate) sum: Box<[u8]>,
    pub(crate) count: Box<[u8]>,
    /// When the series began, in OpenMetrics; empty where there is no such sample.
    pub(crate) created: Box<[u8]>,
}

impl SampleNames {
    fn new(name: &str, kind: FamilyKind) -> Self {
        let with = |base: &str, suffix: &str| {
            let name = format!("{base}{suffix}");
            let mut text = Vec::new();
            if !is_metric_name(&name) {
                text.push(b'{');
            }
            write_metric_name(&mut text, &name);
            text.into_boxed_slice()
        };
        match kind {
            FamilyKind::Histogram => SampleNames {
                main: with(name, "_bucket"),
                sum: with(name, "_sum"),
                count: with(name, "_count"),
                created: with(name, CREATED),
            },
            FamilyKind::Counter => SampleNames {
                main: with(name, ""),
                created: name.strip_suffix(TOTAL).map(|base| with(base, CREATED)).unwrap_or_default(),
                ..SampleNames::default()
            },
            FamilyKind::Gauge => SampleNames { main: with(name, ""), ..SampleNames::default() },
        }
    }
}

impl Family {
    pub(crate) fn new(
        name: TranslatedName,
        kind: FamilyKind,
        help: &str,
        has_type: bool,
        encoding: Encoding,
    ) -> Self {
        let samples = match encoding {
            Encoding::Text => SampleNames::new(&name.name, kind),
            Encoding::Protobuf => SampleNames::default(),
        };
        let mut family = Family {
            name: name.name.into(),
            kind,
            unit: name.unit.into(),
            help: help.into(),
            has_type,
            encoding,
            comments: Default::default(),
            samples,
            message_len: AtomicUsize::new(0),
            members: Vec::new(),
            identities: Identities::default(),
        };
        family.update_comments();
        family
    }

    /// Whether its name stands in quotes, inside of the braces.
    pub(crate) fn is_quoted(&self) -> bool {
        self.encoding == Encoding::Text && !is_metric_name(&self.name)
    }

    /// Whether it is what it is in OpenMetrics, too: a counter may have to be `unknown` there.
    pub(crate) fn has_type(&self) -> bool {
        self.has_type
    }

    pub(crate) fn comments(&self, format: Format) -> &[u8] {
        &self.comments[format.dialect()]
    }

    /// The ids of the members' metrics are in this range.
    pub(crate) fn metrics(&self) -> Range<usize> {
        let ids = || self.members.iter().map(|member| member.metric);
        ids().min().unwrap_or(0)..ids().max().map_or(0, |last| last + 1)
    }

    /// Gives up the type `counter` in OpenMetrics, and with it the family's name without `_total`.
    pub(crate) fn give_up_type(&mut self) {
        self.has_type = false;
        self.update_comments();
    }

    /// Takes over comments that no earlier metric had. Returns what differs and was not taken over.
    pub(crate) fn join(&mut self, unit: &str, help: &str) -> Conflict {
        let mut conflict = Conflict { unit: false, help: false };
        for (own, other, differs) in
            [(&mut self.unit, unit, &mut conflict.unit), (&mut self.help, help, &mut conflict.help)]
        {
            if own.is_empty() {
                *own = other.into();
            } else {
                *differs = !other.is_empty() && **own != *other;
            }
        }
        self.update_comments();
        conflict
    }

    /// Forgets the texts of all series: numbers of some have become others'.
    pub(crate) fn forget_series(&mut self) {
        self.members.iter_mut().for_each(|member| member.texts = SeriesTexts::default());
        self.identities = Identities::default();
        let mut scopes = self.members.iter().map(|member| &member.scope);
        let have_equal_scopes = (1..self.members.len())
            .any(|_| scopes.next().is_some_and(|scope| scopes.clone().any(|other| other == scope)));
        if have_equal_scopes {
            self.identities.compare(std::iter::empty());
        }
    }

    fn update_comments(&mut self) {
        self.comments = match self.encoding {
            Encoding::Text => [Format::Text004, Format::OpenMetrics100]
                .map(|format| self.write_comments(format).into_boxed_slice()),
            Encoding::Protobuf => [self.write_fields().into_boxed_slice(), Box::default()],
        };
    }

    fn write_fields(&self) -> Vec<u8> {
        write_fields(&self.name, &self.help, self.kind, &self.unit)
    }

    fn write_comments(&self, format: Format) -> Vec<u8> {
        let (name, kind) = match (format, self.kind) {
            (Format::OpenMetrics100, FamilyKind::Counter) if !self.has_type => (&*self.name, "unknown"),
            // The family is called without `_total`, which its sample has.
            (Format::OpenMetrics100, FamilyKind::Counter) => {
                (self.name.strip_suffix(TOTAL).unwrap_or(&self.name), "counter")
            }
            (_, FamilyKind::Counter) => (&*self.name, "counter"),
            (_, FamilyKind::Gauge) => (&*self.name, "gauge"),
            (_, FamilyKind::Histogram) => (&*self.name, "histogram"),
        };
        let has_unit = !self.unit.is_empty() && kind != "unknown";
        write_comments(format, name, kind, if has_unit { &self.unit } else { "" }, &self.help)
    }
}

/// What tells a series of a family from others, in the text that is kept of it.
pub(crate) fn identity_of(text: &[u8], kind: FamilyKind, encoding: Encoding) -> &[u8] {
    match (encoding, kind) {
        (Encoding::Protobuf, FamilyKind::Counter | FamilyKind::Gauge) => labels_of(text),
        (Encoding::Protobuf, FamilyKind::Histogram) | (Encoding::Text, _) => text,
    }
}

/// The fields of a `MetricFamily` before its series.
pub(crate) fn write_fields(name: &str, help: &str, kind: FamilyKind, unit: &str) -> Vec<u8> {
    /// `MetricType` of `io/prometheus/client/metrics.proto`.
    const COUNTER: u64 = 0;
    const GAUGE: u64 = 1;
    const HISTOGRAM: u64 = 4;
    let mut out = Vec::new();
    write_bytes(&mut out, 1, name.as_bytes());
    if !help.is_empty() {
        write_bytes(&mut out, 2, help.as_bytes());
    }
    let kind = match kind {
        FamilyKind::Counter => COUNTER,
        FamilyKind::Gauge => GAUGE,
        FamilyKind::Histogram => HISTOGRAM,
    };
    write_uint(&mut out, 3, kind);
    if !unit.is_empty() {
        write_bytes(&mut out, 5, unit.as_bytes());
    }
    out
}

/// Which comments of a further metric of a family were not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    pub(crate) unit: bool,
    pub(crate) help: bool,
}

/// The comment lines of a family, in the order that each format asks for.
pub(crate) fn write_comments(format: Format, name: &str, kind: &str, unit: &str, help: &str) -> Vec<u8> {
    let mut escaped_help = Vec::new();
    write_help(&mut escaped_help, help, format);
    let (kind, unit) = (("TYPE", kind.as_bytes()), ("UNIT", unit.as_bytes()));
    let help = ("HELP", &*escaped_help);
    let lines = match format {
        Format::OpenMetrics100 => [kind, unit, help],
        // No format of this kind knows units.
        _ => [help, kind, ("UNIT", b"")],
    };
    let mut out = Vec::new();
    for (keyword, text) in lines {
        if !text.is_empty() {
            out.extend_from_slice(format!("# {keyword} ").as_bytes());
            write_metric_name(&mut out, name);
            out.push(b' ');
            out.extend_from_slice(text);
            out.push(b'\n');
        }
    }
    out
}

/// A metric of a family.
#[derive(Debug)]
pub(crate) struct Member {
    /// The metric's id.
    pub(crate) metric: usize,
    /// The instrument's name as it was given: series of one name may be added up.
    pub(crate) instrument: Box<str>,
    pub(crate) kind: MetricKind,
    pub(crate) scope: Arc<[ScopeLabel]>,
    pub(crate) texts: SeriesTexts,
    /// Of which numbers of series the texts are: see [`Metric::generation`].
    pub(crate) generation: u32,
    /// A histogram's bounds.
    pub(crate) buckets: Buckets,
}

impl Member {
    pub(crate) fn new(metric: &Metric<'_>, scope: Arc<[ScopeLabel]>) -> Self {
        Member {
            metric: metric.id(),
            instrument: metric.name().into(),
            kind: metric.kind(),
            scope,
            texts: SeriesTexts::default(),
            generation: metric.generation(),
            buckets: Buckets::new(metric.boundaries()),
        }
    }
}

/// What is written of a histogram's bounds in each series, formatted once.
#[derive(Debug)]
pub(crate) struct Buckets {
    bounds: Box<[f64]>,
    /// By [`Format::dialect`]; made for the formats that are asked for.
    tails: [OnceLock<Tails>; 2],
}

impl Buckets {
    fn new(bounds: &[f64]) -> Self {
        Buckets { bounds: bounds.into(), tails: Default::default() }
    }

    pub(crate) fn bounds(&self) -> &[f64] {
        &self.bounds
    }

    /// Whether a bound is negative, so that the sum cannot be a counter.
    pub(crate) fn are_negative(&self) -> bool {
        self.bounds.first().is_some_and(|bound| *bound < 0.0)
    }

    /// `le="0.5"} ` for each bucket, the infinite one included.
    pub(crate) fn tails(&self, format: Format) -> &Tails {
        self.tails[format.dialect()].get_or_init(|| Tails::new(&self.bounds, format))
    }
}

/// One text per bucket, in one allocation.
#[derive(Debug)]
pub(crate) struct Tails {
    bytes: Box<[u8]>,
    ends: Box<[u32]>,
}

impl Tails {
    fn new(bounds: &[f64], format: Format) -> Self {
        let mut bytes = Vec::new();
        let ends = bounds
            .iter()
            .chain([&f64::INFINITY])
            .map(|bound| {
                bytes.extend_from_slice(b"le=\"");
                write_f64(&mut bytes, *bound, format);
                bytes.extend_from_slice(b"\"} ");
                bytes.len() as u32
            })
            .collect();
        Tails { bytes: bytes.into(), ends }
    }

    #[inline]
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let text = &self.bytes[start..*end as usize];
            start = *end as usize;
            text
        })
    }

    /// The length of all of them.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}
