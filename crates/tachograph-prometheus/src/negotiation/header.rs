//! The grammar that `Accept` and `Accept-Encoding` share: `item;name=value;q=0.5, item, …`.

use http::{HeaderMap, HeaderName};

/// One item of the list.
pub(super) struct Clause<'a> {
    /// What is accepted: a media range or a coding.
    pub(super) item: &'a str,
    /// The parameters, as they were written.
    parameters: &'a str,
    /// Its weight, in thousandths: 0 ("not acceptable") to 1000 (the default).
    pub(super) weight: u16,
}

impl<'a> Clause<'a> {
    /// Reads one item; nothing if it is empty or its weight cannot be read.
    fn parse(text: &'a str) -> Option<Self> {
        let (item, parameters) = split_once_unquoted(text, b';');
        let item = item.trim();
        let mut clause = Clause { item, parameters, weight: 1000 };
        if let Some(weight) = clause.parameter("q") {
            clause.weight = parse_weight(weight)?;
        }
        (!item.is_empty()).then_some(clause)
    }

    /// The value of a parameter, without its quotes; names do not depend on case, and of several the
    /// first counts.
    pub(super) fn parameter(&self, name: &str) -> Option<&'a str> {
        let mut rest = self.parameters;
        while !rest.is_empty() {
            let (parameter, after) = split_once_unquoted(rest, b';');
            rest = after;
            let (written, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            if written.trim().eq_ignore_ascii_case(name) {
                return Some(unquoted(value.trim()));
            }
        }
        None
    }
}

/// Visits every readable item of every header line of a name, in order.
pub(super) fn for_each_clause<'a>(
    headers: &'a HeaderMap,
    name: HeaderName,
    mut visit: impl FnMut(Clause<'a>),
) {
    for line in headers.get_all(name) {
        // What is not UTF-8 cannot be anything that this crate serves.
        let mut rest = std::str::from_utf8(line.as_bytes()).unwrap_or_default();
        while !rest.is_empty() {
            let (item, after) = split_once_unquoted(rest, b',');
            rest = after;
            if let Some(clause) = Clause::parse(item) {
                visit(clause);
            }
        }
    }
}

/// What stands before and after the first separator that is not inside a quoted string.
fn split_once_unquoted(text: &str, separator: u8) -> (&str, &str) {
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if byte == separator && !quoted => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

/// A value without the quotes around it. Nothing that is compared with has a quoted pair inside.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// `0`, `0.25`, `1.000`: at most three decimals, at most 1 (RFC 9110 §12.4.2).
fn parse_weight(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths =
        [100, 10, 1].iter().zip(decimals.bytes()).map(|(place, digit)| place * u16::from(digit - b'0')).sum();
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_read_in_thousandths() {
        for (text, weight) in [
            ("0", 0),
            ("1", 1000),
            ("0.5", 500),
            ("0.25", 250),
            ("0.001", 1),
            ("1.000", 1000),
            ("0.", 0),
            ("1.", 1000),
        ] {
            assert_eq!(parse_weight(text), Some(weight), "{text}");
        }
        for text in ["", "2", "1.001", "-1", "0.1234", "0,5", ".5", "0.+5", "abc", "٠"] {
            assert_eq!(parse_weight(text), None, "{text}");
        }
    }

    #[test]
    fn separators_inside_quotes_do_not_separate() {
        assert_eq!(split_once_unquoted(r#"a="x,\",y";b,c"#, b','), (r#"a="x,\",y";b"#, "c"));
        assert_eq!(split_once_unquoted("a\"unclosed,b", b','), ("a\"unclosed,b", ""));
        assert_eq!(split_once_unquoted("é,b", b','), ("é", "b"));
    }

    #[test]
    fn parameters_are_found_in_any_order_case_and_spacing() {
        let clause = Clause::parse(r#" text/plain ; Charset=utf-8;VERSION = "0.0.4" ; q=0.3;x"#).unwrap();
        assert_eq!(clause.item, "text/plain");
        assert_eq!(clause.parameter("version"), Some("0.0.4"));
        assert_eq!(clause.parameter("x"), Some(""));
        assert_eq!(clause.parameter("escaping"), None);
        assert_eq!(clause.weight, 300);
    }
}
