use http::HeaderValue;

use crate::EscapingScheme;

/// An exposition format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The Prometheus text format, version 0.0.4: what every Prometheus server and every other scraper
    /// reads.
    Text004,
    /// The Prometheus text format, version 1.0.0: the same, by a version that says that names may be in
    /// quotes.
    Text100,
    /// OpenMetrics text, version 1.0.0: adds units, exemplars, start times where they are
    /// [asked for](crate::PrometheusExporterBuilder::with_created_samples), and what kind of information
    /// `target_info` is.
    OpenMetrics100,
    /// Protobuf, `io.prometheus.client.MetricFamily` messages, each after its length: adds native
    /// histograms, exemplars with their times, units, and start times.
    Protobuf,
}

impl Format {
    /// How many there are.
    pub(crate) const COUNT: usize = 4;

    /// The value of the `Content-Type` header where names are escaped with underscores. See
    /// [`Exposition::content_type`].
    pub const fn content_type(self) -> &'static str {
        self.with_escaping(EscapingScheme::Underscores).content_type()
    }

    /// The format with names escaped by a scheme.
    pub const fn with_escaping(self, escaping: EscapingScheme) -> Exposition {
        Exposition { format: self, escaping }
    }

    /// Where tables of one entry per format have this one's.
    #[inline]
    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    /// Where tables of one entry for Prometheus's text and one for OpenMetrics have this one's. What is
    /// formatted for protobuf has tables of its own, and one entry.
    #[inline]
    pub(crate) const fn dialect(self) -> usize {
        matches!(self, Format::OpenMetrics100) as usize
    }

    /// What is cached for it: text or messages.
    #[inline]
    pub(crate) const fn encoding(self) -> Encoding {
        match self {
            Format::Protobuf => Encoding::Protobuf,
            Format::Text004 | Format::Text100 | Format::OpenMetrics100 => Encoding::Text,
        }
    }
}

/// What the names and labels that are kept for a page are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    Text,
    Protobuf,
}

/// What a page is: a format, and how names are escaped in it.
///
/// A [`Format`] alone stands for itself with underscores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Exposition {
    format: Format,
    escaping: EscapingScheme,
}

impl From<Format> for Exposition {
    fn from(format: Format) -> Self {
        format.with_escaping(EscapingScheme::Underscores)
    }
}

macro_rules! content_types {
    ($escaping:expr, $prefix:literal) => {
        match $escaping {
            EscapingScheme::AllowUtf8 => concat!($prefix, "; escaping=allow-utf-8"),
            EscapingScheme::Underscores => concat!($prefix, "; escaping=underscores"),
            EscapingScheme::Dots => concat!($prefix, "; escaping=dots"),
            EscapingScheme::Values => concat!($prefix, "; escaping=values"),
        }
    };
}

impl Exposition {
    /// The format.
    pub const fn format(self) -> Format {
        self.format
    }

    /// How names are escaped.
    pub const fn escaping(self) -> EscapingScheme {
        self.escaping
    }

    /// The value of the `Content-Type` header: media type, version, charset and escaping scheme.
    ///
    /// A Prometheus server chooses its parser by it, and version 3 refuses a scrape without it.
    pub const fn content_type(self) -> &'static str {
        match self.format {
            Format::Text004 => content_types!(self.escaping, "text/plain; version=0.0.4; charset=utf-8"),
            Format::Text100 => content_types!(self.escaping, "text/plain; version=1.0.0; charset=utf-8"),
            Format::OpenMetrics100 => {
                content_types!(self.escaping, "application/openmetrics-text; version=1.0.0; charset=utf-8")
            }
            Format::Protobuf => content_types!(
                self.escaping,
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            ),
        }
    }

    pub(crate) fn content_type_header(self) -> HeaderValue {
        HeaderValue::from_static(self.content_type())
    }
}
