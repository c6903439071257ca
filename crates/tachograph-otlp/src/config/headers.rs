use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;

/// Headers that are the exporter's own to set.
const OWN: [&str; 7] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "te",
    "transfer-encoding",
    "upgrade",
];

/// A header of the user's. What is wrong with it is said without its value.
pub(crate) fn header(name: &str, value: &[u8]) -> Result<(HeaderName, HeaderValue), String> {
    let Ok(name) = HeaderName::from_bytes(name.as_bytes()) else {
        return Err(format!("{name:?} cannot be a header's name"));
    };
    if OWN.contains(&name.as_str()) {
        return Err(format!("the header {name} is the exporter's own to set"));
    }
    let Ok(mut value) = HeaderValue::from_bytes(value) else {
        return Err(format!("the value of the header {name} has characters that cannot be sent"));
    };
    value.set_sensitive(true);
    Ok((name, value))
}

/// Reads `name=value,name=value`, values percent-encoded: the format of W3C Baggage, of which properties are not
/// supported. What cannot be used is left out, and said.
pub(crate) fn parse(text: &str) -> (HeaderMap, Vec<String>) {
    let (mut headers, mut wrong) = (HeaderMap::new(), Vec::new());
    for (index, member) in text.split(',').map(str::trim).enumerate() {
        if member.is_empty() {
            continue;
        }
        // Not even the name is repeated: where there is no `=`, it may be a value.
        let Some((name, value)) = member.split_once('=') else {
            wrong.push(format!("entry {} has no `=`; it was left out", index + 1));
            continue;
        };
        let value: Vec<u8> = percent_decode_str(value.trim()).collect();
        match header(name.trim(), &value) {
            Ok((name, value)) => {
                headers.insert(name, value);
            }
            Err(text) => wrong.push(format!("{text}; it was left out")),
        }
    }
    (headers, wrong)
}

/// Shows names only.
pub(crate) struct Names<'a>(pub(crate) &'a HeaderMap);

impl fmt::Debug for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys().map(HeaderName::as_str)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_decoded_and_spaces_around_them_do_not_count() {
        let (headers, wrong) = parse(" api-key = a%20b%2Cc ,x=1,, Authorization=Bearer t=t=");
        assert_eq!(wrong, [""; 0]);
        assert_eq!(headers["api-key"], "a b,c");
        assert_eq!(headers["x"], "1");
        assert_eq!(headers["authorization"], "Bearer t=t=");
        assert!(headers.values().all(HeaderValue::is_sensitive));
    }

    proptest::proptest! {
        #[test]
        fn each_member_is_a_header_or_a_complaint(text in "[ -~éü\u{0}-\u{8}]{0,60}") {
            let (headers, wrong) = parse(&text);
            let members = text.split(',').filter(|member| !member.trim().is_empty()).count();
            proptest::prop_assert!(headers.len() + wrong.len() <= members);
            proptest::prop_assert_eq!(members == 0, headers.is_empty() && wrong.is_empty());
        }
    }

    #[test]
    fn what_cannot_be_sent_is_left_out_and_said_without_its_value() {
        let (headers, wrong) = parse("good=1,s3cret,bad name=s3cret,a=%0As3cret,content-type=s3cret");
        assert_eq!(headers.len(), 1);
        assert_eq!(wrong.len(), 4, "{wrong:?}");
        assert!(wrong.iter().all(|text| !text.contains("s3cret")), "{wrong:?}");
    }
}
