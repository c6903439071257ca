//! Which names on the page are those of producers' metrics.
//!
//! The claims of the engine's families and of these are the same: whoever comes first has a name for as long as
//! the exporter lives.
//!
//! Names of a [verbatim](ProducedBatch::verbatim) batch, and its labels, are those of somebody's own
//! exposition: they have no suffix added and no labels of a scope. All else is translated as instruments are.

mod kind;

use std::collections::{HashMap, HashSet};

use tachograph_sdk::metrics::{Collection, ProducedBatch, ProducedMetric};

use crate::TranslationStrategy;
use crate::claims::{Claims, INFO, Owner, Taken};
use crate::name::{FamilyKind, TOTAL};
use crate::naming::Naming;
use crate::report::Report;
pub(crate) use kind::PageKind;

/// How many names are kept; metrics of further ones are left out.
const MOST_NAMES: usize = 10_000;

/// Which families of producers there are, and what became of their metrics.
#[derive(Debug, Default)]
pub(crate) struct Produced {
    families: Vec<ProducedFamily>,
    by_name: HashMap<Box<str>, u32>,
    /// Those whose name belongs to another, by name and kind.
    dropped: HashSet<(Box<str>, PageKind)>,
}

#[derive(Debug)]
pub(crate) struct ProducedFamily {
    pub(crate) name: Box<str>,
    pub(crate) kind: PageKind,
    /// That of the first of its metrics, as is the unit.
    pub(crate) help: Box<str>,
    pub(crate) unit: Box<str>,
}

/// A metric's name and unit on the page.
struct PageName {
    name: String,
    unit: String,
}

impl Produced {
    /// The family of a metric, by its number.
    pub(crate) fn family(&self, number: u32) -> Option<&ProducedFamily> {
        self.families.get(number as usize)
    }

    /// The number of a metric's family, if it has one; numbers are in the order in which families were first there.
    pub(crate) fn place_of(
        &self,
        batch: &ProducedBatch,
        metric: &ProducedMetric,
        naming: Naming,
        ratio: bool,
    ) -> Option<u32> {
        let kind = PageKind::of(metric.kind)?;
        self.place(&page_name(batch, metric, kind, naming, ratio).name, kind)
    }

    fn place(&self, name: &str, kind: PageKind) -> Option<u32> {
        let number = *self.by_name.get(name)?;
        (self.families.get(number as usize)?.kind == kind).then_some(number)
    }

    fn is_full(&self) -> bool {
        self.families.len() + self.dropped.len() >= MOST_NAMES
    }

    /// Whether nothing of a collection is new.
    pub(crate) fn covers(&self, collection: &Collection, naming: Naming, ratio: bool) -> bool {
        let mut metrics = each(collection);
        self.is_full()
            || metrics.all(|(batch, metric)| {
                let Some(kind) = PageKind::of(metric.kind) else { return true };
                let name = page_name(batch, metric, kind, naming, ratio).name;
                self.place(&name, kind).is_some() || self.dropped.contains(&(name.into(), kind))
            })
    }

    /// Takes the names that are new. Returns the engine's families that gave up names which were lent.
    pub(crate) fn learn(
        &mut self,
        collection: &Collection,
        claims: &mut Claims,
        naming: Naming,
        ratio: bool,
        reports: &mut Vec<Report>,
    ) -> Vec<Owner> {
        let mut gave_up = Vec::new();
        for (batch, metric) in each(collection) {
            let Some(kind) = PageKind::of(metric.kind) else {
                reports.push(report(batch, metric, "is left out: its kind has no place in these formats"));
                continue;
            };
            let PageName { name, unit } = page_name(batch, metric, kind, naming, ratio);
            let key = (name.into_boxed_str(), kind);
            if self.place(&key.0, kind).is_some() || self.dropped.contains(&key) {
                continue;
            }
            if self.is_full() {
                let what = format!("is left out: there are {MOST_NAMES} names of producers already");
                reports.push(report(batch, metric, &what));
                break;
            }
            let number = self.families.len() as u32;
            match claims.hold_shape(&key.0, kind.shape(), Owner::Produced) {
                Ok(owners) => {
                    gave_up.extend(owners);
                    self.by_name.insert(key.0.clone(), number);
                    let (help, unit) = (metric.description.as_ref().into(), unit.into());
                    self.families.push(ProducedFamily { name: key.0, kind, help, unit });
                }
                Err(Taken { name: taken, holder }) => {
                    let what = format!(
                        "is left out: on the page it is {:?}, and the name {taken:?} belongs to {holder:?}, which \
                         is there already; rename one of them",
                        key.0
                    );
                    reports.push(report(batch, metric, &what));
                    self.dropped.insert(key);
                }
            }
        }
        gave_up
    }
}

fn each(collection: &Collection) -> impl Iterator<Item = (&ProducedBatch, &ProducedMetric)> {
    collection.produced().iter().flat_map(|batch| batch.metrics.iter().map(move |metric| (batch, metric)))
}

/// How names and labels of a batch are written.
pub(crate) fn naming_of(batch: &ProducedBatch, naming: Naming) -> Naming {
    match batch.verbatim {
        // Still escaped by the scheme, where the server does not take what is outside the classic grammar.
        true => Naming { strategy: TranslationStrategy::NoTranslation, ..naming },
        false => naming,
    }
}

fn page_name(
    batch: &ProducedBatch,
    metric: &ProducedMetric,
    kind: PageKind,
    naming: Naming,
    ratio: bool,
) -> PageName {
    if batch.verbatim {
        let name = match &*metric.name {
            "" => "_",
            name => name,
        };
        let name = naming.scheme.metric(name).into_owned();
        // OpenMetrics: a unit is a suffix of the name.
        let base = name.strip_suffix(TOTAL).unwrap_or(&name);
        let is_suffix = base.strip_suffix(&*metric.unit).is_some_and(|head| head.ends_with('_'));
        let unit = if is_suffix { metric.unit.to_string() } else { String::new() };
        return PageName { name, unit };
    }
    let family_kind = match kind {
        PageKind::Counter => FamilyKind::Counter,
        PageKind::Gauge => FamilyKind::Gauge,
        _ => FamilyKind::Histogram,
    };
    let mut translated = naming.metric(&metric.name, &metric.unit, family_kind, ratio);
    if kind == PageKind::Info && !translated.name.ends_with(INFO) {
        translated.name += INFO;
        translated.unit.clear();
    }
    PageName { name: translated.name, unit: translated.unit }
}

/// Something to say of a producer's metric.
pub(crate) fn report(batch: &ProducedBatch, metric: &ProducedMetric, what: &str) -> Report {
    let (name, producer) = (&*metric.name, batch.scope.name());
    Report {
        kind: "prometheus.produced",
        subject: name.to_owned(),
        message: format!("metric {name:?} of producer {producer:?} {what}"),
    }
}
