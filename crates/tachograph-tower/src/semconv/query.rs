//! `url.query`, without the secrets that signed URLs carry.

use std::borrow::Cow;

use super::REDACTED;

/// The keys whose values grant access to whoever reads them. Case-sensitive, as the conventions say.
const SECRET: [&str; 7] = [
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token",
    "AWSAccessKeyId",
    "Signature",
    "sig",
    "X-Goog-Signature",
];

/// A query as it may be reported: the values of secret keys replaced, all else as it was sent.
pub(crate) fn redacted(query: &str) -> Cow<'_, str> {
    // Bytes, because a search for a character is made for longer texts than these.
    if !query.as_bytes().split(|byte| *byte == b'&').any(is_secret) {
        return Cow::Borrowed(query);
    }
    let mut text = String::with_capacity(query.len() + REDACTED.len());
    for (at, pair) in query.split('&').enumerate() {
        if at > 0 {
            text.push('&');
        }
        match pair.split_once('=') {
            Some((key, _)) if is_secret(pair.as_bytes()) => {
                text.push_str(key);
                text.push('=');
                text.push_str(REDACTED);
            }
            _ => text.push_str(pair),
        }
    }
    Cow::Owned(text)
}

fn is_secret(pair: &[u8]) -> bool {
    let key = pair.iter().position(|byte| *byte == b'=').map(|end| &pair[..end]);
    key.is_some_and(|key| SECRET.iter().any(|secret| secret.as_bytes() == key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_values_of_secret_keys_are_replaced_and_their_keys_kept() {
        for key in SECRET {
            let query = format!("a=1&{key}=se=cret&b");
            assert_eq!(redacted(&query), format!("a=1&{key}=REDACTED&b"));
        }
        assert_eq!(redacted("sig=1&sig=2"), "sig=REDACTED&sig=REDACTED");
        assert_eq!(redacted("sig="), "sig=REDACTED");
    }

    #[test]
    fn all_else_is_reported_as_it_was_sent() {
        for query in
            ["", "a", "&&", "a=b=c&d", "SIG=1", "signature=1", "sigs=1", "xsig=1", "sig", "q=%26sig%3D1"]
        {
            assert!(matches!(redacted(query), Cow::Borrowed(text) if text == query), "{query}");
        }
    }

    proptest! {
        #[test]
        fn a_query_keeps_its_keys_and_loses_its_secrets(
            pairs in prop::collection::vec((prop_oneof![Just("sig"), Just("a"), Just("Signature")], "[=a-z]{0,5}"), 0..6)
        ) {
            let query: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let expected: Vec<_> = pairs
                .iter()
                .map(|(key, value)| format!("{key}={}", if *key == "a" { value } else { REDACTED }))
                .collect();
            let query = query.join("&");
            prop_assert_eq!(redacted(&query), expected.join("&"));
        }
    }
}
