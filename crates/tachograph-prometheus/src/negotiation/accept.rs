//! The format and the escaping scheme, by `Accept`.

use http::{HeaderMap, header};

use super::header::{Clause, for_each_clause};
use crate::{EscapingScheme, Exposition, Format};

/// The best claim on a format that was found.
#[derive(Clone, Copy, Default)]
struct Claim {
    /// How exactly the format was named; the more exact clause counts (RFC 9110 §12.5.1). 0: not at all.
    precision: u8,
    weight: u16,
    /// The clause's place in the header; of equal weights the first wins.
    place: usize,
    escaping: EscapingScheme,
}

impl Claim {
    fn offer(&mut self, precision: u8, clause: &Clause<'_>, place: usize) {
        if (precision, clause.weight) > (self.precision, self.weight) {
            let asked = clause.parameter("escaping").and_then(EscapingScheme::named);
            let escaping = asked.unwrap_or_default();
            *self = Claim { precision, weight: clause.weight, place, escaping };
        }
    }

    fn is_refused(&self) -> bool {
        self.precision > 0 && self.weight == 0
    }
}

/// Every format, the fallback first.
const FORMATS: [Format; Format::COUNT] =
    [Format::Text004, Format::Text100, Format::OpenMetrics100, Format::Protobuf];

/// Chooses the format of the highest weight that there is; of equal weights the one named first.
///
/// - Only the versions that there are match: text 0.0.4 and 1.0.0, OpenMetrics 1.0.0. A clause that names no
///   version means text 0.0.4, or OpenMetrics 1.0.0; one for OpenMetrics 0.0.1 is passed over.
/// - Protobuf is `io.prometheus.client.MetricFamily`, delimited; its other encodings are passed over.
/// - `escaping=` counts for its own clause; without it, or with a value that is none, underscores.
/// - `*/*` and `text/*` stand for text 0.0.4, `application/*` for OpenMetrics. OpenMetrics is the answer
///   to `*/*` only where text is refused with `q=0`.
/// - A clause whose weight cannot be read is passed over.
pub(super) fn exposition(headers: &HeaderMap) -> Exposition {
    let mut claims = [Claim::default(); Format::COUNT];
    let mut anything = Claim::default();
    let mut place = 0;
    for_each_clause(headers, header::ACCEPT, |clause| {
        place += 1;
        if clause.item == "*/*" {
            anything.offer(1, &clause, place);
        }
        if let Some((format, precision)) = meaning(&clause) {
            claims[format.index()].offer(precision, &clause, place);
        }
    });
    let is_text_refused = claims[Format::Text004.index()].is_refused();
    let open_metrics = &mut claims[Format::OpenMetrics100.index()];
    if open_metrics.precision == 0 && is_text_refused {
        *open_metrics = anything;
    }
    let best = FORMATS
        .into_iter()
        .map(|format| (format, claims[format.index()]))
        .filter(|(_, claim)| claim.weight > 0)
        // Of equal ones the last is taken: reversed, so that the fallback wins.
        .rev()
        .max_by_key(|(_, claim)| (claim.weight, std::cmp::Reverse(claim.place)));
    match best {
        Some((format, claim)) => format.with_escaping(claim.escaping),
        None => Format::Text004.into(),
    }
}

/// The format that a clause stands for, and how exactly it names it.
fn meaning(clause: &Clause<'_>) -> Option<(Format, u8)> {
    let is = |range: &str| clause.item.eq_ignore_ascii_case(range);
    let version = clause.parameter("version");
    Some(match version {
        _ if is("*/*") => (Format::Text004, 1),
        _ if is("text/*") => (Format::Text004, 2),
        _ if is("application/*") => (Format::OpenMetrics100, 2),
        _ if is("application/vnd.google.protobuf") => {
            let is_family = clause.parameter("proto") == Some("io.prometheus.client.MetricFamily");
            let is_delimited = clause.parameter("encoding") == Some("delimited");
            (Format::Protobuf, if is_family && is_delimited { 4 } else { return None })
        }
        None if is("text/plain") => (Format::Text004, 3),
        Some("0.0.4") if is("text/plain") => (Format::Text004, 4),
        Some("1.0.0") if is("text/plain") => (Format::Text100, 4),
        None if is("application/openmetrics-text") => (Format::OpenMetrics100, 3),
        Some("1.0.0") if is("application/openmetrics-text") => (Format::OpenMetrics100, 4),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::Format::{OpenMetrics100, Protobuf, Text004, Text100};
    use super::*;

    fn negotiated(lines: &[&str]) -> Exposition {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        exposition(&headers)
    }

    fn negotiate(lines: &[&str]) -> Format {
        negotiated(lines).format()
    }

    const ALLOW_UTF_8: EscapingScheme = EscapingScheme::AllowUtf8;

    #[test]
    fn prometheus_3_5_gets_open_metrics() {
        let accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
            text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(negotiated(&[accept]), OpenMetrics100.with_escaping(ALLOW_UTF_8));
    }

    #[test]
    fn prometheus_3_5_with_native_histograms_gets_protobuf() {
        let accept = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;\
            escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,\
            application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,\
            text/plain;version=0.0.4;q=0.2,*/*;q=0.1";
        assert_eq!(negotiated(&[accept]), Protobuf.with_escaping(ALLOW_UTF_8));
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
        let accept = "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,*/*;q=0.2";
        assert_eq!(negotiated(&[accept]), Text100.with_escaping(ALLOW_UTF_8));
        assert_eq!(negotiated(&["text/plain;version=1.0.0"]), Text100.into());
    }

    #[test]
    fn each_clause_has_its_own_escaping() {
        let accept =
            "text/plain;version=0.0.4;escaping=dots;q=0.3,application/openmetrics-text;escaping=values;q=0.2";
        assert_eq!(negotiated(&[accept]), Text004.with_escaping(EscapingScheme::Dots));
        let accept =
            "application/openmetrics-text;version=1.0.0;escaping=nonsense,text/plain;escaping=dots;q=0.1";
        assert_eq!(negotiated(&[accept]), OpenMetrics100.into());
        assert_eq!(negotiated(&["*/*;escaping=\"allow-utf-8\""]), Text004.with_escaping(ALLOW_UTF_8));
    }

    #[test]
    fn protobuf_is_delimited_families_only() {
        let families = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding";
        assert_eq!(negotiate(&[&format!("{families}=delimited")]), Protobuf);
        for accept in [
            &format!("{families}=text"),
            &format!("{families}=compact-text"),
            "application/vnd.google.protobuf",
            "application/vnd.google.protobuf;encoding=delimited",
            "application/vnd.google.protobuf;proto=other.Message;encoding=delimited",
        ] {
            assert_eq!(negotiate(&[accept]), Text004, "{accept}");
        }
    }

    #[test]
    fn a_version_that_there_is_not_is_passed_over() {
        let accept = "text/plain;version=1.1.0;q=0.9,application/openmetrics-text;version=1.0.0;q=0.5";
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
        assert_eq!(exposition(&headers), Text004.into());
    }

    proptest! {
        #[test]
        fn no_header_is_an_error(line in proptest::collection::vec(32_u8..=255, 0..80)) {
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                let mut headers = HeaderMap::new();
                headers.insert(header::ACCEPT, value);
                exposition(&headers);
            }
        }

        #[test]
        fn a_header_made_of_its_own_words_is_no_error(line in "(text/plain|\\*/\\*|application/openmetrics-text|;q=|;version=|0\\.[0-9]|1\\.0\\.0|,|;|\"|=| ){0,16}") {
            negotiate(&[&line]);
        }
    }
}
