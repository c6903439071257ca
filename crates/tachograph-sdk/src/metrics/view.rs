//! Views: which instruments are meant, and what their streams are to be.

use std::borrow::Cow;
use std::time::Duration;

use opentelemetry::InstrumentationScope;

use super::aggregation::Aggregation;
use super::exemplar::ExemplarReservoir;
use super::filter::Filter;
use super::kind::InstrumentKind;
use super::options::{CardinalityOverflow, Options, nanos};

/// Changes what becomes of instruments' measurements, without a change where they are made.
///
/// A view selects instruments, by everything that is asked of them (`for_…`), and says what their stream is to be
/// (`with_…`); what it does not say stays as the instrument has it. Register it with
/// [`MeterProviderBuilder::with_view`](super::MeterProviderBuilder::with_view). An instrument that several views select has
/// a stream for each; one that no view selects has its own, as if there were no views. What a view says goes before what the
/// instrument asks for itself, and that before the defaults of the reader and the provider.
///
/// Instruments pay for views when they are created; a record then costs as much as its stream does, once for each stream.
///
/// ```
/// use tachograph_sdk::MeterProvider;
/// use tachograph_sdk::metrics::{Aggregation, InstrumentKind, View};
///
/// let provider = MeterProvider::builder()
///     // Durations as exponential histograms.
///     .with_view(
///         View::all()
///             .for_kind(InstrumentKind::Histogram)
///             .for_unit("s")
///             .with_aggregation(Aggregation::base2_exponential_bucket_histogram()),
///     )
///     // An attribute with too many values, of all instruments of one library.
///     .with_view(View::all().for_scope("some-library").without_attributes(["peer.address"]))
///     // What nobody looks at.
///     .with_view(View::of("debug.*").dropped())
///     .build();
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a view does nothing until a provider is built with it"]
pub struct View {
    name: Option<Pattern>,
    kind: Option<InstrumentKind>,
    unit: Option<String>,
    scope_name: Option<Pattern>,
    scope_version: Option<String>,
    scope_schema_url: Option<String>,
    pub(crate) stream: StreamChange,
}

/// What a view makes of a stream; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct StreamChange {
    pub(crate) name: Option<Cow<'static, str>>,
    pub(crate) description: Option<Cow<'static, str>>,
    pub(crate) aggregation: Aggregation,
    pub(crate) filter: Filter,
    pub(crate) limit: Option<usize>,
    pub(crate) overflow: Option<CardinalityOverflow>,
    /// `Some(None)` if series never go.
    pub(crate) idle_expiry_nanos: Option<Option<u64>>,
    pub(crate) reservoir: Option<ExemplarReservoir>,
}

impl StreamChange {
    /// What it makes of a provider's.
    pub(crate) fn options(&self, of_provider: Options) -> Options {
        Options {
            overflow: self.overflow.unwrap_or(of_provider.overflow),
            idle_expiry_nanos: self.idle_expiry_nanos.unwrap_or(of_provider.idle_expiry_nanos),
            reservoir: self.reservoir.map(ExemplarReservoir::kind).or(of_provider.reservoir),
        }
    }
}

impl View {
    /// Of all instruments.
    pub fn all() -> Self {
        View::default()
    }

    /// Of the instruments of this name, in upper or lower case. `*` stands for any number of characters, none included,
    /// and `?` for exactly one.
    pub fn of(name: impl Into<String>) -> Self {
        View { name: Some(Pattern::new(name.into())), ..View::default() }
    }

    /// Only of this kind.
    pub fn for_kind(mut self, kind: InstrumentKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Only of this unit, which is told apart by case; empty for instruments that have none.
    pub fn for_unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// Only of meters of this name, in which `*` and `?` mean what they do in an instrument's; it is told apart by case.
    pub fn for_scope(mut self, name: impl Into<String>) -> Self {
        self.scope_name = Some(Pattern::new(name.into()));
        self
    }

    /// Only of meters of this version.
    pub fn for_scope_version(mut self, version: impl Into<String>) -> Self {
        self.scope_version = Some(version.into());
        self
    }

    /// Only of meters with this schema URL.
    pub fn for_schema_url(mut self, schema_url: impl Into<String>) -> Self {
        self.scope_schema_url = Some(schema_url.into());
        self
    }

    /// The stream has this name.
    ///
    /// Only for a view that names one instrument: where it might select several, which would all have one name, that is
    /// reported when the provider is built, and the name is not used.
    pub fn with_name(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.stream.name = Some(name.into());
        self
    }

    /// The stream has this description.
    pub fn with_description(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.stream.description = Some(description.into());
        self
    }

    /// The stream keeps these attributes only; others are taken away before a series is looked up, so that they do not count
    /// against the cardinality limit.
    pub fn with_attributes(mut self, keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.stream.filter.keep(keys);
        self
    }

    /// The stream has all attributes but these, even if [`with_attributes`](Self::with_attributes) names them.
    pub fn without_attributes(mut self, keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.stream.filter.exclude(keys);
        self
    }

    /// How the stream aggregates.
    ///
    /// A sum suits all instruments but gauges; a last value, gauges; and histograms, instruments that are not observable. What
    /// does not suit the instrument is reported when the instrument is created, and its default is used.
    pub fn with_aggregation(mut self, aggregation: Aggregation) -> Self {
        self.stream.aggregation = aggregation;
        self
    }

    /// How many attribute sets the stream may have, at least 1.
    pub fn with_cardinality_limit(mut self, limit: usize) -> Self {
        self.stream.limit = Some(limit.max(1));
        self
    }

    /// What becomes of attribute sets beyond the stream's limit; what the provider says of all, unless set.
    pub fn with_cardinality_overflow(mut self, overflow: CardinalityOverflow) -> Self {
        self.stream.overflow = Some(overflow);
        self
    }

    /// The stream's series go that nobody has recorded in for so long, whatever the provider says of all:
    /// [`MeterProviderBuilder::with_idle_expiry`](super::MeterProviderBuilder::with_idle_expiry), which says what that means.
    pub fn with_idle_expiry(mut self, idle: Duration) -> Self {
        self.stream.idle_expiry_nanos = Some(Some(nanos(idle)));
        self
    }

    /// The stream's series stay however long nobody records in them, whatever the provider says of all.
    pub fn without_idle_expiry(mut self) -> Self {
        self.stream.idle_expiry_nanos = Some(None);
        self
    }

    /// Which measurements of each of the stream's series become exemplars; what suits the aggregation, unless set.
    ///
    /// A reservoir that is aligned with buckets suits histograms with explicit boundaries. Where it does not suit, that is reported when
    /// the instrument is created, and the default is used.
    pub fn with_exemplar_reservoir(mut self, reservoir: ExemplarReservoir) -> Self {
        self.stream.reservoir = Some(reservoir);
        self
    }

    /// There is no stream: measurements are thrown away. If other views select the instrument too, theirs are there.
    pub fn dropped(self) -> Self {
        self.with_aggregation(Aggregation::Drop)
    }

    pub(crate) fn renames(&self) -> bool {
        self.stream.name.is_some()
    }

    /// Whether it may select several instruments of one scope.
    pub(crate) fn selects_several(&self) -> bool {
        self.name.as_ref().is_none_or(|name| name.has_wildcards)
    }

    pub(crate) fn selects(
        &self,
        name: &str,
        kind: InstrumentKind,
        unit: &str,
        scope: &InstrumentationScope,
    ) -> bool {
        self.name.as_ref().is_none_or(|pattern| pattern.matches(name, u8::to_ascii_lowercase))
            && self.kind.is_none_or(|wanted| wanted == kind)
            && self.unit.as_ref().is_none_or(|wanted| wanted == unit)
            && self.scope_name.as_ref().is_none_or(|pattern| pattern.matches(scope.name(), |byte| *byte))
            && self.scope_version.as_deref().is_none_or(|wanted| scope.version() == Some(wanted))
            && self.scope_schema_url.as_deref().is_none_or(|wanted| scope.schema_url() == Some(wanted))
    }

    /// What a report calls it.
    pub(crate) fn label(&self) -> String {
        self.name.as_ref().map_or_else(|| "all".to_owned(), |name| name.text.clone())
    }
}

/// A name in which `*` and `?` may stand for others.
#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    has_wildcards: bool,
}

impl Pattern {
    fn new(text: String) -> Self {
        let has_wildcards = text.contains(['*', '?']);
        Pattern { text, has_wildcards }
    }

    /// Whether it matches all of `name`, whose bytes are compared as `fold` has them.
    fn matches(&self, name: &str, fold: impl Fn(&u8) -> u8) -> bool {
        let (pattern, name) = (self.text.as_bytes(), name.as_bytes());
        let (mut p, mut n) = (0, 0);
        // Where to go on after the last `*`: it takes one byte more each time.
        let mut star = None;
        while n < name.len() {
            match pattern.get(p) {
                Some(b'*') => {
                    star = Some((p + 1, n));
                    p += 1;
                    continue;
                }
                // One character, which may have several bytes.
                Some(b'?') => {
                    p += 1;
                    n += 1;
                    while name.get(n).is_some_and(|byte| byte & 0xc0 == 0x80) {
                        n += 1;
                    }
                    continue;
                }
                Some(byte) if fold(byte) == fold(&name[n]) => {
                    p += 1;
                    n += 1;
                    continue;
                }
                _ => {}
            }
            match &mut star {
                Some((after, from)) => {
                    *from += 1;
                    (p, n) = (*after, *from);
                }
                None => return false,
            }
        }
        pattern[p..].iter().all(|byte| *byte == b'*')
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern.to_owned()).matches(name, u8::to_ascii_lowercase)
    }

    #[test]
    fn wildcards_stand_for_any_number_of_characters_and_for_one() {
        for (pattern, name, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("*", "http.server.duration", true),
            ("http.*", "http.server.duration", true),
            ("http.*", "http", false),
            ("*.duration", "http.server.duration", true),
            ("*.duration", "http.server.durations", false),
            ("http.*.duration", "http.duration", false),
            ("http.*.duration", "http.client.server.duration", true),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("?", "", false),
            ("?", "é", true),
            ("??", "é", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("*?", "", false),
            ("*?c", "abc", true),
            ("HTTP.*", "http.x", true),
            ("http.x", "HTTP.X", true),
            ("a.c", "abc", false),
            ("a**b", "ab", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn a_pattern_full_of_wildcards_comes_to_an_end() {
        let pattern = "*a".repeat(50) + "*b";
        assert!(!matches(&pattern, &"a".repeat(10_000)));
    }

    #[test]
    fn all_that_is_asked_must_hold() {
        let scope = InstrumentationScope::builder("lib").with_version("1").with_schema_url("u").build();
        let bare = InstrumentationScope::builder("lib").build();
        let view = View::of("n*").for_kind(InstrumentKind::Counter).for_unit("s").for_scope("l?b");
        assert!(view.selects("n", InstrumentKind::Counter, "s", &bare));
        assert!(!view.selects("n", InstrumentKind::Counter, "S", &bare));
        assert!(!view.selects("n", InstrumentKind::Histogram, "s", &bare));
        assert!(!view.selects("m", InstrumentKind::Counter, "s", &bare));
        let view = view.for_scope_version("1");
        assert!(view.selects("n", InstrumentKind::Counter, "s", &scope));
        assert!(!view.selects("n", InstrumentKind::Counter, "s", &bare));
        let view = view.for_schema_url("other");
        assert!(!view.selects("n", InstrumentKind::Counter, "s", &scope));
        assert!(!View::all().for_scope("Lib").selects("n", InstrumentKind::Counter, "s", &bare));
        assert!(View::all().selects("n", InstrumentKind::Counter, "s", &bare));
    }
}
