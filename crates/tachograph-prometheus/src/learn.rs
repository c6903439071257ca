//! The labels of series, formatted when a collection first shows them.

use std::sync::Arc;

use tachograph_sdk::metrics::{Collection, Metric, MetricKind};

use crate::family::{Family, Member, identity_of};
use crate::format::Encoding;
use crate::identity::SeriesId;
use crate::labels::{Label, give_way, gives_way, series_labels, write_labels};
use crate::message::write_until_value;
use crate::name::FamilyKind;
use crate::naming::Naming;
use crate::report::Report;
use crate::texts::SeriesText;

/// Adds a metric to a family; returns its place among the members.
pub(crate) fn enrol(family: &mut Family, new: Member) -> usize {
    // Members that differ by their scope labels cannot have equal texts; others may.
    if family.identities.are_distinct() && family.members.iter().any(|member| member.scope == new.scope) {
        begin_to_compare(family);
    }
    family.members.push(new);
    family.members.len() - 1
}

fn begin_to_compare(family: &mut Family) {
    let (kind, encoding) = (family.kind, family.encoding);
    let Family { members, identities, .. } = family;
    let known = members.iter().zip(0_u32..).flat_map(|(member, number)| {
        let texts = member.texts.iter();
        texts.map(move |(series, text)| ((number, series), identity_of(text, kind, encoding)))
    });
    identities.compare(known);
}

/// Formats the labels of the series of a metric that have none yet.
pub(crate) fn learn_series(
    family: &mut Family,
    member: usize,
    metric: &Metric<'_>,
    collection: &Collection,
    naming: Naming,
    reports: &mut Vec<Report>,
) {
    // Read before the visit: what comes later is learned by whoever sees it.
    let len = metric.series_len();
    if len <= family.members[member].texts.len() && !family.members[member].texts.has_unknown() {
        return;
    }
    family.members[member].texts.grow_to(len);
    let of_histogram = family.kind == FamilyKind::Histogram;
    let mut has_given_way = false;
    let (is_quoted, encoding) = (family.is_quoted(), family.encoding);
    let scope = Arc::clone(&family.members[member].scope);
    let (mut text, mut scratch) = (Vec::new(), Vec::new());
    metric.for_each(|point| {
        if family.members[member].texts.get(point.series) != SeriesText::Unknown {
            return;
        }
        let mut labels = series_labels(point.attributes.iter(), &scope, naming);
        has_given_way |= give_way(&mut labels, family.kind.own_label());
        text.clear();
        if encoding == Encoding::Text {
            text.push(if is_quoted { b',' } else { b'{' });
        }
        write_labels(&mut text, &mut labels, &mut scratch, encoding);
        if encoding == Encoding::Text {
            finish_text(&mut text, of_histogram);
        }
        if family.identities.are_distinct() && !family.identities.stay_distinct(&labels) {
            begin_to_compare(family);
        }
        let id: SeriesId = (member as u32, point.series);
        let entered = family.identities.enter(id, &text);
        if encoding == Encoding::Protobuf && !of_histogram {
            let labels = std::mem::take(&mut text);
            write_until_value(&mut text, &labels, family.kind, point.start_unix_nanos);
        }
        match entered {
            None => family.members[member].texts.insert(point.series, &text),
            Some(owner) => {
                let merges =
                    can_merge(&family.members[owner.0 as usize], &family.members[member], collection);
                reports.push(duplicate(family, metric, &labels, merges));
                if merges {
                    family.identities.group(owner, id);
                    family.members[member].texts.insert(point.series, &text);
                } else {
                    family.members[member].texts.mark_dropped(point.series);
                }
            }
        }
    });
    if let Some(label) = family.kind.own_label().filter(|_| has_given_way) {
        reports.push(Report::of(metric, "prometheus.label", &gives_way(label)));
    }
}

/// Makes `{a="b"` what stands between a sample's name and its value: `{a="b"} `, or a blank where there
/// are no labels; of a histogram what stands before `le`: `{a="b",` or `{`.
///
/// Where the name is inside of the braces, a comma is in the place of the first.
fn finish_text(text: &mut Vec<u8>, of_histogram: bool) {
    let has_labels = text.len() > 1;
    let is_quoted = text.first() == Some(&b',');
    match (of_histogram, has_labels) {
        (true, true) => text.push(b','),
        (true, false) => {}
        (false, true) => text.extend_from_slice(b"} "),
        (false, false) => {
            text.clear();
            text.extend_from_slice(if is_quoted { b"} " } else { b" " });
        }
    }
}

/// Whether series of two metrics with equal labels may be added up: parts of one thing that the page
/// cannot tell apart, namely of instruments of one name that are sums, or histograms with equal bounds or
/// exponential ones.
///
/// A last value has no sum. Instruments of different names (`a.b` and `a_b`) are different things, or
/// one counted twice while it is being renamed. What views make of one instrument in several metrics are the same
/// measurements several times.
fn can_merge(owner: &Member, other: &Member, collection: &Collection) -> bool {
    let are_views_of_one = || {
        let [owner, other] = [owner, other].map(|member| collection.metric(member.metric));
        owner.zip(other).is_some_and(|(owner, other)| owner.is_of_instrument_of(&other))
    };
    owner.instrument == other.instrument
        && (owner.metric == other.metric || !are_views_of_one())
        && match (owner.kind, other.kind) {
            (MetricKind::Sum { .. }, MetricKind::Sum { .. }) => true,
            (MetricKind::Histogram, MetricKind::Histogram) => {
                owner.buckets.bounds() == other.buckets.bounds()
            }
            (MetricKind::ExponentialHistogram, MetricKind::ExponentialHistogram) => true,
            _ => false,
        }
}

fn duplicate(family: &Family, metric: &Metric<'_>, labels: &[Label<'_>], merges: bool) -> Report {
    let mut text = Vec::new();
    write_labels(&mut text, &mut labels.to_vec(), &mut Vec::new(), Encoding::Text);
    let labels = String::from_utf8_lossy(&text);
    let done = if merges { "they are added up" } else { "the first is on the page, the later dropped" };
    Report {
        kind: if merges { "prometheus.merged" } else { "prometheus.duplicate" },
        subject: family.name.to_string(),
        message: format!(
            "two series of {:?} have the same labels on the page, {}{{{labels}}} (the later one is of metric {:?} of \
             scope {:?}): {done}; give them attributes, names or, with scope labels on, scopes that differ",
            family.name,
            family.name,
            metric.name(),
            metric.scope().name(),
        ),
    }
}
