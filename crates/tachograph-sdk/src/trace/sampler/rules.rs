use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry::Value;
use opentelemetry::trace::SpanKind;

use super::{Sampler, Sampling, SamplingInput};
use crate::attributes::ValueRef;

/// Samplers by rule: the first rule that a span matches says which sampler is asked; one that matches none goes to
/// the default.
///
/// ```
/// use tachograph_sdk::trace::{AlwaysOff, ParentBased, Rule, Rules, TraceIdRatio};
///
/// let sampler = ParentBased::new(
///     Rules::new(TraceIdRatio::new(0.1))
///         .with_rule(Rule::new(AlwaysOff).for_attribute("url.path", "/health"))
///         .with_rule(Rule::new(TraceIdRatio::new(1.0)).for_name("pay*")),
/// );
/// # let _ = sampler;
/// ```
#[derive(Clone, Debug)]
pub struct Rules {
    rules: Vec<Rule>,
    default: Arc<dyn Sampler>,
}

impl Rules {
    /// No rules yet, and the sampler of spans that match none.
    pub fn new(default: impl Sampler) -> Self {
        Rules { rules: Vec::new(), default: Arc::new(default) }
    }

    /// Adds a rule, after those there are.
    #[must_use]
    pub fn with_rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    fn samplers(&self) -> impl Iterator<Item = &Arc<dyn Sampler>> {
        self.rules.iter().map(|rule| &rule.sampler).chain([&self.default])
    }
}

impl Sampler for Rules {
    fn sample(&self, span: &SamplingInput<'_>) -> Sampling {
        let rule = self.rules.iter().find(|rule| rule.matches(span));
        rule.map_or(&self.default, |rule| &rule.sampler).sample(span)
    }

    fn follows_unsampled_parent(&self) -> bool {
        self.samplers().all(|sampler| sampler.follows_unsampled_parent())
    }

    fn follows_sampled_parent(&self) -> bool {
        self.samplers().all(|sampler| sampler.follows_sampled_parent())
    }
}

/// Which spans a sampler is asked about: those that meet all conditions. Without conditions it is all of them.
#[derive(Clone, Debug)]
pub struct Rule {
    name: Option<Cow<'static, str>>,
    kind: Option<SpanKind>,
    attributes: Vec<(Cow<'static, str>, Option<Value>)>,
    sampler: Arc<dyn Sampler>,
}

impl Rule {
    /// A rule without conditions.
    pub fn new(sampler: impl Sampler) -> Self {
        Rule { name: None, kind: None, attributes: Vec::new(), sampler: Arc::new(sampler) }
    }

    /// Spans of this name, as they start; `*` stands for any characters, none too.
    #[must_use]
    pub fn for_name(mut self, pattern: impl Into<Cow<'static, str>>) -> Self {
        self.name = Some(pattern.into());
        self
    }

    /// Spans of this kind.
    #[must_use]
    pub fn for_kind(mut self, kind: SpanKind) -> Self {
        self.kind = Some(kind);
        self
    }

    /// Spans that start with an attribute of this value.
    #[must_use]
    pub fn for_attribute(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.attributes.push((key.into(), Some(value.into())));
        self
    }

    /// Spans that start with an attribute of this key, whatever its value.
    #[must_use]
    pub fn for_key(mut self, key: impl Into<Cow<'static, str>>) -> Self {
        self.attributes.push((key.into(), None));
        self
    }

    fn matches(&self, span: &SamplingInput<'_>) -> bool {
        self.kind.as_ref().is_none_or(|kind| kind == span.kind)
            && self.name.as_ref().is_none_or(|pattern| matches_pattern(pattern, span.name))
            && self.attributes.iter().all(|(key, value)| has(span, key, value.as_ref()))
    }
}

/// Whether a span starts with an attribute; of equal keys the last counts.
fn has(span: &SamplingInput<'_>, key: &str, wanted: Option<&Value>) -> bool {
    let mut found = false;
    span.attributes.visit(&mut |known, value| {
        if known == key {
            found = wanted.is_none_or(|wanted| ValueRef::from(wanted) == value);
        }
    });
    found
}

/// Whether a text matches a pattern in which `*` stands for anything: linear in both, without recursion.
fn matches_pattern(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return text.ends_with(part);
        }
        match text.split_once(part) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_anything_between_what_is_literal() {
        for (pattern, text, expected) in [
            ("get", "get", true),
            ("get", "gets", false),
            ("get*", "get", true),
            ("get*", "get /a", true),
            ("*", "", true),
            ("*a", "banana", true),
            ("*a", "bananas", false),
            ("b*n*a", "banana", true),
            ("b*n*x*a", "banana", false),
            ("a*a", "a", false),
            ("*ana*ana*", "banana", false),
            ("**", "x", true),
        ] {
            assert_eq!(matches_pattern(pattern, text), expected, "{pattern} {text}");
        }
    }
}
