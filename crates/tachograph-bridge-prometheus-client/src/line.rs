//! One line of OpenMetrics text.

use opentelemetry::KeyValue;
use tachograph_sdk::AttributeSet;
use tachograph_sdk::metrics::{NumberValue, ProducedExemplar};

/// What a line says.
#[derive(Debug, PartialEq)]
pub(crate) enum Line<'a> {
    Type(&'a str, &'a str),
    Unit(&'a str, &'a str),
    Help(&'a str, String),
    Sample(Sample<'a>),
    Eof,
}

/// A sample.
#[derive(Debug, PartialEq)]
pub(crate) struct Sample<'a> {
    pub(crate) name: &'a str,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: NumberValue,
    pub(crate) unix_nanos: Option<u64>,
    pub(crate) exemplar: Option<ProducedExemplar>,
}

impl<'a> Line<'a> {
    /// Reads a line; `None` if it is none of the format's.
    pub(crate) fn read(line: &'a str) -> Option<Self> {
        let Some(comment) = line.strip_prefix("# ") else {
            return Sample::read(line).map(Line::Sample);
        };
        if comment == "EOF" {
            return Some(Line::Eof);
        }
        let (keyword, rest) = comment.split_once(' ')?;
        // A comment may be empty, and then be written without the space before it.
        let (name, text) = rest.split_once(' ').unwrap_or((rest, ""));
        match keyword {
            "TYPE" => Some(Line::Type(name, text)),
            "UNIT" => Some(Line::Unit(name, text)),
            "HELP" => Some(Line::Help(name, unescape(text))),
            _ => None,
        }
    }
}

impl<'a> Sample<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let end = line.find(['{', ' '])?;
        let (name, mut rest) = line.split_at(end);
        let mut labels = Vec::new();
        if let Some(inside) = rest.strip_prefix('{') {
            (labels, rest) = read_labels(inside)?;
        }
        let rest = rest.strip_prefix(' ')?;
        let (numbers, exemplar) = match rest.split_once(" # ") {
            Some((numbers, exemplar)) => (numbers, Some(read_exemplar(exemplar)?)),
            None => (rest, None),
        };
        let mut numbers = numbers.split(' ');
        let value = number(numbers.next()?)?;
        let unix_nanos = match numbers.next() {
            Some(seconds) => Some(nanos(seconds)?),
            None => None,
        };
        if name.is_empty() || numbers.next().is_some() {
            return None;
        }
        Some(Sample { name, labels, value, unix_nanos, exemplar })
    }
}

/// Reads the labels behind a `{`, and gives what stands behind the `}`.
fn read_labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        // A comma at the end of a list is harmless, and so are two; what matters is where it ends.
        rest = rest.trim_start_matches(',');
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        let (name, behind) = rest.split_once("=\"")?;
        let end = closing_quote(behind)?;
        labels.push((name.to_owned(), unescape(&behind[..end])));
        rest = &behind[end + 1..];
    }
}

/// Where the text that begins here ends: at a quote that is not escaped.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

fn unescape(text: &str) -> String {
    let mut unescaped = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, if c == '\\' { chars.clone().next() } else { None }) {
            ('\\', Some('n')) => unescaped.push('\n'),
            ('\\', Some(c @ ('\\' | '"'))) => unescaped.push(c),
            (c, _) => {
                unescaped.push(c);
                continue;
            }
        }
        chars.next();
    }
    unescaped
}

fn read_exemplar(text: &str) -> Option<ProducedExemplar> {
    let (labels, rest) = read_labels(text.strip_prefix('{')?)?;
    let mut numbers = rest.strip_prefix(' ')?.split(' ');
    let value = float(numbers.next()?)?;
    let unix_nanos = match numbers.next() {
        Some(seconds) => Some(nanos(seconds)?),
        None => None,
    };
    Some(ProducedExemplar { attributes: attributes(labels), value, unix_nanos })
}

pub(crate) fn attributes(labels: Vec<(String, String)>) -> AttributeSet {
    let pairs: Vec<_> = labels.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect();
    AttributeSet::new(&*pairs)
}

/// An integer as such, so that it is exact, and all else as a float.
fn number(text: &str) -> Option<NumberValue> {
    if let Ok(value) = text.parse() {
        return Some(NumberValue::U64(value));
    }
    if let Ok(value) = text.parse() {
        return Some(NumberValue::I64(value));
    }
    float(text).map(NumberValue::F64)
}

pub(crate) fn float(text: &str) -> Option<f64> {
    text.parse().ok()
}

/// Seconds since the Unix epoch as nanoseconds.
fn nanos(seconds: &str) -> Option<u64> {
    nanos_of(float(seconds)?)
}

/// As [`nanos`], of a number. To the microsecond: a float of today's seconds has no more, and one that is cut off would be a millisecond
/// early wherever milliseconds are written.
pub(crate) fn nanos_of(seconds: f64) -> Option<u64> {
    let micros = (seconds * 1e6).round();
    // What does not fit is no time.
    (micros.is_finite() && seconds >= 0.0).then_some(micros as u64)?.checked_mul(1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(line: &str) -> Option<Sample<'_>> {
        match Line::read(line)? {
            Line::Sample(sample) => Some(sample),
            other => panic!("not a sample: {other:?}"),
        }
    }

    #[test]
    fn samples_are_read_with_labels_of_any_text() {
        let plain = sample("a 1").expect("a sample");
        assert_eq!((plain.name, plain.labels.len(), plain.value), ("a", 0, NumberValue::U64(1)));
        let labelled = sample(r#"a_b{c="d, \"e\" # {",f="\\\n}"} -2 1520879607.5"#).expect("a sample");
        let labels: Vec<_> = labelled.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(labels, [("c", "d, \"e\" # {"), ("f", "\\\n}")]);
        assert_eq!(labelled.value, NumberValue::I64(-2));
        assert_eq!(labelled.unix_nanos, Some(1_520_879_607_500_000_000));
        assert_eq!(sample("a{} +Inf").expect("a sample").value, NumberValue::F64(f64::INFINITY));
        assert_eq!(sample("a 18446744073709551615").expect("a sample").value, NumberValue::U64(u64::MAX));
    }

    #[test]
    fn exemplars_are_read_with_and_without_a_time() {
        let with = sample(r#"a_bucket{le="1.0"} 3 # {trace_id="x"} 0.5 12.5"#).expect("a sample");
        let exemplar = with.exemplar.expect("an exemplar");
        assert_eq!((exemplar.value, exemplar.unix_nanos), (0.5, Some(12_500_000_000)));
        assert_eq!(exemplar.attributes.get("trace_id"), Some(&"x".into()));
        let without = sample(r#"a_total 3 # {} 0.5"#).expect("a sample");
        assert_eq!(without.exemplar.expect("an exemplar").unix_nanos, None);
    }

    #[test]
    fn times_are_read_to_the_microsecond() {
        for micros in [1_520_879_607_789_000, 1_795_999_999_000_001, 1_795_841_234_567_891, 1, 0] {
            let seconds = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
            let read = sample(&format!("a 1 {seconds}")).expect("a sample").unix_nanos;
            assert_eq!(read, Some(micros * 1_000), "{seconds}");
        }
        for none in ["-1", "NaN", "+Inf", "1e300"] {
            assert_eq!(nanos(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_no_line_of_the_format_is_none() {
        for line in
            ["", "a", "a ", "a x", "a{b=\"c} 1", "a{b} 1", "a 1 2 3", "a 1 # x", " 1", "# NOTE a b", "#EOF"]
        {
            assert_eq!(Line::read(line), None, "{line:?}");
        }
    }
}
