//! Names of metrics and labels by a translation strategy.
//!
//! Follows "OTLP Metric points to Prometheus" of OpenTelemetry's
//! `compatibility/prometheus_and_openmetrics.md`. The strategy is applied first; the negotiated escaping scheme
//! has something left to do only where the strategy does not escape.

use std::borrow::Cow;

use crate::clean::{clean_label_chars, clean_metric_chars};
use crate::labels::LE;
use crate::naming::Naming;
use crate::unit::UnitWords;

/// What a metric is to Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FamilyKind {
    Counter,
    Gauge,
    Histogram,
}

impl FamilyKind {
    /// The label that tells the samples of a series apart.
    pub(crate) fn own_label(self) -> Option<&'static str> {
        (self == FamilyKind::Histogram).then_some(LE)
    }
}

/// A metric's name on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TranslatedName {
    /// Unit and type suffixes included: `foo_bar_bytes_total`, `dur_seconds`. Never empty.
    pub(crate) name: String,
    /// The unit's word, if it is a suffix of the name as OpenMetrics wants it: `bytes`, else empty.
    pub(crate) unit: String,
}

/// What a counter's samples end in.
pub(crate) const TOTAL: &str = "_total";

impl Naming {
    /// The name of a metric.
    pub(crate) fn metric(self, name: &str, unit: &str, kind: FamilyKind, ratio: bool) -> TranslatedName {
        translate(name, unit, kind, self, ratio)
    }

    /// The name of a label: not empty, not the server's own, and legal unless UTF-8 is allowed.
    pub(crate) fn label(self, key: &str) -> Cow<'_, str> {
        match self.strategy.escapes() {
            true => label_name(key),
            false => self.scheme.label(key),
        }
    }
}

/// Translates an instrument's name and unit.
///
/// Where the strategy escapes, characters outside `[a-zA-Z0-9_:]` become `_`, and runs of `_` one; an initial
/// digit gets a `_` before it. Where it has suffixes, the unit's words are appended unless the name already
/// ends with them, then `_total` on a counter that does not end with it; with `ratio` set, a gauge of unit `1`
/// ends with `_ratio`. What is illegal then is escaped by the scheme.
fn translate(name: &str, unit: &str, kind: FamilyKind, naming: Naming, ratio: bool) -> TranslatedName {
    let clean = match naming.strategy.escapes() {
        true => clean_metric_chars(name),
        false => Cow::Borrowed(name),
    };
    let words = UnitWords::of(unit);
    let ratio = ratio && unit == "1";
    let mut base = match naming.strategy.has_suffixes() {
        true => with_suffixes(&clean, &words, kind, ratio),
        false => clean.into_owned(),
    };
    let has_digit = base.starts_with(|initial: char| initial.is_ascii_digit());
    if base.is_empty() || (has_digit && naming.strategy.escapes()) {
        base.insert(0, '_');
    }
    if kind == FamilyKind::Counter && naming.strategy.has_suffixes() {
        match &*base {
            // Something must be left before `_total`.
            "_" => base.push_str(TOTAL),
            _ => push_word(&mut base, &TOTAL[1..]),
        }
    }
    let name = naming.scheme.metric(&base).into_owned();
    // OpenMetrics and the servers that read it insist on the underscore before the unit.
    let stem = match kind {
        FamilyKind::Counter => name.strip_suffix(TOTAL).unwrap_or(&name),
        FamilyKind::Gauge | FamilyKind::Histogram => &name,
    };
    let joined = words.joined();
    let before = stem.strip_suffix(&*joined).and_then(|before| before.strip_suffix('_'));
    let is_suffix = !joined.is_empty() && before.is_some_and(|before| !before.is_empty());
    let unit = if is_suffix { joined.into_owned() } else { String::new() };
    TranslatedName { name, unit }
}

/// The name with the unit's words, and of a counter without `_total`, before which they go.
fn with_suffixes(name: &str, words: &UnitWords, kind: FamilyKind, ratio: bool) -> String {
    let mut base = match kind {
        FamilyKind::Counter => without_total(name).to_owned(),
        FamilyKind::Gauge | FamilyKind::Histogram => name.to_owned(),
    };
    if !ends_with_word(&base, &words.joined()) {
        if !ends_with_word(&base, &words.main) {
            push_word(&mut base, &words.main);
        }
        push_word(&mut base, &words.per);
    }
    if ratio && kind == FamilyKind::Gauge && !ends_with_word(&base, "ratio") {
        push_word(&mut base, "ratio");
    }
    base
}

/// The name without a last word `total`, and without what is between that and the word before.
fn without_total(name: &str) -> &str {
    let Some(before) = name.strip_suffix(&TOTAL[1..]) else { return name };
    let mut chars = before.chars();
    match chars.next_back() {
        Some(between) if is_between_words(between) => chars.as_str(),
        _ => name,
    }
}

/// Whether a character ends one word and begins the next: an underscore, or what a strategy that leaves names
/// as they are has in its place (`foo.seconds` ends with the word `seconds`).
fn is_between_words(c: char) -> bool {
    c.is_ascii() && !c.is_ascii_alphanumeric() && c != ':'
}

/// Whether `name` is `word` or ends with `_word`. Nothing ends with the empty word but everything.
fn ends_with_word(name: &str, word: &str) -> bool {
    match name.strip_suffix(word) {
        Some(before) => word.is_empty() || before.is_empty() || before.ends_with(is_between_words),
        None => false,
    }
}

/// Appends a word after one underscore; nothing for the empty word.
fn push_word(name: &mut String, word: &str) {
    if word.is_empty() {
        return;
    }
    if !name.is_empty() && !name.ends_with('_') {
        name.push('_');
    }
    name.push_str(word);
}

/// Translates an attribute's key to a label's name where the strategy escapes: `[a-zA-Z_][a-zA-Z0-9_]*`.
///
/// An initial digit gets `key_` before it. Runs of `_` become one, so that no label can begin with the
/// two underscores that Prometheus keeps for itself. The empty key becomes `_`.
fn label_name(key: &str) -> Cow<'_, str> {
    let clean = clean_label_chars(key);
    match clean.as_bytes().first() {
        None => Cow::Borrowed("_"),
        Some(b'0'..=b'9') => Cow::Owned(format!("key_{clean}")),
        Some(_) => clean,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::FamilyKind::{Counter, Gauge, Histogram};
    use super::*;
    use crate::{EscapingScheme, TranslationStrategy};

    const DEFAULT: Naming = Naming {
        strategy: TranslationStrategy::UnderscoreEscapingWithSuffixes,
        scheme: EscapingScheme::Underscores,
    };

    fn name(name: &str, unit: &str, kind: FamilyKind) -> String {
        translate(name, unit, kind, DEFAULT, false).name
    }

    #[test]
    fn the_default_strategy_escapes_and_adds_unit_and_type() {
        assert_eq!(name("foo.bar", "By", Counter), "foo_bar_bytes_total");
        assert_eq!(
            name("http.server.request.duration", "s", Histogram),
            "http_server_request_duration_seconds"
        );
        assert_eq!(name("order.created.total", "{order}", Counter), "order_created_total");
        assert_eq!(name("queue.depth", "{message}", Gauge), "queue_depth");
    }

    #[test]
    fn each_strategy_and_scheme_has_its_names() {
        use EscapingScheme::{AllowUtf8, Dots, Underscores, Values};
        use TranslationStrategy::*;
        for (strategy, scheme, counter, gauge) in [
            (UnderscoreEscapingWithSuffixes, Underscores, "foo_bar_bytes_total", "foo_bar_bytes"),
            (UnderscoreEscapingWithSuffixes, AllowUtf8, "foo_bar_bytes_total", "foo_bar_bytes"),
            (UnderscoreEscapingWithoutSuffixes, Underscores, "foo_bar", "foo_bar"),
            (UnderscoreEscapingWithoutSuffixes, Dots, "foo_bar", "foo_bar"),
            (NoUtf8EscapingWithSuffixes, Underscores, "foo_bar_bytes_total", "foo_bar_bytes"),
            (NoUtf8EscapingWithSuffixes, AllowUtf8, "foo.bar_bytes_total", "foo.bar_bytes"),
            (NoUtf8EscapingWithSuffixes, Dots, "foo_dot_bar__bytes__total", "foo_dot_bar__bytes"),
            (NoUtf8EscapingWithSuffixes, Values, "U__foo_2e_bar__bytes__total", "U__foo_2e_bar__bytes"),
            (NoTranslation, Underscores, "foo_bar", "foo_bar"),
            (NoTranslation, AllowUtf8, "foo.bar", "foo.bar"),
            (NoTranslation, Dots, "foo_dot_bar", "foo_dot_bar"),
            (NoTranslation, Values, "U__foo_2e_bar", "U__foo_2e_bar"),
        ] {
            let naming = Naming::new(strategy, scheme);
            assert_eq!(naming.metric("foo.bar", "By", Counter, false).name, counter, "{naming:?}");
            assert_eq!(naming.metric("foo.bar", "By", Gauge, false).name, gauge, "{naming:?}");
        }
    }

    #[test]
    fn a_dot_is_between_words_where_names_stay_as_they_are() {
        let naming = Naming::new(TranslationStrategy::NoUtf8EscapingWithSuffixes, EscapingScheme::AllowUtf8);
        let translated = |name, unit, kind| naming.metric(name, unit, kind, false);
        assert_eq!(translated("req.total", "", Counter).name, "req_total");
        assert_eq!(translated("req.total", "By", Counter).name, "req_bytes_total");
        assert_eq!(translated("dur.seconds", "s", Histogram).name, "dur.seconds");
        // Servers want an underscore before the unit of the comment.
        assert_eq!(translated("dur.seconds", "s", Histogram).unit, "");
        assert_eq!(translated("dur", "s", Histogram).unit, "seconds");
        assert_eq!(translated("", "", Counter).name, "__total");
        assert_eq!(translated("日本", "By", Gauge).name, "日本_bytes");
        assert_eq!(translated("1st", "", Gauge).name, "1st");
    }

    #[test]
    fn no_translation_adds_nothing() {
        let naming = Naming::new(TranslationStrategy::NoTranslation, EscapingScheme::AllowUtf8);
        assert_eq!(naming.metric("a  b_seconds", "s", Counter, true).name, "a  b_seconds");
        assert_eq!(naming.metric("a  b_seconds", "s", Counter, true).unit, "seconds");
        assert_eq!(naming.metric("utilization", "1", Gauge, true).name, "utilization");
        assert_eq!(naming.metric("", "", Counter, true).name, "_");
    }

    #[test]
    fn total_is_on_counters_only_and_never_twice() {
        assert_eq!(name("req_total", "", Counter), "req_total");
        assert_eq!(name("req.total", "", Counter), "req_total");
        assert_eq!(name("req", "", Counter), "req_total");
        assert_eq!(name("req", "", Gauge), "req");
        assert_eq!(name("req_total", "", Gauge), "req_total");
        assert_eq!(name("subtotal", "", Counter), "subtotal_total");
        // OpenMetrics wants something before `_total`, and `total` does not end in `_total`.
        assert_eq!(name("total", "", Counter), "total_total");
    }

    #[test]
    fn the_unit_goes_before_total() {
        assert_eq!(name("req_total", "By", Counter), "req_bytes_total");
        assert_eq!(name("dur_seconds", "s", Counter), "dur_seconds_total");
        assert_eq!(name("dur_seconds_total", "s", Counter), "dur_seconds_total");
        assert_eq!(name("req_total", "By", Gauge), "req_total_bytes");
    }

    #[test]
    fn the_unit_is_added_unless_the_name_ends_with_it() {
        assert_eq!(name("dur_seconds", "s", Histogram), "dur_seconds");
        assert_eq!(name("dur.seconds", "s", Histogram), "dur_seconds");
        assert_eq!(name("dur_seconds_max", "s", Gauge), "dur_seconds_max_seconds");
        // Ends with the letters of the word, but not with the word.
        assert_eq!(name("dur_milliseconds", "s", Gauge), "dur_milliseconds_seconds");
        assert_eq!(name("seconds", "s", Gauge), "seconds");
        assert_eq!(name("speed", "m/s", Gauge), "speed_meters_per_second");
        assert_eq!(name("speed_meters_per_second", "m/s", Gauge), "speed_meters_per_second");
        assert_eq!(name("speed_meters", "m/s", Gauge), "speed_meters_per_second");
        assert_eq!(name("requests", "{request}/s", Gauge), "requests_per_second");
    }

    #[test]
    fn the_unit_comment_is_the_suffix_that_the_name_has() {
        let unit = |name, unit, kind| translate(name, unit, kind, DEFAULT, false).unit;
        assert_eq!(unit("foo.bar", "By", Counter), "bytes");
        assert_eq!(unit("dur_seconds", "s", Histogram), "seconds");
        assert_eq!(unit("speed", "m/s", Gauge), "meters_per_second");
        assert_eq!(unit("req", "{request}", Counter), "");
        assert_eq!(unit("req", "1", Counter), "");
        // Servers want `_seconds`, so that a name which is the unit has no comment.
        assert_eq!(unit("seconds", "s", Gauge), "");
    }

    #[test]
    fn the_unit_one_adds_a_ratio_to_gauges_only_where_asked() {
        assert_eq!(name("utilization", "1", Gauge), "utilization");
        assert_eq!(name("hits", "1", Counter), "hits_total");
        assert_eq!(translate("utilization", "1", Gauge, DEFAULT, true).name, "utilization_ratio");
        assert_eq!(translate("cache.ratio", "1", Gauge, DEFAULT, true).name, "cache_ratio");
        assert_eq!(translate("hits", "1", Counter, DEFAULT, true).name, "hits_total");
        assert_eq!(translate("size", "By", Gauge, DEFAULT, true).name, "size_bytes");
    }

    #[test]
    fn runs_of_illegal_characters_and_underscores_collapse() {
        assert_eq!(name("a..b--c__d", "", Gauge), "a_b_c_d");
        assert_eq!(name("größe", "", Gauge), "gr_e");
        assert_eq!(name("a:b", "", Gauge), "a:b");
        assert_eq!(name("foo_", "By", Gauge), "foo_bytes");
        assert_eq!(name("_foo", "", Gauge), "_foo");
        assert_eq!(label_name("a..b:c"), "a_b_c");
        assert_eq!(label_name("__name__"), "_name_");
    }

    #[test]
    fn an_initial_digit_is_prefixed() {
        assert_eq!(name("1st", "", Gauge), "_1st");
        assert_eq!(name("", "10*3", Gauge), "_10_3");
        assert_eq!(label_name("0x="), "key_0x_");
        assert_eq!(label_name("a:b="), "a_b_");
    }

    #[test]
    fn an_empty_or_wholly_illegal_name_is_an_underscore() {
        assert_eq!(name("", "", Gauge), "_");
        assert_eq!(name("日本", "", Gauge), "_");
        assert_eq!(label_name(""), "_");
        assert_eq!(label_name("日本"), "_");
        // OpenMetrics wants something before `_total`.
        assert_eq!(name("", "", Counter), "__total");
        assert_eq!(name("_total", "", Counter), "__total");
    }

    fn is_legal(name: &str, colon: bool) -> bool {
        !name.is_empty()
            && !name.starts_with(|initial: char| initial.is_ascii_digit())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || (colon && c == ':'))
    }

    proptest! {
        #[test]
        fn whatever_comes_in_a_legal_name_comes_out(input in "\\PC{0,24}|[a-c_.0-9:]{0,12}", unit in "\\PC{0,8}|[{}/a-z1]{0,6}") {
            for kind in [Counter, Gauge, Histogram] {
                let translated = translate(&input, &unit, kind, DEFAULT, true);
                prop_assert!(is_legal(&translated.name, true), "{:?}", translated);
                prop_assert!(!translated.name.contains("__") || translated.name == "__total", "{:?}", translated);
                let base = match kind {
                    Counter => {
                        let base = translated.name.strip_suffix(TOTAL).unwrap_or_default();
                        prop_assert!(!base.is_empty(), "{:?}", translated);
                        base
                    }
                    Gauge | Histogram => &translated.name,
                };
                if !translated.unit.is_empty() {
                    let suffix = format!("_{}", translated.unit);
                    prop_assert!(base.ends_with(&suffix) || base.ends_with("_ratio"), "{:?}", translated);
                }
            }
            let label = label_name(&input);
            prop_assert!(is_legal(&label, false) && !label.contains("__"), "{}", label);
        }

        #[test]
        fn a_legal_name_without_unit_is_left_alone(input in "[a-z:]([a-z0-9:]_?){0,10}") {
            prop_assert_eq!(&*translate(&input, "", Gauge, DEFAULT, false).name, &*input);
        }
    }
}
