//! Where a group is: the job and its grouping keys as the path of a URL.
//!
//! Follows "URL" of the Pushgateway's README.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::Uri;

use super::PushError;
use crate::EscapingScheme;
use crate::escaping::is_label_name;

/// The URL of a group: `http://host:9091/metrics/job/backup/instance@base64/L3Zhcg`.
pub(super) fn url(address: &str, keys: &[(String, String)], is_utf8: bool) -> Result<String, PushError> {
    let uri: Uri = address.parse().map_err(|_| PushError::invalid("the Pushgateway's address is no URL"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(PushError::invalid("the Pushgateway's address is not of the form http://host:port"));
    };
    if authority.as_str().contains('@') {
        // The address may be shown; credentials may not.
        return Err(PushError::invalid(
            "the Pushgateway's address has credentials in it: set them by `with_basic_credentials`",
        ));
    }
    match scheme {
        "http" => {}
        "https" if cfg!(feature = "push-tls") => {}
        "https" => {
            return Err(PushError::invalid("https needs the feature `push-tls` of tachograph-prometheus"));
        }
        _ => return Err(PushError::invalid("the Pushgateway's address is neither of http nor of https")),
    }
    if uri.query().is_some() {
        return Err(PushError::invalid("the Pushgateway's address has a query"));
    }
    let mut url = format!("{scheme}://{authority}{}/metrics", uri.path().trim_end_matches('/'));
    for (at, (label, value)) in keys.iter().enumerate() {
        if keys[..at].iter().any(|(earlier, _)| earlier == label) {
            return Err(PushError::invalid(format!("the grouping key {label:?} is given twice")));
        }
        if label == "job" && value.is_empty() {
            return Err(PushError::invalid("the job has no name"));
        }
        url.push('/');
        url.push_str(&segment(label, is_utf8)?);
        if is_plain(value) {
            url.push('/');
            url.push_str(value);
        } else {
            url.push_str("@base64/");
            // Nothing at all would be no segment of a path.
            let encoded = BASE64_URL_SAFE_NO_PAD.encode(value);
            url.push_str(if encoded.is_empty() { "=" } else { &encoded });
        }
    }
    Ok(url)
}

/// A label's name in a path: a gateway that takes UTF-8 names has them escaped by value there.
fn segment(label: &str, is_utf8: bool) -> Result<String, PushError> {
    if label.starts_with("__") || label.is_empty() {
        return Err(PushError::invalid(format!("{label:?} is no name for a grouping key")));
    }
    match is_label_name(label) {
        true => Ok(label.to_owned()),
        false if is_utf8 => Ok(EscapingScheme::Values.label(label).into_owned()),
        false => Err(PushError::invalid(format!(
            "{label:?} is no legal name for a grouping key: use letters, digits and underscores, or `with_utf8_names`"
        ))),
    }
}

/// Whether a value stands for itself in a path: the unreserved characters of RFC 3986, and no step of a path.
fn is_plain(value: &str) -> bool {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    !value.is_empty() && value.bytes().all(is_unreserved) && !matches!(value, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(address: &str, keys: &[(&str, &str)], is_utf8: bool) -> Result<String, PushError> {
        let keys: Vec<_> = keys.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        url(address, &keys, is_utf8)
    }

    #[test]
    fn a_group_is_a_path() {
        let path = |keys: &[(&str, &str)]| of("http://gateway:9091", keys, false).unwrap();
        assert_eq!(path(&[("job", "backup")]), "http://gateway:9091/metrics/job/backup");
        assert_eq!(
            path(&[("job", "a"), ("instance", "db-1"), ("path", "/var/tmp")]),
            "http://gateway:9091/metrics/job/a/instance/db-1/path@base64/L3Zhci90bXA"
        );
        assert_eq!(
            path(&[("job", "directory_cleaner"), ("path", "")]),
            "http://gateway:9091/metrics/job/directory_cleaner/path@base64/="
        );
        assert_eq!(
            path(&[("job", "Προμηθεύς")]),
            "http://gateway:9091/metrics/job@base64/zqDPgc6_zrzOt864zrXPjc-C"
        );
        assert!(path(&[("job", "..")]).ends_with("job@base64/Li4"));
        assert_eq!(of("http://h/prefix/", &[("job", "a")], false).unwrap(), "http://h/prefix/metrics/job/a");
    }

    #[test]
    fn names_outside_the_classic_grammar_are_escaped_where_that_is_asked_for() {
        let keys = [("job", "a"), ("cloud.region", "eu")];
        assert!(of("http://h", &keys, false).unwrap_err().to_string().contains("cloud.region"));
        assert_eq!(of("http://h", &keys, true).unwrap(), "http://h/metrics/job/a/U__cloud_2e_region/eu");
    }

    #[test]
    fn what_is_no_group_is_an_error_without_secrets() {
        for (address, keys) in [
            ("", &[("job", "a")][..]),
            ("gateway:9091", &[("job", "a")]),
            ("/metrics", &[("job", "a")]),
            ("ftp://gateway", &[("job", "a")]),
            ("http://me:hunter2@gateway", &[("job", "a")]),
            ("http://gateway/?x=hunter2", &[("job", "a")]),
            ("http://gateway", &[("job", "")]),
            ("http://gateway", &[("job", "a"), ("job", "b")]),
            ("http://gateway", &[("job", "a"), ("", "b")]),
            ("http://gateway", &[("job", "a"), ("__x", "b")]),
        ] {
            let error = of(address, keys, true).expect_err(address);
            assert!(error.is_invalid() && !error.to_string().contains("hunter2"), "{error}");
        }
    }
}
