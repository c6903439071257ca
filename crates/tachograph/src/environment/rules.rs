//! How a variable's text is understood; the rules that all variables share.
//!
//! OpenTelemetry specification, `configuration/sdk-environment-variables.md`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use opentelemetry::KeyValue;

use super::source::Environment;

/// What was wrong with a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) variable: Cow<'static, str>,
    /// What is wrong with it, and what happens instead.
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn not_text(variable: impl Into<Cow<'static, str>>) -> Self {
        let message = "is not valid UTF-8 and is ignored; set it to text".to_owned();
        Problem { variable: variable.into(), message }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.variable, self.message)
    }
}

/// Reads variables and keeps what was wrong with them.
pub(crate) struct Reader<'a> {
    environment: &'a Environment,
    pub(crate) problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(environment: &'a Environment) -> Self {
        Reader { environment, problems: Vec::new() }
    }

    pub(crate) fn problem(&mut self, variable: &'static str, message: impl Into<String>) {
        self.problems.push(Problem { variable: variable.into(), message: message.into() });
    }

    /// The value, without surrounding white space; an empty one is unset.
    pub(crate) fn text(&mut self, variable: &'static str) -> Option<String> {
        let value = self.environment.get(variable)?;
        let Ok(value) = value.into_string() else {
            self.problems.push(Problem::not_text(variable));
            return None;
        };
        let value = value.trim();
        (!value.is_empty()).then(|| value.to_owned())
    }

    /// True only for `true`, in whatever case; anything but that and `false` is a problem.
    pub(crate) fn boolean(&mut self, variable: &'static str) -> bool {
        let Some(value) = self.text(variable) else {
            return false;
        };
        let is_true = value.eq_ignore_ascii_case("true");
        if !is_true && !value.eq_ignore_ascii_case("false") {
            self.problem(variable, format!("{value:?} is neither true nor false and counts as false"));
        }
        is_true
    }

    /// A number; one that cannot be read is a problem, and as if unset.
    pub(crate) fn number<N: FromStr>(&mut self, variable: &'static str, range: &str) -> Option<N> {
        let value = self.text(variable)?;
        let number = value.parse().ok();
        if number.is_none() {
            self.problem(variable, format!("{value:?} is not a number of {range}; the default is used"));
        }
        number
    }

    /// A number of things, of which there is at least one; zero is a problem, and as if unset.
    pub(crate) fn count(&mut self, variable: &'static str) -> Option<usize> {
        let number: usize = self.number(variable, "1 and above")?;
        if number == 0 {
            self.problem(variable, "0 is not a number of 1 and above; the default is used");
        }
        (number > 0).then_some(number)
    }

    /// A time in milliseconds.
    pub(crate) fn milliseconds(&mut self, variable: &'static str) -> Option<Duration> {
        self.number(variable, "milliseconds, 0 and above").map(Duration::from_millis)
    }

    /// The entries of a comma-separated list, without white space and empty ones.
    pub(crate) fn list(&mut self, variable: &'static str) -> Option<Vec<String>> {
        let value = self.text(variable)?;
        let entries = value.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        Some(entries.map(str::to_owned).collect())
    }

    /// Key-value pairs, percent-encoded. If one is malformed, none counts: a resource of which half is
    /// missing is worse than one that is obviously not configured.
    pub(crate) fn pairs(&mut self, variable: &'static str) -> Vec<KeyValue> {
        let Some(value) = self.text(variable) else {
            return Vec::new();
        };
        let members = value.split(',').map(str::trim).filter(|member| !member.is_empty());
        let pairs: Result<Vec<KeyValue>, String> = members.map(pair).collect();
        pairs.unwrap_or_else(|wrong| {
            self.problem(
                variable,
                format!(
                    "{wrong}; the whole value is ignored: write it as key=value,key=value, with commas, equals signs \
                     and percent signs inside a key or a value percent-encoded"
                ),
            );
            Vec::new()
        })
    }
}

fn pair(member: &str) -> Result<KeyValue, String> {
    let (key, value) = member.split_once('=').ok_or_else(|| format!("{member:?} has no equals sign"))?;
    let key =
        decode(key.trim()).ok_or_else(|| format!("the key of {member:?} is not percent-encoded UTF-8"))?;
    let value = decode(value.trim())
        .ok_or_else(|| format!("the value of {member:?} is not percent-encoded UTF-8"))?;
    if key.is_empty() {
        return Err(format!("{member:?} has no key"));
    }
    Ok(KeyValue::new(key.into_owned(), value.into_owned()))
}

/// Undoes percent-encoding; `None` where a percent sign begins no byte, or the bytes are not UTF-8.
fn decode(text: &str) -> Option<Cow<'_, str>> {
    let is_encoded = |after: &str| {
        let mut digits = after.bytes().take(2);
        let mut digit = || digits.next().is_some_and(|byte| byte.is_ascii_hexdigit());
        digit() && digit()
    };
    if !text.split('%').skip(1).all(is_encoded) {
        return None;
    }
    percent_encoding::percent_decode_str(text).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_no_text_is_a_problem_and_as_if_unset() {
        use std::ffi::OsString;
        use std::os::unix::ffi::OsStringExt;

        let environment = Environment::from_os(|_| Some(OsString::from_vec(vec![b'a', 0xff])));
        let mut reader = Reader::new(&environment);
        assert_eq!(reader.text("OTEL_SERVICE_NAME"), None);
        assert_eq!(reader.problems.len(), 1);
        let problem = reader.problems[0].to_string();
        assert!(problem.starts_with("OTEL_SERVICE_NAME: ") && problem.contains("UTF-8"), "{problem}");
    }

    proptest! {
        #[test]
        fn what_is_percent_encoded_comes_back(key in "\\PC{1,20}", value in "\\PC{0,20}") {
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let text = format!("{}={},z=1", encode(&key), encode(&value));
            let environment = Environment::from_fn(move |_| Some(text.clone()));
            let mut reader = Reader::new(&environment);
            let pairs = reader.pairs("OTEL_RESOURCE_ATTRIBUTES");
            prop_assert_eq!(reader.problems, []);
            prop_assert_eq!(pairs, [KeyValue::new(key, value), KeyValue::new("z", "1")]);
        }

        #[test]
        fn whatever_a_variable_holds_is_read_without_a_panic(value in "[ -~é,=%]{0,40}") {
            let environment = Environment::from_fn(move |_| Some(value.clone()));
            let mut reader = Reader::new(&environment);
            let _ = reader.text("A");
            let _ = reader.boolean("A");
            let _ = reader.number::<u16>("A", "0 to 65535");
            let _ = reader.count("A");
            let _ = reader.milliseconds("A");
            let _ = reader.list("A");
            let pairs = reader.pairs("A");
            prop_assert!(pairs.iter().all(|pair| !pair.key.as_str().is_empty()));
        }
    }
}
