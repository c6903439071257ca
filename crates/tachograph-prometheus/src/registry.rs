//! What is known of the metrics of a provider: their families, and their series' label texts.

use std::fmt;

use tachograph_sdk::Resource;
use tachograph_sdk::metrics::{Collection, Metric, MetricKind};

use crate::Format;
use crate::claims::{Claims, Owner, held_names};
use crate::family::{Family, Member};
use crate::identity::SeriesId;
use crate::labels::{series_labels, write_labels};
use crate::name::{FamilyKind, translate};
use crate::target_info::TargetInfo;
use crate::texts::SeriesText;

/// What decides the text of a page, but for the format.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) scope_labels: bool,
    pub(crate) target_info: bool,
    pub(crate) ratio_suffix: bool,
}

/// Where a metric is on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Nowhere: its name belongs to a family of another type.
    Dropped,
    Member {
        family: usize,
        member: usize,
    },
}

/// Grows with the provider: metrics and series are learned when a collection first shows them, and
/// keep their places from then on.
#[derive(Debug)]
pub(crate) struct Registry {
    options: Options,
    /// By the metric's id.
    placements: Vec<Placement>,
    /// In the order in which their first metrics were made.
    families: Vec<Family>,
    claims: Claims,
    /// Known from the first collection on; the resource does not change in the life of a provider.
    target_info: Option<TargetInfo>,
    /// Whether `target_info` may be the family `target` in OpenMetrics.
    is_target_info_typed: bool,
}

/// Something the user should know of, to be said once no lock is held.
pub(crate) struct Report {
    pub(crate) kind: &'static str,
    pub(crate) subject: String,
    pub(crate) message: String,
}

impl Registry {
    pub(crate) fn new(options: Options) -> Self {
        Registry {
            options,
            placements: Vec::new(),
            families: Vec::new(),
            claims: Claims::default(),
            target_info: None,
            is_target_info_typed: true,
        }
    }

    /// The lines of `target_info`, if there are any.
    pub(crate) fn target_info(&self, format: Format) -> &[u8] {
        self.target_info.as_ref().map_or(&[], |lines| lines.lines(format, self.is_target_info_typed))
    }

    pub(crate) fn placement(&self, metric: &Metric<'_>) -> Option<Placement> {
        self.placements.get(metric.id()).copied()
    }

    pub(crate) fn family(&self, family: usize) -> &Family {
        &self.families[family]
    }

    /// Whether nothing of a collection is new, as far as can be told without visiting its series.
    pub(crate) fn covers(&self, collection: &Collection) -> bool {
        let all_metrics = || {
            collection.metrics().all(|metric| match self.placement(&metric) {
                Some(Placement::Member { family, member }) => {
                    metric.series_len() <= self.families[family].members[member].texts.len()
                }
                Some(Placement::Dropped) => true,
                None => false,
            })
        };
        self.target_info.is_some() && all_metrics()
    }

    /// Places the metrics and formats the labels of the series that a collection has and the registry
    /// does not.
    pub(crate) fn learn(&mut self, collection: &Collection, reports: &mut Vec<Report>) {
        if self.target_info.is_none() {
            self.learn_target_info(collection.resource());
        }
        for metric in collection.metrics() {
            if metric.id() >= self.placements.len() {
                // Ids have no gaps and come in order, so that this is the next one.
                let placement = self.place(&metric, reports);
                self.placements.push(placement);
            }
            if let Some(Placement::Member { family, member }) = self.placement(&metric) {
                learn_series(&mut self.families[family], member, &metric, self.options, reports);
            }
        }
    }

    /// Comes before any metric, so that the names of `target_info` are free for it.
    fn learn_target_info(&mut self, resource: &Resource) {
        let target_info = match self.options.target_info {
            true => TargetInfo::of(resource),
            false => TargetInfo::default(),
        };
        if !target_info.is_empty() {
            let _ = self.claims.hold(Owner::TargetInfo, &["target_info".to_owned()], |_| {});
            self.claims.lend(Owner::TargetInfo, &["target".to_owned()]);
        }
        self.target_info = Some(target_info);
    }

    fn place(&mut self, metric: &Metric<'_>, reports: &mut Vec<Report>) -> Placement {
        let mut report = |kind, message: fmt::Arguments<'_>| {
            reports.push(Report { kind, subject: metric.name().to_owned(), message: message.to_string() });
        };
        let kind = match metric.kind() {
            MetricKind::Sum { monotonic: true } => FamilyKind::Counter,
            MetricKind::Sum { monotonic: false } | MetricKind::Gauge => FamilyKind::Gauge,
            MetricKind::Histogram => FamilyKind::Histogram,
            other => {
                report(
                    "prometheus.kind",
                    format_args!(
                        "metric {:?} is dropped: {other:?} has no place in these formats",
                        metric.name()
                    ),
                );
                return Placement::Dropped;
            }
        };
        let name = translate(metric.name(), metric.unit(), kind, self.options.ratio_suffix);
        if let Some(Owner::Family(family)) = self.claims.holder(&name.name) {
            let found = &mut self.families[family];
            if *found.name == *name.name && found.kind == kind {
                let conflict = found.join(&name.unit, metric.description());
                if conflict.unit || conflict.help {
                    report(
                        "prometheus.comment",
                        format_args!(
                            "metric {:?} of scope {:?} has another {} than the first metric that is {:?} on the page, \
                         which keeps its own; give both the same",
                            metric.name(),
                            metric.scope().name(),
                            if conflict.unit { "unit" } else { "description" },
                            name.name,
                        ),
                    );
                }
                return self.enrol(metric, family);
            }
        }
        let family = self.families.len();
        let owner = Owner::Family(family);
        let (families, is_target_info_typed) = (&mut self.families, &mut self.is_target_info_typed);
        let held = self.claims.hold(owner, &held_names(&name.name, kind), |borrower| match borrower {
            Owner::TargetInfo => *is_target_info_typed = false,
            Owner::Family(family) => families[family].become_untyped(),
        });
        if let Err((taken, holder)) = held {
            let holder = match holder {
                Owner::TargetInfo => "target_info",
                Owner::Family(family) => &self.families[family].name,
            };
            report(
                "prometheus.type",
                format_args!(
                    "metric {:?} of scope {:?} is dropped: on the page it is {:?}, and the name {taken:?} belongs to {holder:?}, \
                 which is of another type; rename one of them",
                    metric.name(),
                    metric.scope().name(),
                    name.name,
                ),
            );
            return Placement::Dropped;
        }
        let mut new = Family::new(name, kind, metric.description());
        if kind == FamilyKind::Counter {
            let base = new.base();
            if !self.claims.lend(owner, &[base.to_owned(), format!("{base}_created")]) {
                new.become_untyped();
            }
        }
        self.families.push(new);
        self.enrol(metric, family)
    }

    fn enrol(&mut self, metric: &Metric<'_>, family: usize) -> Placement {
        let found = &mut self.families[family];
        let new = Member::new(metric, self.options.scope_labels);
        // Members that differ by their scope labels cannot have equal texts; others may.
        if found.identities.are_distinct() && found.members.iter().any(|member| member.scope == new.scope) {
            begin_to_compare(found);
        }
        found.members.push(new);
        Placement::Member { family, member: found.members.len() - 1 }
    }
}

fn begin_to_compare(family: &mut Family) {
    let known =
        family.members.iter().zip(0_u32..).flat_map(|(member, number)| {
            member.texts.iter().map(move |(series, text)| ((number, series), text))
        });
    family.identities.compare(known);
}

/// Formats the labels of the series of a metric that have none yet.
fn learn_series(
    family: &mut Family,
    member: usize,
    metric: &Metric<'_>,
    options: Options,
    reports: &mut Vec<Report>,
) {
    // Read before the visit: what comes later is learned by whoever sees it.
    let len = metric.series_len();
    if len <= family.members[member].texts.len() && !has_unknown(family, member) {
        return;
    }
    family.members[member].texts.grow_to(len);
    let of_histogram = family.kind == FamilyKind::Histogram;
    let (mut text, mut scratch) = (Vec::new(), Vec::new());
    metric.for_each(|point| {
        let own = &family.members[member];
        if own.texts.get(point.series) != SeriesText::Unknown {
            return;
        }
        let mut labels = series_labels(point.attributes.iter(), &own.scope, of_histogram);
        text.clear();
        text.push(b'{');
        write_labels(&mut text, &mut labels, &mut scratch);
        finish_text(&mut text, of_histogram);
        if family.identities.are_distinct() && !family.identities.stay_distinct(&labels, options.scope_labels)
        {
            begin_to_compare(family);
        }
        let id: SeriesId = (member as u32, point.series);
        match family.identities.enter(id, &text) {
            None => family.members[member].texts.insert(point.series, &text),
            Some(owner) => {
                let merges = can_merge(&family.members[owner.0 as usize], &family.members[member]);
                reports.push(duplicate(family, metric, &text, merges));
                if merges {
                    family.identities.group(owner, id);
                    family.members[member].texts.insert(point.series, &text);
                } else {
                    family.members[member].texts.mark_dropped(point.series);
                }
            }
        }
    });
}

fn has_unknown(family: &Family, member: usize) -> bool {
    let texts = &family.members[member].texts;
    (0..texts.len()).any(|series| texts.get(series) == SeriesText::Unknown)
}

/// Makes `{a="b"` what stands between a sample's name and its value: `{a="b"} `, or a blank where there
/// are no labels; of a histogram what stands before `le`: `{a="b",` or `{`.
fn finish_text(text: &mut Vec<u8>, of_histogram: bool) {
    let has_labels = text.len() > 1;
    match (of_histogram, has_labels) {
        (true, true) => text.push(b','),
        (true, false) => {}
        (false, true) => text.extend_from_slice(b"} "),
        (false, false) => {
            text.clear();
            text.push(b' ');
        }
    }
}

/// Whether series of two metrics with equal labels may be added up: parts of one thing that the page
/// cannot tell apart, namely of instruments of one name that are sums, or histograms with equal bounds.
///
/// A last value has no sum. Instruments of different names (`a.b` and `a_b`) are different things, or
/// one counted twice while it is being renamed.
fn can_merge(owner: &Member, other: &Member) -> bool {
    let is_histogram = |member: &Member| member.buckets.tails(Format::Text004).len() > 0;
    owner.instrument == other.instrument
        && ((owner.is_sum && other.is_sum)
            || (is_histogram(owner)
                && is_histogram(other)
                && owner.buckets.bounds() == other.buckets.bounds()))
}

fn duplicate(family: &Family, metric: &Metric<'_>, text: &[u8], merges: bool) -> Report {
    let labels = String::from_utf8_lossy(text);
    let labels = labels.trim_end_matches([' ', ',']);
    let done = if merges { "they are added up" } else { "the first is on the page, the later dropped" };
    Report {
        kind: if merges { "prometheus.merged" } else { "prometheus.duplicate" },
        subject: family.name.to_string(),
        message: format!(
            "two series of {:?} have the same labels on the page, {}{labels} (the later one is of metric {:?} of scope \
             {:?}): {done}; give them attributes, names or, with scope labels on, scopes that differ",
            family.name,
            family.name,
            metric.name(),
            metric.scope().name(),
        ),
    }
}
