//! What instruments a program declares: as data, as Markdown for people, as JSON for programs.
//!
//! ```
//! use tachograph_sdk::catalogue::Catalogue;
//! use tachograph_sdk::{AttributeValue, Attributes, Counter, MeterProvider};
//!
//! #[derive(AttributeValue)]
//! # #[attribute(crate = "tachograph_sdk")]
//! enum Channel { Web, App }
//!
//! #[derive(Attributes)]
//! # #[attribute(crate = "tachograph_sdk")]
//! struct Created { channel: Option<Channel> }
//!
//! let provider = MeterProvider::new();
//! let _created: Counter<u64, Created> = provider
//!     .meter("shop")
//!     .counter("order.created.total")
//!     .with_unit("{order}")
//!     .with_description("Orders created")
//!     .build();
//!
//! let catalogue = Catalogue::of(&provider);
//! assert_eq!(catalogue.entries()[0].name(), "order.created.total");
//! assert!(catalogue.to_markdown().contains("| `channel` | string | `app`, `web` | may be absent |"));
//! assert!(catalogue.to_json().contains(r#""name": "order.created.total","#));
//! ```
//!
//! A test that holds a program to a committed catalogue is made with
//! [`CatalogueFile`](crate::testing::CatalogueFile).

mod json;
mod markdown;

use std::collections::BTreeMap;
use std::fmt;

use crate::attributes::{AttributeSchema, ValueRef};
use crate::metrics::{Aggregator, InstrumentKind, MeterProvider, NumberKind, Stream};

/// The instruments of a provider, sorted by scope and name.
///
/// The documents leave out the versions of scopes: a catalogue says what there is to query, which a release that changes no
/// instrument does not change. Instruments that differ in the version of their scope alone are in them once.
///
/// What is listed is what a reader would find: an instrument that a view renames goes by its new name.
/// Instruments appear once they are made; for one in a `static` that nobody has used yet,
/// [`Static::declare_in`](crate::Static::declare_in) makes it. The attributes are known of instruments
/// whose attributes have a type ([`Attributes::SCHEMA`](crate::Attributes::SCHEMA)).
#[derive(Clone, Debug, PartialEq)]
pub struct Catalogue {
    entries: Vec<CatalogueEntry>,
}

impl Catalogue {
    /// The instruments that the provider has now.
    pub fn of(provider: &MeterProvider) -> Self {
        let registry = &provider.registry;
        let schemas = registry.attributes();
        let mut entries: Vec<_> = registry
            .default_streams()
            .into_iter()
            .map(|stream| CatalogueEntry::of(stream, schemas.get(&stream.number).map_or(&[], Vec::as_slice)))
            .collect();
        // Stable: instruments that differ in kind alone, or in the scope's version, stay in the order in which they were made.
        entries.sort_by(|a, b| a.place().cmp(&b.place()));
        Catalogue { entries }
    }

    /// The instruments.
    pub fn entries(&self) -> &[CatalogueEntry] {
        &self.entries
    }

    /// Keeps the instruments that `keep` accepts: those of the program's own scopes, say.
    pub fn retain(&mut self, keep: impl FnMut(&CatalogueEntry) -> bool) {
        self.entries.retain(keep);
    }

    /// A document in Markdown: a section for each scope, and in it one for each instrument.
    pub fn to_markdown(&self) -> String {
        markdown::write(&self.written())
    }

    /// A document in JSON: an object with the array `instruments`, in lines that diff well.
    pub fn to_json(&self) -> String {
        json::write(&self.written())
    }

    /// The instruments that documents have.
    fn written(&self) -> Vec<&CatalogueEntry> {
        let mut written = Vec::<&CatalogueEntry>::with_capacity(self.entries.len());
        for entry in &self.entries {
            let mut of_place = written.iter().rev().take_while(|other| other.place() == entry.place());
            if !of_place.any(|other| entry.is_said_by(other)) {
                written.push(entry);
            }
        }
        written
    }
}

impl fmt::Display for Catalogue {
    /// As [`to_markdown`](Self::to_markdown).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_markdown())
    }
}

/// One instrument of a [`Catalogue`].
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogueEntry {
    scope: String,
    scope_version: Option<String>,
    name: String,
    kind: InstrumentKind,
    number: NumberKind,
    unit: String,
    description: String,
    attributes: Vec<AttributeSchema>,
    open: bool,
    boundaries: Option<Vec<f64>>,
    limit: usize,
}

impl CatalogueEntry {
    fn of(stream: &Stream, schemas: &[&'static crate::attributes::AttributesSchema]) -> Self {
        let descriptor = &stream.descriptor;
        // An instrument may be declared in several places, with other attributes in each.
        let mut attributes = BTreeMap::<String, AttributeSchema>::new();
        let is_kept =
            |attribute: &AttributeSchema| stream.filter().is_none_or(|filter| filter.keeps(&attribute.key));
        let declared: Vec<_> = schemas.iter().map(|schema| schema.attributes()).collect();
        for attribute in declared.iter().flatten().filter(|attribute| is_kept(attribute)) {
            attributes
                .entry(attribute.key.clone())
                .and_modify(|known| known.value = known.value.or(attribute.value))
                .or_insert_with(|| attribute.clone());
        }
        // What one of the places does not declare is not always there.
        for attribute in attributes.values_mut() {
            let is_in = |of: &Vec<AttributeSchema>| of.iter().any(|other| other.key == attribute.key);
            if !declared.iter().all(is_in) {
                attribute.value = attribute.value.optional();
            }
        }
        CatalogueEntry {
            scope: stream.scope.name().to_owned(),
            scope_version: stream.scope.version().map(str::to_owned),
            name: descriptor.name.to_string(),
            kind: descriptor.kind,
            number: descriptor.number,
            unit: descriptor.unit.to_string(),
            description: descriptor.description.to_string(),
            attributes: attributes.into_values().collect(),
            open: schemas.is_empty() || schemas.iter().any(|schema| schema.is_open()),
            boundaries: match &stream.aggregator {
                Aggregator::ExplicitBuckets(buckets) => Some(buckets.bounds().to_vec()),
                _ => None,
            },
            limit: stream.series.limit(),
        }
    }

    fn place(&self) -> (&str, &str) {
        (&self.scope, &self.name)
    }

    /// Whether documents say the same of both.
    fn is_said_by(&self, other: &CatalogueEntry) -> bool {
        let version = other.scope_version.clone();
        *other == CatalogueEntry { scope_version: version, ..self.clone() }
    }

    /// The name of the scope: the library or module that declares the instrument.
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// The scope's version, if it has one; documents leave it out.
    pub fn scope_version(&self) -> Option<&str> {
        self.scope_version.as_deref()
    }

    /// The instrument's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind, as the API names it: `counter`, `up_down_counter`, `gauge`, `histogram`,
    /// `observable_counter`, `observable_up_down_counter` or `observable_gauge`.
    pub fn kind(&self) -> &'static str {
        match self.kind {
            InstrumentKind::Counter => "counter",
            InstrumentKind::UpDownCounter => "up_down_counter",
            InstrumentKind::Gauge => "gauge",
            InstrumentKind::Histogram => "histogram",
            InstrumentKind::ObservableCounter => "observable_counter",
            InstrumentKind::ObservableUpDownCounter => "observable_up_down_counter",
            InstrumentKind::ObservableGauge => "observable_gauge",
        }
    }

    /// The type of its numbers: `u64`, `i64` or `f64`.
    pub fn number(&self) -> &'static str {
        match self.number {
            NumberKind::U64 => "u64",
            NumberKind::I64 => "i64",
            NumberKind::F64 => "f64",
        }
    }

    /// The unit; empty when it has none.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// The description; empty when it has none.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// The attributes that are known, sorted by key.
    pub fn attributes(&self) -> &[AttributeSchema] {
        &self.attributes
    }

    /// Whether there may be others: it was declared without a type for its attributes, or with one that
    /// does not say which it has.
    pub fn has_open_attributes(&self) -> bool {
        self.open
    }

    /// A histogram's boundaries, without the infinite last one, where it has such.
    pub fn boundaries(&self) -> Option<&[f64]> {
        self.boundaries.as_deref()
    }

    /// How many attribute sets it may have.
    pub fn cardinality_limit(&self) -> usize {
        self.limit
    }
}

/// The values that are known of an attribute, sorted so that their order in the program does not matter.
fn sorted_values(attribute: &AttributeSchema) -> Vec<ValueRef<'static>> {
    let mut values = attribute.value.values().to_vec();
    values.sort_by_key(|value| plain(*value));
    values.dedup();
    values
}

/// A value as text.
fn plain(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Str(text) => text.to_owned(),
        other => other.to_value().as_str().into_owned(),
    }
}
