//! Names of metrics and labels by the translation strategy `UnderscoreEscapingWithSuffixes`.
//!
//! Follows "OTLP Metric points to Prometheus" of OpenTelemetry's
//! `compatibility/prometheus_and_openmetrics.md`. The strategy is applied here, before anything is
//! negotiated; what it makes is legal in the classic grammar, so that the negotiated escaping scheme
//! `underscores` finds nothing left to escape. Another strategy would be another function beside
//! [`translate`], another scheme a pass over its result.

use std::borrow::Cow;

use crate::clean::{clean_label_chars, clean_metric_chars};
use crate::unit::UnitWords;

/// What a metric is to Prometheus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum FamilyKind {
    Counter,
    Gauge,
    Histogram,
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

/// Translates an instrument's name and unit.
///
/// Characters outside `[a-zA-Z0-9_:]` become `_`, and runs of `_` one; an initial digit gets a `_`
/// before it. The unit's words are appended unless the name already ends with them, then `_total` on a
/// counter that does not end with it. With `ratio` set, a gauge of unit `1` ends with `_ratio`.
pub(crate) fn translate(name: &str, unit: &str, kind: FamilyKind, ratio: bool) -> TranslatedName {
    let clean = clean_metric_chars(name);
    let mut base = match kind {
        // The unit goes before `_total`.
        FamilyKind::Counter => clean.strip_suffix(TOTAL).unwrap_or(&clean).to_owned(),
        FamilyKind::Gauge | FamilyKind::Histogram => clean.into_owned(),
    };
    let words = UnitWords::of(unit);
    let joined = words.joined();
    if !ends_with_word(&base, &joined) {
        if !ends_with_word(&base, &words.main) {
            push_word(&mut base, &words.main);
        }
        push_word(&mut base, &words.per);
    }
    if ratio && kind == FamilyKind::Gauge && unit == "1" && !ends_with_word(&base, "ratio") {
        push_word(&mut base, "ratio");
    }
    // OpenMetrics and the servers that read it insist on the underscore before the unit.
    let suffix_len = joined.len() + 1;
    let is_suffix = !joined.is_empty() && base.len() > suffix_len && ends_with_word(&base, &joined);
    let unit = if is_suffix { joined.into_owned() } else { String::new() };
    if base.is_empty() || base.starts_with(|initial: char| initial.is_ascii_digit()) {
        base.insert(0, '_');
    }
    match kind {
        // Something must be left before `_total`.
        FamilyKind::Counter if base == "_" => base.push_str(TOTAL),
        FamilyKind::Counter => push_word(&mut base, &TOTAL[1..]),
        FamilyKind::Gauge | FamilyKind::Histogram => {}
    }
    TranslatedName { name: base, unit }
}

/// Whether `name` is `word` or ends with `_word`. Nothing ends with the empty word but everything.
fn ends_with_word(name: &str, word: &str) -> bool {
    match name.strip_suffix(word) {
        Some(before) => word.is_empty() || before.is_empty() || before.ends_with('_'),
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

/// Translates an attribute's key to a label's name: `[a-zA-Z_][a-zA-Z0-9_]*`.
///
/// An initial digit gets `key_` before it. Runs of `_` become one, so that no label can begin with the
/// two underscores that Prometheus keeps for itself. The empty key becomes `_`.
pub(crate) fn label_name(key: &str) -> Cow<'_, str> {
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

    fn name(name: &str, unit: &str, kind: FamilyKind) -> String {
        translate(name, unit, kind, false).name
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
        let unit = |name, unit, kind| translate(name, unit, kind, false).unit;
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
        assert_eq!(translate("utilization", "1", Gauge, true).name, "utilization_ratio");
        assert_eq!(translate("cache.ratio", "1", Gauge, true).name, "cache_ratio");
        assert_eq!(translate("hits", "1", Counter, true).name, "hits_total");
        assert_eq!(translate("size", "By", Gauge, true).name, "size_bytes");
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
                let translated = translate(&input, &unit, kind, true);
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
            prop_assert_eq!(&*translate(&input, "", Gauge, false).name, &*input);
        }
    }
}
