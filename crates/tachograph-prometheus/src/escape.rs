//! Escaping of label values, help texts and names in quotes.

use crate::Format;
use crate::escaping::{is_label_name, is_metric_name};

/// Appends a label's value: `\` as `\\`, `"` as `\"`, a line feed as `\n`, in all text formats.
///
/// All else, other control characters included, stands for itself; the text is UTF-8 by its type.
pub(crate) fn write_label_value(out: &mut Vec<u8>, value: &[u8]) {
    write_escaped(out, value, true);
}

/// Appends a label's name, in quotes if it is not legal in the classic grammar.
pub(crate) fn write_label_name(out: &mut Vec<u8>, name: &str) {
    write_name(out, name, is_label_name(name));
}

/// Appends a metric's name, in quotes if it is not legal in the classic grammar.
pub(crate) fn write_metric_name(out: &mut Vec<u8>, name: &str) {
    write_name(out, name, is_metric_name(name));
}

fn write_name(out: &mut Vec<u8>, name: &str, is_legal: bool) {
    if is_legal {
        return out.extend_from_slice(name.as_bytes());
    }
    out.push(b'"');
    write_escaped(out, name.as_bytes(), true);
    out.push(b'"');
}

/// Appends a help text. Prometheus's text does not escape `"` there, OpenMetrics does.
pub(crate) fn write_help(out: &mut Vec<u8>, help: &str, format: Format) {
    write_escaped(out, help.as_bytes(), format == Format::OpenMetrics100);
}

fn write_escaped(out: &mut Vec<u8>, bytes: &[u8], quote: bool) {
    let mut written = 0;
    for (at, byte) in bytes.iter().enumerate() {
        let escaped: &[u8] = match byte {
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'"' if quote => b"\\\"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[written..at]);
        out.extend_from_slice(escaped);
        written = at + 1;
    }
    out.extend_from_slice(&bytes[written..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(value: &str) -> String {
        let mut out = Vec::new();
        write_label_value(&mut out, value.as_bytes());
        String::from_utf8(out).unwrap()
    }

    fn help(text: &str, format: Format) -> String {
        let mut out = Vec::new();
        write_help(&mut out, text, format);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn label_values_escape_backslash_quote_and_line_feed_only() {
        assert_eq!(label("plain"), "plain");
        assert_eq!(label("a\\b\"c\nd"), r#"a\\b\"c\nd"#);
        assert_eq!(label("\\n"), r"\\n");
        assert_eq!(label("\r\t\0é日\u{2028}{}=,#"), "\r\t\0é日\u{2028}{}=,#");
        assert_eq!(label("\n\n"), r"\n\n");
    }

    #[test]
    fn help_escapes_quotes_in_open_metrics_only() {
        let text = "a \"b\" \\ c\nd";
        assert_eq!(help(text, Format::Text004), r#"a "b" \\ c\nd"#);
        assert_eq!(help(text, Format::OpenMetrics100), r#"a \"b\" \\ c\nd"#);
    }
}
