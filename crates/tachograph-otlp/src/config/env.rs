//! The variables `OTEL_EXPORTER_OTLP_*`. Whoever calls this reads the environment; nothing here does.

use std::time::Duration;

use super::tls::Pem;
use super::warning::ConfigWarning;
use super::{Compression, Endpoint, OtlpConfig, Signal, headers};

/// The variables of a signal, and what was wrong with them so far.
struct Variables<'a> {
    signal: Signal,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    warnings: Vec<ConfigWarning>,
}

/// A variable that is set.
struct Set {
    variable: String,
    value: String,
    /// Whether it is the signal's own.
    own: bool,
}

pub(super) fn read(
    signal: Signal,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> (OtlpConfig, Vec<ConfigWarning>) {
    let mut config = OtlpConfig::of(signal);
    let mut variables = Variables { signal, lookup, warnings: Vec::new() };
    let endpoint = variables.first("ENDPOINT", |set| {
        let parsed = match set.own {
            true => Endpoint::exact(&set.value),
            false => Endpoint::base(&set.value, signal.path),
        };
        parsed.map_err(|error| error.to_string())
    });
    if let Some(endpoint) = endpoint {
        config.endpoint = Ok(endpoint);
    }
    variables.protocol(&config);
    variables.headers(&mut config);
    let compression =
        variables.first("COMPRESSION", |set| match set.value.trim().to_ascii_lowercase().as_str() {
            "gzip" => Ok(Compression::Gzip),
            "none" => Ok(Compression::None),
            other => Err(format!("{other:?} is no compression; write gzip or none")),
        });
    config.compression = compression.unwrap_or(config.compression);
    let timeout = variables.first("TIMEOUT", |set| {
        set.value.trim().parse().map(Duration::from_millis).map_err(|_| {
            format!(
                "{:?} is no number of milliseconds; write one such as 10000, or 0 for no limit",
                set.value
            )
        })
    });
    config.timeout = timeout.unwrap_or(config.timeout);
    let mut file = |name| variables.first(name, |set| Ok(Pem::File(set.value.trim().into())));
    config.tls.certificate = file("CERTIFICATE");
    config.tls.client_key = file("CLIENT_KEY");
    config.tls.client_certificate = file("CLIENT_CERTIFICATE");
    variables.insecure(&config);
    (config, variables.warnings)
}

impl Variables<'_> {
    /// The signal's own variable, then the one for all.
    fn set(&self, name: &str) -> Vec<Set> {
        let own = format!("OTEL_EXPORTER_OTLP_{}_{name}", self.signal.variable);
        let general = format!("OTEL_EXPORTER_OTLP_{name}");
        [(own, true), (general, false)]
            .into_iter()
            .filter_map(|(variable, own)| {
                let value = (self.lookup)(&variable)?;
                (!value.trim().is_empty()).then_some(Set { variable, value, own })
            })
            .collect()
    }

    /// The first value that can be used.
    fn first<T>(&mut self, name: &str, mut parse: impl FnMut(&Set) -> Result<T, String>) -> Option<T> {
        for set in self.set(name) {
            match parse(&set) {
                Ok(value) => return Some(value),
                Err(text) => self.warn(&set.variable, format!("{text}; it is ignored")),
            }
        }
        None
    }

    fn warn(&mut self, variable: &str, text: String) {
        self.warnings.push(ConfigWarning::new(variable, text));
    }

    fn headers(&mut self, config: &mut OtlpConfig) {
        if let Some(set) = self.set("HEADERS").into_iter().next() {
            let (headers, wrong) = headers::parse(&set.value);
            for text in wrong {
                self.warn(&set.variable, format!("{text}; the format is name=value,name=value"));
            }
            config.headers = headers;
        }
    }

    fn protocol(&mut self, config: &OtlpConfig) {
        let Some(set) = self.set("PROTOCOL").into_iter().next() else { return };
        let to = config.endpoint.as_ref().map(ToString::to_string).unwrap_or_default();
        match set.value.trim().to_ascii_lowercase().as_str() {
            "http/protobuf" => {}
            known @ ("grpc" | "http/json") => self.warn(
                &set.variable,
                format!(
                    "{known} is not built in yet; http/protobuf to {to} is used instead, so make sure that the \
                     receiver listens for OTLP over HTTP there (port 4318 by default)"
                ),
            ),
            other => self.warn(
                &set.variable,
                format!("{other:?} is no protocol of OTLP; http/protobuf to {to} is used"),
            ),
        }
    }

    /// Only gRPC has endpoints that do not say whether they are secure; here it changes nothing.
    fn insecure(&mut self, config: &OtlpConfig) {
        let Some(set) = self.set("INSECURE").into_iter().next() else { return };
        match set.value.trim().to_ascii_lowercase().as_str() {
            "false" => {}
            "true" => {
                if config.endpoint.as_ref().is_ok_and(|endpoint| endpoint.https) {
                    self.warn(
                        &set.variable,
                        "the endpoint is an https:// URL, so that the connection is secure all the same; \
                         write http:// for one that is not"
                            .to_owned(),
                    );
                }
            }
            other => {
                self.warn(&set.variable, format!("{other:?} is neither true nor false; it counts as false"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::TRACES;
    use super::*;

    fn read_from(variables: &[(&str, &str)]) -> (OtlpConfig, Vec<String>) {
        let lookup = |name: &str| {
            let found = variables.iter().find(|(short, _)| format!("OTEL_EXPORTER_OTLP_{short}") == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        let (config, warnings) = read(TRACES, &lookup);
        (config, warnings.iter().map(ToString::to_string).collect())
    }

    fn quiet(variables: &[(&str, &str)]) -> OtlpConfig {
        let (config, warnings) = read_from(variables);
        assert_eq!(warnings, [""; 0]);
        config
    }

    fn endpoint(config: &OtlpConfig) -> String {
        config.endpoint.as_ref().expect("an endpoint").to_string()
    }

    /// The text of the only warning; the configuration is the default.
    fn ignored(name: &str, value: &str) -> String {
        let (config, warnings) = read_from(&[(name, value)]);
        assert_eq!(config, OtlpConfig::traces(), "{name}={value}");
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with(&format!("OTEL_EXPORTER_OTLP_{name}: ")), "{warnings:?}");
        warnings.into_iter().next().expect("one")
    }

    #[test]
    fn without_variables_the_defaults_hold_and_empty_ones_are_unset() {
        assert_eq!(quiet(&[]), OtlpConfig::traces());
        assert_eq!(endpoint(&quiet(&[])), "http://localhost:4318/v1/traces");
        let empty = [("ENDPOINT", ""), ("TRACES_ENDPOINT", " "), ("TIMEOUT", ""), ("HEADERS", "")];
        assert_eq!(quiet(&empty), OtlpConfig::traces());
    }

    #[test]
    fn the_signals_own_endpoint_wins_and_is_used_as_it_is() {
        let general = ("ENDPOINT", "http://a:1/base/");
        assert_eq!(endpoint(&quiet(&[general])), "http://a:1/base/v1/traces");
        assert_eq!(endpoint(&quiet(&[general, ("TRACES_ENDPOINT", "http://b:2")])), "http://b:2/");
    }

    #[test]
    fn a_signals_endpoint_that_cannot_be_used_leaves_the_general_one() {
        let (config, warnings) = read_from(&[("ENDPOINT", "http://a:1"), ("TRACES_ENDPOINT", "b:2")]);
        assert_eq!(endpoint(&config), "http://a:1/v1/traces");
        assert!(
            warnings[0].starts_with("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: the endpoint does not begin with")
        );
    }

    #[test]
    fn every_variable_is_read() {
        let config = quiet(&[
            ("HEADERS", "general=1"),
            ("TRACES_HEADERS", "api-key=a%2Cb"),
            ("COMPRESSION", "GZIP"),
            ("TIMEOUT", "1500"),
            ("PROTOCOL", "http/protobuf"),
            ("CERTIFICATE", "ca.pem"),
            ("CLIENT_KEY", "key.pem"),
            ("TRACES_CLIENT_CERTIFICATE", "own.pem"),
            ("INSECURE", "False"),
        ]);
        assert_eq!(config.headers.len(), 1, "the signal's own replace the general ones");
        assert_eq!(config.headers["api-key"], "a,b");
        assert_eq!(config.compression, Compression::Gzip);
        assert_eq!(config.timeout, Duration::from_millis(1500));
        assert_eq!(config.tls.certificate, Some(Pem::File("ca.pem".into())));
        assert_eq!(config.tls.client_key, Some(Pem::File("key.pem".into())));
        assert_eq!(config.tls.client_certificate, Some(Pem::File("own.pem".into())));
        assert_eq!(quiet(&[("TIMEOUT", "0")]).timeout, Duration::ZERO);
    }

    #[test]
    fn what_cannot_be_used_is_ignored_with_advice() {
        assert!(ignored("COMPRESSION", "zstd").contains("gzip or none"));
        assert!(ignored("TIMEOUT", "10s").contains("milliseconds"));
        assert!(ignored("TIMEOUT", "-1").contains("milliseconds"));
        assert!(ignored("TRACES_ENDPOINT", "ftp://x").contains("http://localhost:4318"));
        assert!(ignored("HEADERS", "s3cret").contains("name=value"));
        assert!(ignored("PROTOCOL", "thrift").contains("http/protobuf"));
        assert!(ignored("INSECURE", "yes").contains("neither true nor false"));
    }

    #[test]
    fn protocols_that_are_not_built_in_are_said() {
        for protocol in ["grpc", "http/json", "GRPC"] {
            let text = ignored("PROTOCOL", protocol);
            assert!(text.contains("not built in yet") && text.contains("4318"), "{text}");
        }
    }

    #[test]
    fn insecure_does_not_make_https_plain() {
        let (config, warnings) = read_from(&[("ENDPOINT", "https://x"), ("INSECURE", "true")]);
        assert!(config.endpoint.as_ref().is_ok_and(|endpoint| endpoint.https));
        assert!(warnings[0].contains("secure all the same"), "{warnings:?}");
        quiet(&[("ENDPOINT", "http://x"), ("INSECURE", "true")]);
    }

    #[test]
    fn secrets_are_in_no_warning_and_in_no_debug_text() {
        let (config, warnings) = read_from(&[
            ("ENDPOINT", "https://user:s3cret@x:99999/?k=s3cret"),
            ("TRACES_ENDPOINT", "https://user:s3cret@x/?k=s3cret"),
            ("HEADERS", "a=s3cret,b c=s3cret,s3cret"),
        ]);
        let text = format!("{config:?} {warnings:?} {}", warnings.join(" "));
        assert!(!text.contains("s3cret"), "{text}");
        assert_eq!(warnings.len(), 2, "{warnings:?}");
    }
}
