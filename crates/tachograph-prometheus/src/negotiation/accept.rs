//! The format, by `Accept`.

use http::{HeaderMap, header};

use super::header::{Clause, for_each_clause};
use crate::Format;

/// The best claim on a format that was found.
#[derive(Clone, Copy, Default)]
struct Claim {
    /// How exactly the format was named; the more exact clause counts (RFC 9110 §12.5.1). 0: not at all.
    precision: u8,
    weight: u16,
    /// The clause's place in the header; of equal weights the first wins.
    place: usize,
}

impl Claim {
    fn offer(&mut self, precision: u8, weight: u16, place: usize) {
        if (precision, weight) > (self.precision, self.weight) {
            *self = Claim { precision, weight, place };
        }
    }

    fn is_refused(&self) -> bool {
        self.precision > 0 && self.weight == 0
    }
}

/// Chooses the format of the highest weight that there is; of equal weights the one named first.
///
/// - Only the versions that there are match: text 0.0.4 and OpenMetrics 1.0.0, each also where the
///   clause names no version. A clause for OpenMetrics 0.0.1, for text 1.0.0 or for protobuf is passed
///   over; whoever asks for text 1.0.0 alone gets 0.0.4 as the fallback, which its parser reads.
/// - `escaping=` is understood and always answered with `underscores`.
/// - `*/*` and `text/*` stand for text 0.0.4, `application/*` for OpenMetrics. OpenMetrics is the answer
///   to `*/*` only where text is refused with `q=0`.
/// - A clause whose weight cannot be read is passed over.
pub(super) fn format(headers: &HeaderMap) -> Format {
    let mut claims = [Claim::default(); 2];
    let mut anything = Claim::default();
    let mut place = 0;
    for_each_clause(headers, header::ACCEPT, |clause| {
        place += 1;
        let is = |range: &str| clause.item.eq_ignore_ascii_case(range);
        let weight = clause.weight;
        if is("*/*") {
            anything.offer(1, weight, place);
            claims[Format::Text004.index()].offer(1, weight, place);
        } else if is("text/*") {
            claims[Format::Text004.index()].offer(2, weight, place);
        } else if is("application/*") {
            claims[Format::OpenMetrics100.index()].offer(2, weight, place);
        } else if is("text/plain") {
            if let Some(precision) = precision(&clause, "0.0.4") {
                claims[Format::Text004.index()].offer(precision, weight, place);
            }
        } else if is("application/openmetrics-text")
            && let Some(precision) = precision(&clause, "1.0.0")
        {
            claims[Format::OpenMetrics100.index()].offer(precision, weight, place);
        }
    });
    let [text, open_metrics] = claims;
    let open_metrics = match open_metrics.precision {
        0 if text.is_refused() => anything,
        _ => open_metrics,
    };
    if open_metrics.weight > text.weight
        || (open_metrics.weight > 0 && open_metrics.weight == text.weight && open_metrics.place < text.place)
    {
        Format::OpenMetrics100
    } else {
        Format::Text004
    }
}

/// How exactly a clause for the right media type names `version`; not at all if it names another.
fn precision(clause: &Clause<'_>, version: &str) -> Option<u8> {
    match clause.parameter("version") {
        None => Some(3),
        Some(named) if named == version => Some(4),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::Format::{OpenMetrics100, Text004};
    use super::*;

    fn negotiate(lines: &[&str]) -> Format {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        format(&headers)
    }

    #[test]
    fn prometheus_3_5_gets_open_metrics() {
        let accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(negotiate(&[accept]), OpenMetrics100);
    }

    #[test]
    fn prometheus_3_5_with_native_histograms_gets_open_metrics_while_there_is_no_protobuf() {
        let accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,\
            application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
            application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
            text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        assert_eq!(negotiate(&[accept]), OpenMetrics100);
    }

    #[test]
    fn prometheus_2_42_gets_open_metrics() {
        let accept = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
            text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(negotiate(&[accept]), OpenMetrics100);
    }

    #[test]
    fn a_server_before_open_metrics_1_0_gets_text() {
        let accept = "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(negotiate(&[accept]), Text004);
    }

    #[test]
    fn a_server_that_is_told_to_ask_for_one_text_format_gets_text() {
        assert_eq!(negotiate(&["text/plain;version=0.0.4;q=0.3,*/*;q=0.2"]), Text004);
        assert_eq!(negotiate(&["text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.2"]), Text004);
        assert_eq!(negotiate(&["text/plain;version=1.0.0"]), Text004);
    }

    #[test]
    fn a_version_that_there_is_not_is_passed_over() {
        let accept = "text/plain;version=1.0.0;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5";
        assert_eq!(negotiate(&[accept]), OpenMetrics100);
        assert_eq!(negotiate(&["application/openmetrics-text;version=2.0.0"]), Text004);
    }

    #[test]
    fn a_browser_curl_and_silence_get_text() {
        assert_eq!(
            negotiate(&["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"]),
            Text004
        );
        assert_eq!(negotiate(&["*/*"]), Text004);
        assert_eq!(negotiate(&[]), Text004);
        assert_eq!(negotiate(&[""]), Text004);
    }

    #[test]
    fn the_highest_weight_wins_and_of_equal_ones_the_first() {
        let (text, open) = ("text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0");
        assert_eq!(negotiate(&[&format!("{text};q=0.5,{open};q=0.6")]), OpenMetrics100);
        assert_eq!(negotiate(&[&format!("{text};q=0.6,{open};q=0.5")]), Text004);
        assert_eq!(negotiate(&[&format!("{text},{open}")]), Text004);
        assert_eq!(negotiate(&[&format!("{open},{text}")]), OpenMetrics100);
        assert_eq!(negotiate(&[open, text]), OpenMetrics100);
        assert_eq!(negotiate(&[text, open]), Text004);
    }

    #[test]
    fn parameters_stand_in_any_order_and_case_and_may_be_quoted() {
        for accept in [
            "APPLICATION/OpenMetrics-Text;Q=0.9;VERSION=\"1.0.0\", text/plain;q=0.1",
            "application/openmetrics-text ; escaping = \"dots\" ; version = 1.0.0",
            "application/openmetrics-text; charset=utf-8",
            "application/openmetrics-text; x=\"a,b;q=0\"; version=1.0.0",
        ] {
            assert_eq!(negotiate(&[accept]), OpenMetrics100, "{accept}");
        }
    }

    #[test]
    fn what_is_weighted_zero_is_refused() {
        assert_eq!(negotiate(&["application/openmetrics-text;version=1.0.0;q=0, */*;q=0.1"]), Text004);
        assert_eq!(negotiate(&["text/plain;q=0, */*"]), OpenMetrics100);
        assert_eq!(negotiate(&["text/plain;q=0, application/*;q=0.1"]), OpenMetrics100);
        // Everything refused: the fallback is better than nothing.
        assert_eq!(negotiate(&["*/*;q=0"]), Text004);
        assert_eq!(negotiate(&["text/plain;q=0"]), Text004);
    }

    #[test]
    fn the_more_exact_clause_counts_over_the_wider_one() {
        let accept = "application/*;q=0.9, application/openmetrics-text;q=0.1, text/plain;q=0.5";
        assert_eq!(negotiate(&[accept]), Text004);
    }

    #[test]
    fn garbage_gets_text() {
        for accept in [
            ";;;,,,;q=",
            "application/openmetrics-text;version=1.0.0;q=banana",
            "application/openmetrics-text;version=1.0.0;q=-1",
            "application/openmetrics-text;version=\"1.0.0",
            "\"",
            "///",
            "=;=",
            "\u{e9}\u{fffd}",
        ] {
            assert_eq!(negotiate(&[accept]), Text004, "{accept}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_bytes(b"\xff\xfe\x80").unwrap());
        assert_eq!(format(&headers), Text004);
    }

    proptest! {
        #[test]
        fn no_header_is_an_error(line in proptest::collection::vec(32_u8..=255, 0..80)) {
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                let mut headers = HeaderMap::new();
                headers.insert(header::ACCEPT, value);
                format(&headers);
            }
        }

        #[test]
        fn a_header_made_of_its_own_words_is_no_error(line in "(text/plain|\\*/\\*|application/openmetrics-text|;q=|;version=|0\\.[0-9]|1\\.0\\.0|,|;|\"|=| ){0,16}") {
            negotiate(&[&line]);
        }
    }
}
