//! What is known of the metrics of a provider: their families, and where each is on the page.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use tachograph_sdk::Resource;
use tachograph_sdk::metrics::{Collection, Metric, MetricKind};

use crate::Format;
use crate::TranslationStrategy;
use crate::claims::{Claims, Owner, TARGET_INFO, Taken};
use crate::family::{Family, Member};
use crate::format::Encoding;
use crate::labels::{ScopeLabel, resource_labels, scope_labels};
use crate::learn::{enrol, learn_series};
use crate::name::{FamilyKind, TranslatedName};
use crate::naming::Naming;
use crate::produced::Produced;
use crate::report::Report;
use crate::target_info::TargetInfo;
use crate::texts::SeriesText;

/// What decides a page, but for what is negotiated.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) strategy: TranslationStrategy,
    pub(crate) scope_labels: bool,
    pub(crate) target_info: bool,
    pub(crate) ratio_suffix: bool,
    pub(crate) created_samples: bool,
    /// The keys of the resource's attributes that are labels of every series.
    pub(crate) resource_labels: Arc<[String]>,
}

/// Where a metric is on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Nowhere: its name belongs to a family of another type.
    Dropped,
    /// Nowhere yet: it has no series. The number is its family's.
    Idle(u32),
    /// A member of a family: the family's number, and the place among its members.
    Member(u32, u32),
}

/// Grows with the provider: metrics and series are learned when a collection first shows them, and
/// keep their places from then on. A metric that never records costs its name and a few words.
///
/// There is one for each way in which names are escaped, and for text and messages, that has been asked for:
/// names that collide by one scheme do not by another.
#[derive(Debug)]
pub(crate) struct Registry {
    options: Options,
    pub(crate) naming: Naming,
    encoding: Encoding,
    /// By the metric's id.
    placements: Vec<Placement>,
    /// By the family's number, in the order in which their first metrics were made; made themselves
    /// when one of their metrics has a series.
    families: Vec<Option<Box<Family>>>,
    claims: Claims,
    produced: Produced,
    /// The labels that all series have. Known from the first collection on.
    constant: Vec<ScopeLabel>,
    /// The labels of scopes, and those, shared by their metrics.
    scopes: HashMap<InstrumentationScope, Arc<[ScopeLabel]>>,
    /// Known from the first collection on; the resource does not change in the life of a provider.
    target_info: Option<TargetInfo>,
}

impl Registry {
    pub(crate) fn new(options: Options, naming: Naming, encoding: Encoding) -> Self {
        Registry {
            options,
            naming,
            encoding,
            constant: Vec::new(),
            placements: Vec::new(),
            families: Vec::new(),
            claims: Claims::default(),
            produced: Produced::default(),
            scopes: HashMap::new(),
            target_info: None,
        }
    }

    /// The lines of `target_info`, if there are any.
    pub(crate) fn target_info(&self, format: Format) -> &[u8] {
        self.target_info.as_ref().map_or(&[], |lines| lines.lines(format, self.claims.has_type(TARGET_INFO)))
    }

    pub(crate) fn placement(&self, metric: &Metric<'_>) -> Option<Placement> {
        self.placements.get(metric.id()).copied()
    }

    pub(crate) fn family(&self, family: u32) -> Option<&Family> {
        self.families.get(family as usize)?.as_deref()
    }

    /// Whether nothing of a collection is new.
    ///
    /// Series are visited only of metrics that had some without a point when they were learned.
    pub(crate) fn covers(&self, collection: &Collection) -> bool {
        let knows = |metric: Metric<'_>| match self.placement(&metric) {
            Some(Placement::Member(family, member)) => self
                .family(family)
                .and_then(|family| family.members.get(member as usize))
                .is_some_and(|member| covers_series(member, &metric)),
            Some(Placement::Idle(_)) => metric.series_len() == 0,
            Some(Placement::Dropped) => true,
            None => false,
        };
        self.target_info.is_some()
            && collection.metrics().all(knows)
            && self.produced.covers(collection, self.naming, self.options.ratio_suffix)
    }

    /// Places the metrics and formats the labels of the series that a collection has and the registry
    /// does not.
    pub(crate) fn learn(&mut self, collection: &Collection, reports: &mut Vec<Report>) {
        if self.target_info.is_none() {
            self.learn_resource(collection.resource());
        }
        collection.metrics().for_each(|metric| self.forget_what_has_gone(&metric));
        for metric in collection.metrics() {
            let known = self.placement(&metric);
            let mut placement = known.unwrap_or_else(|| self.place(&metric, reports));
            if let Placement::Idle(family) = placement
                && metric.series_len() > 0
            {
                placement = self.put_on_the_page(&metric, family, reports);
            }
            match known {
                // Ids have no gaps and come in order, so that this is the next one.
                None => self.placements.push(placement),
                Some(_) => self.placements[metric.id()] = placement,
            }
            if let Placement::Member(family, member) = placement
                && let Some(family) = self.families[family as usize].as_deref_mut()
            {
                learn_series(family, member as usize, &metric, collection, self.naming, reports);
            }
        }
        let ratio = self.options.ratio_suffix;
        let gave_up = self.produced.learn(collection, &mut self.claims, self.naming, ratio, reports);
        self.give_up_types(gave_up);
    }

    /// Has families give up names that were lent to them.
    fn give_up_types(&mut self, owners: Vec<Owner>) {
        for owner in owners {
            if let Owner::Family(family) = owner
                && let Some(family) = &mut self.families[family as usize]
            {
                family.give_up_type();
            }
        }
    }

    /// Comes before any metric, so that the names of `target_info` are free for it.
    fn learn_resource(&mut self, resource: &Resource) {
        self.constant = resource_labels(resource, &self.options.resource_labels, self.naming);
        let target_info = match self.options.target_info {
            true => TargetInfo::of(resource, self.naming, self.encoding),
            false => TargetInfo::default(),
        };
        if !target_info.is_empty() {
            self.claims.hold_target_info();
        }
        self.target_info = Some(target_info);
    }

    /// Forgets the labels of a metric's family if numbers of its series have become others'.
    fn forget_what_has_gone(&mut self, metric: &Metric<'_>) {
        let Some(Placement::Member(family, member)) = self.placement(metric) else {
            return;
        };
        if let Some(family) = self.families[family as usize].as_deref_mut()
            && let Some(member) = family.members.get_mut(member as usize)
            && member.generation != metric.generation()
        {
            member.generation = metric.generation();
            family.forget_series();
        }
    }

    /// Finds the family of a new metric: the order in which metrics are made decides who has a name,
    /// not the order in which they first record.
    fn place(&mut self, metric: &Metric<'_>, reports: &mut Vec<Report>) -> Placement {
        let Some(kind) = family_kind(metric) else {
            reports.push(Report::of(
                metric,
                "prometheus.kind",
                "is dropped: its kind has no place in these formats",
            ));
            return Placement::Dropped;
        };
        let name = self.translate(metric, kind).name;
        match self.claims.family(&name) {
            Some((family, of_kind)) if of_kind == kind => return Placement::Idle(family),
            _ => {}
        }
        let family = self.families.len() as u32;
        match self.claims.hold(&name, kind, family) {
            Ok(gave_up) => {
                self.give_up_types(gave_up);
                self.families.push(None);
                Placement::Idle(family)
            }
            Err(Taken { name: taken, holder }) => {
                let message = format!(
                    "is dropped: on the page it is {name:?}, and the name {taken:?} belongs to {holder:?}, which is \
                     of another type; rename one of them"
                );
                reports.push(Report::of(metric, "prometheus.type", &message));
                Placement::Dropped
            }
        }
    }

    /// Makes a metric that has series a member of its family.
    fn put_on_the_page(&mut self, metric: &Metric<'_>, number: u32, reports: &mut Vec<Report>) -> Placement {
        let Some(kind) = family_kind(metric) else { return Placement::Dropped };
        let name = self.translate(metric, kind);
        let scope = self.labels_of_all_series(metric.scope());
        let slot = &mut self.families[number as usize];
        if let Some(family) = slot {
            let conflict = family.join(&name.unit, metric.description());
            if conflict.unit || conflict.help {
                let what = if conflict.unit { "unit" } else { "description" };
                let message = format!(
                    "has another {what} than the first metric that is {:?} on the page, which keeps its own; give \
                     both the same",
                    family.name
                );
                reports.push(Report::of(metric, "prometheus.comment", &message));
            }
        }
        let family = slot.get_or_insert_with(|| {
            let has_type = self.claims.has_type(&name.name);
            Box::new(Family::new(name, kind, metric.description(), has_type, self.encoding))
        });
        Placement::Member(number, enrol(family, Member::new(metric, scope)) as u32)
    }

    /// The labels of a scope and of the resource, as the options have it.
    fn labels_of_all_series(&mut self, scope: &InstrumentationScope) -> Arc<[ScopeLabel]> {
        let nameless = InstrumentationScope::default();
        let scope = if self.options.scope_labels { scope } else { &nameless };
        if let Some(labels) = self.scopes.get(scope) {
            return Arc::clone(labels);
        }
        let own = scope_labels(scope, self.naming).into_iter();
        let labels: Arc<[ScopeLabel]> = own.chain(self.constant.iter().cloned()).collect();
        self.scopes.insert(scope.clone(), Arc::clone(&labels));
        labels
    }

    fn translate(&self, metric: &Metric<'_>, kind: FamilyKind) -> TranslatedName {
        self.naming.metric(metric.name(), metric.unit(), kind, self.options.ratio_suffix)
    }

    /// Whose name is whose, of what producers gave.
    pub(crate) fn produced(&self) -> &Produced {
        &self.produced
    }

    /// Whether a counter or an info of this name has its type in OpenMetrics.
    pub(crate) fn has_type(&self, name: &str) -> bool {
        self.claims.has_type(name)
    }

    /// Whether gauges of unit `1` end in `_ratio`.
    pub(crate) fn has_ratio_suffix(&self) -> bool {
        self.options.ratio_suffix
    }

    /// The labels of the resource that all series have.
    pub(crate) fn constant_labels(&self) -> &[ScopeLabel] {
        &self.constant
    }

    /// The labels of a producer's scope, as the options have it.
    pub(crate) fn scope_labels(&self, scope: &InstrumentationScope) -> Vec<ScopeLabel> {
        if self.options.scope_labels { scope_labels(scope, self.naming) } else { Vec::new() }
    }

    /// Whether OpenMetrics has samples of when series began.
    pub(crate) fn has_created_samples(&self) -> bool {
        self.options.created_samples
    }
}

fn covers_series(member: &Member, metric: &Metric<'_>) -> bool {
    if member.generation != metric.generation() {
        return false;
    }
    if metric.series_len() > member.texts.len() {
        return false;
    }
    let has_new = || {
        let visited = metric.try_for_each(|point| match member.texts.get(point.series) {
            SeriesText::Unknown => ControlFlow::Break(()),
            SeriesText::Text(_) | SeriesText::Dropped => ControlFlow::Continue(()),
        });
        visited.is_break()
    };
    !member.texts.has_unknown() || !has_new()
}

fn family_kind(metric: &Metric<'_>) -> Option<FamilyKind> {
    match metric.kind() {
        MetricKind::Sum { monotonic: true } => Some(FamilyKind::Counter),
        MetricKind::Sum { monotonic: false } | MetricKind::Gauge => Some(FamilyKind::Gauge),
        MetricKind::Histogram | MetricKind::ExponentialHistogram => Some(FamilyKind::Histogram),
        // The SDK may learn kinds that this crate has not.
        _ => None,
    }
}
