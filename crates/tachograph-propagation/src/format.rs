//! The formats by name.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// A format in which context travels in headers.
///
/// Its text, in both directions, is its name as in `OTEL_PROPAGATORS`; letters' case is ignored when it is read.
///
/// ```
/// use tachograph_propagation::Format;
///
/// assert_eq!("B3Multi".parse(), Ok(Format::B3Multi));
/// assert_eq!(Format::TraceContext.to_string(), "tracecontext");
/// assert!("b4".parse::<Format>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// W3C Trace Context, level 2: the headers `traceparent` and `tracestate`. Named `tracecontext`.
    TraceContext,
    /// W3C Baggage: the header `baggage`. Named `baggage`.
    Baggage,
    /// B3 in one header, `b3`. Named `b3`. Reads the several headers too, where the one is missing.
    B3,
    /// B3 in several headers, `X-B3-TraceId` and others. Named `b3multi`. Reads the single header too, and first.
    B3Multi,
    /// Jaeger's headers: `uber-trace-id`, and `uberctx-{key}` for each item of baggage. Named `jaeger`.
    Jaeger,
}

impl Format {
    /// Every format there is.
    pub const ALL: [Format; 5] =
        [Format::TraceContext, Format::Baggage, Format::B3, Format::B3Multi, Format::Jaeger];

    /// What is used where nothing else is asked for: trace context and baggage.
    pub const DEFAULT: [Format; 2] = [Format::TraceContext, Format::Baggage];

    /// Its name in `OTEL_PROPAGATORS`.
    pub const fn name(self) -> &'static str {
        match self {
            Format::TraceContext => "tracecontext",
            Format::Baggage => "baggage",
            Format::B3 => "b3",
            Format::B3Multi => "b3multi",
            Format::Jaeger => "jaeger",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(name: &str) -> Result<Self, FormatError> {
        let name = name.trim();
        let known = Format::ALL.into_iter().find(|format| format.name().eq_ignore_ascii_case(name));
        known.ok_or_else(|| FormatError::unknown(name))
    }
}

/// What was wrong with a name of a format, or with a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormatError(Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Unknown(String),
    NotAlone,
}

impl FormatError {
    /// Names are shown up to so many characters: they come from outside.
    const SHOWN: usize = 64;

    pub(crate) fn unknown(name: &str) -> Self {
        let mut shown: String = name.chars().take(Self::SHOWN).collect();
        if shown.len() < name.len() {
            shown.push('…');
        }
        Self(Kind::Unknown(shown))
    }

    pub(crate) const NOT_ALONE: Self = Self(Kind::NotAlone);

    /// Whether there is no format of this name.
    pub fn is_unknown(&self) -> bool {
        matches!(self.0, Kind::Unknown(_))
    }

    /// Whether `none` stood in a list beside the names of formats.
    pub fn is_none_beside_others(&self) -> bool {
        self.0 == Kind::NotAlone
    }
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Unknown(name) => {
                write!(f, "there is no propagation format {name:?}; write one of ")?;
                Format::ALL.iter().try_for_each(|format| write!(f, "{format}, "))?;
                f.write_str("or none")
            }
            Kind::NotAlone => f.write_str(
                "`none` stands beside the names of propagation formats, which makes no sense and is \
                 ignored; remove it, or the others",
            ),
        }
    }
}

impl Error for FormatError {}
