//! The labels of a series: attributes and scope as text.
//!
//! Follows "Metric Attributes" and "Instrumentation Scope" of OpenTelemetry's
//! `compatibility/prometheus_and_openmetrics.md`. Keys that are one label's name after translation have
//! their values joined by `;`, in the order of the keys as they were written. Labels are joined *after*
//! translation, whatever they come from, so that no label is ever on a line twice.

use std::borrow::Cow;

use opentelemetry::{InstrumentationScope, Key, Value};
use tachograph_sdk::Resource;

use crate::escape::{write_label_name, write_label_value};
use crate::format::Encoding;
use crate::naming::Naming;
use crate::value::write_value;
use crate::wire::{write_bytes, write_message};

/// What the labels that name the scope begin with.
pub(crate) const SCOPE_PREFIX: &str = "otel_scope_";

const SCOPE_NAME: &str = "otel_scope_name";
const SCOPE_VERSION: &str = "otel_scope_version";
const SCOPE_SCHEMA_URL: &str = "otel_scope_schema_url";

/// By this label the buckets of a histogram are told apart.
pub(crate) const LE: &str = "le";

/// By this one the quantiles of a summary.
pub(crate) const QUANTILE: &str = "quantile";

/// What is put before the name of an attribute whose label would be one of the format's own: what a Prometheus server
/// does with a label that collides with one of its.
const EXPORTED: &str = "exported_";

/// An attribute on its way to a page.
#[derive(Clone, Debug)]
pub(crate) struct Label<'a> {
    /// The label's name, translated.
    pub(crate) name: Cow<'a, str>,
    /// The attribute's key as it was written.
    pub(crate) key: Cow<'a, str>,
    pub(crate) value: LabelValue<'a>,
}

#[derive(Clone, Debug)]
pub(crate) enum LabelValue<'a> {
    Attribute(&'a Value),
    Text(&'a str),
}

/// A label that all series of a metric have: its scope's, or the resource's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScopeLabel {
    name: String,
    key: String,
    value: String,
}

/// The labels of a scope: name, version and schema URL where they are not empty, and its attributes.
///
/// An attribute whose label would be one of the first three is dropped; of attributes with equal keys
/// the last counts.
pub(crate) fn scope_labels(scope: &InstrumentationScope, naming: Naming) -> Vec<ScopeLabel> {
    let fixed = [
        (SCOPE_NAME, scope.name()),
        (SCOPE_VERSION, scope.version().unwrap_or_default()),
        (SCOPE_SCHEMA_URL, scope.schema_url().unwrap_or_default()),
    ];
    let mut labels: Vec<ScopeLabel> = fixed
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| ScopeLabel { name: name.into(), key: name.into(), value: value.into() })
        .collect();
    for attribute in scope.attributes() {
        let key = format!("{SCOPE_PREFIX}{}", attribute.key);
        let name = naming.label(&key).into_owned();
        if [SCOPE_NAME, SCOPE_VERSION, SCOPE_SCHEMA_URL].contains(&name.as_str()) {
            continue;
        }
        labels.retain(|label| label.key != key);
        labels.push(ScopeLabel { name, key, value: text_of(&attribute.value) });
    }
    labels
}

/// The labels of those of a resource's attributes that are on every series.
pub(crate) fn resource_labels(resource: &Resource, keys: &[String], naming: Naming) -> Vec<ScopeLabel> {
    let wanted =
        resource.attributes().iter().filter(|(key, _)| keys.iter().any(|wanted| wanted == key.as_str()));
    wanted
        .map(|(key, value)| ScopeLabel {
            name: naming.label(key.as_str()).into_owned(),
            key: key.as_str().to_owned(),
            value: text_of(value),
        })
        .collect()
}

/// A value as text, not yet escaped for a page.
pub(crate) fn text_of(value: &Value) -> String {
    let mut text = Vec::new();
    write_value(&mut text, value);
    String::from_utf8_lossy(&text).into_owned()
}

/// The labels of a series, in no order yet.
pub(crate) fn series_labels<'a>(
    attributes: impl Iterator<Item = (&'a Key, &'a Value)>,
    scope: &'a [ScopeLabel],
    naming: Naming,
) -> Vec<Label<'a>> {
    let own = attributes.map(|(key, value)| Label {
        name: naming.label(key.as_str()),
        key: Cow::Borrowed(key.as_str()),
        value: LabelValue::Attribute(value),
    });
    let scope = scope.iter().map(|label| Label {
        name: Cow::Borrowed(&*label.name),
        key: Cow::Borrowed(&*label.key),
        value: LabelValue::Text(&label.value),
    });
    own.chain(scope).collect()
}

/// Has labels give way that are named as the one that the family's samples have of their own: no sample has a label twice. Says
/// whether there were any.
pub(crate) fn give_way(labels: &mut [Label<'_>], to: Option<&str>) -> bool {
    let mut any = false;
    for label in labels.iter_mut().filter(|label| Some(&*label.name) == to) {
        label.name = Cow::Owned(format!("{EXPORTED}{}", label.name));
        any = true;
    }
    any
}

/// What is said of a metric whose labels give way.
pub(crate) fn gives_way(label: &str) -> String {
    format!(
        "has an attribute whose label would be {label:?}, which the samples of its kind have of their own; on the page it is \
         \"{EXPORTED}{label}\": name the attribute otherwise"
    )
}

/// Appends labels as `a="b",c="d"`, without braces, or as messages `LabelPair`: sorted by name, so that equal
/// sets are equal texts.
///
/// A label without a value is the same as no label to every reader of these formats, and is left out:
/// `{a=""}` and `{}` would be one series twice.
pub(crate) fn write_labels(
    out: &mut Vec<u8>,
    labels: &mut [Label<'_>],
    scratch: &mut Vec<u8>,
    encoding: Encoding,
) {
    labels.sort_by(|a, b| (&a.name, &a.key).cmp(&(&b.name, &b.key)));
    let start = out.len();
    for joined in labels.chunk_by(|a, b| a.name == b.name) {
        scratch.clear();
        for (at, label) in joined.iter().enumerate() {
            if at > 0 {
                scratch.push(b';');
            }
            match label.value {
                LabelValue::Attribute(value) => write_value(scratch, value),
                LabelValue::Text(text) => scratch.extend_from_slice(text.as_bytes()),
            }
        }
        if scratch.is_empty() {
            continue;
        }
        let name = joined[0].name.as_bytes();
        if encoding == Encoding::Protobuf {
            write_pair(out, name, scratch);
            continue;
        }
        if out.len() > start {
            out.push(b',');
        }
        write_label_name(out, &joined[0].name);
        out.extend_from_slice(b"=\"");
        write_label_value(out, scratch);
        out.push(b'"');
    }
}

/// Appends a `LabelPair` as a field of a `Metric` or an `Exemplar`: it is the first of both.
pub(crate) fn write_pair(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    write_message(out, 1, |out| {
        write_bytes(out, 1, name);
        write_bytes(out, 2, value);
    });
}

#[cfg(test)]
mod tests {
    use opentelemetry::KeyValue;

    use super::*;
    use crate::{EscapingScheme, TranslationStrategy};

    const DEFAULT: Naming = Naming {
        strategy: TranslationStrategy::UnderscoreEscapingWithSuffixes,
        scheme: EscapingScheme::Underscores,
    };

    fn named(attributes: &[KeyValue], scope: &[ScopeLabel], naming: Naming, of_histogram: bool) -> String {
        let pairs = attributes.iter().map(|pair| (&pair.key, &pair.value));
        let mut labels = series_labels(pairs, scope, naming);
        give_way(&mut labels, of_histogram.then_some(LE));
        let mut out = Vec::new();
        write_labels(&mut out, &mut labels, &mut Vec::new(), Encoding::Text);
        String::from_utf8(out).unwrap()
    }

    fn text(attributes: &[KeyValue], scope: &[ScopeLabel], of_histogram: bool) -> String {
        named(attributes, scope, DEFAULT, of_histogram)
    }

    #[test]
    fn labels_collide_after_escaping_by_the_scheme_and_not_before() {
        let pairs = [KeyValue::new("a.b", "1"), KeyValue::new("a_b", "2"), KeyValue::new("a-b", "3")];
        for (scheme, expected) in [
            (EscapingScheme::AllowUtf8, r#""a-b"="3","a.b"="1",a_b="2""#),
            (EscapingScheme::Underscores, r#"a_b="3;1;2""#),
            (EscapingScheme::Dots, r#"a__b="3",a_b="2",a_dot_b="1""#),
            (EscapingScheme::Values, r#"U__a_2d_b="3",U__a_2e_b="1",a_b="2""#),
        ] {
            let naming = Naming::new(TranslationStrategy::NoTranslation, scheme);
            assert_eq!(named(&pairs, &[], naming, false), expected);
        }
    }

    fn attributes(attributes: &[KeyValue]) -> String {
        text(attributes, &[], false)
    }

    #[test]
    fn labels_are_sorted_and_escaped() {
        let pairs =
            [KeyValue::new("region", "eu\n"), KeyValue::new("channel", "w\"e\\b"), KeyValue::new("n", 3)];
        assert_eq!(attributes(&pairs), r#"channel="w\"e\\b",n="3",region="eu\n""#);
        assert_eq!(attributes(&[]), "");
    }

    #[test]
    fn keys_that_collide_after_escaping_are_joined_in_the_order_of_the_keys() {
        let pairs = [
            KeyValue::new("a_b", "3"),
            KeyValue::new("a.b", "2"),
            KeyValue::new("a-b", "1"),
            KeyValue::new("a__b", 4),
        ];
        assert_eq!(attributes(&pairs), r#"a_b="1;2;4;3""#);
        let pairs = [KeyValue::new("0x", "a"), KeyValue::new("key_0x", "b")];
        assert_eq!(attributes(&pairs), r#"key_0x="a;b""#);
    }

    #[test]
    fn a_label_without_a_value_is_left_out() {
        assert_eq!(attributes(&[KeyValue::new("a", ""), KeyValue::new("b", "x")]), r#"b="x""#);
        assert_eq!(attributes(&[KeyValue::new("a.b", ""), KeyValue::new("a_b", "x")]), r#"a_b=";x""#);
    }

    #[test]
    fn the_overflow_attribute_is_an_ordinary_label() {
        assert_eq!(
            attributes(&[KeyValue::new("otel.metric.overflow", true)]),
            r#"otel_metric_overflow="true""#
        );
    }

    #[test]
    fn an_attribute_le_does_not_break_a_histogram() {
        let pairs = [KeyValue::new("le", "x")];
        assert_eq!(text(&pairs, &[], true), r#"exported_le="x""#);
        assert_eq!(text(&pairs, &[], false), r#"le="x""#);
        let pairs = [KeyValue::new("le", "x"), KeyValue::new("exported.le", "y")];
        assert_eq!(text(&pairs, &[], true), r#"exported_le="y;x""#);
    }

    #[test]
    fn scope_labels_are_added_where_they_are_not_empty() {
        let scope = InstrumentationScope::builder("my.lib")
            .with_version("1.2")
            .with_schema_url("https://example.com/schema")
            .with_attributes([KeyValue::new("team.id", 7), KeyValue::new("empty", "")])
            .build();
        assert_eq!(
            text(&[KeyValue::new("a", "b")], &scope_labels(&scope, DEFAULT), false),
            "a=\"b\",otel_scope_name=\"my.lib\",otel_scope_schema_url=\"https://example.com/schema\",\
             otel_scope_team_id=\"7\",otel_scope_version=\"1.2\""
        );
        let bare = InstrumentationScope::builder("").build();
        assert_eq!(scope_labels(&bare, DEFAULT), []);
    }

    #[test]
    fn a_scope_attribute_that_collides_with_the_scope_is_dropped() {
        let scope = InstrumentationScope::builder("lib")
            .with_attributes([
                KeyValue::new("name", "x"),
                KeyValue::new("version", "x"),
                KeyValue::new("schema.url", "x"),
                KeyValue::new("a.b", 1),
                KeyValue::new("a_b", 2),
                KeyValue::new("a_b", 3),
            ])
            .build();
        assert_eq!(
            text(&[], &scope_labels(&scope, DEFAULT), false),
            r#"otel_scope_a_b="1;3",otel_scope_name="lib""#
        );
    }

    #[test]
    fn an_attribute_that_collides_with_a_scope_label_is_joined_with_it() {
        let scope = scope_labels(&InstrumentationScope::builder("lib").build(), DEFAULT);
        let pairs = [KeyValue::new("otel.scope.name", "mine")];
        // `otel.scope.name` is before `otel_scope_name`.
        assert_eq!(text(&pairs, &scope, false), r#"otel_scope_name="mine;lib""#);
        let pairs = [KeyValue::new("otel_scope_version", "9")];
        assert_eq!(text(&pairs, &scope, false), r#"otel_scope_name="lib",otel_scope_version="9""#);
    }
}
