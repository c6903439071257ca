use http::HeaderValue;

/// An exposition format.
///
/// Both are written with the escaping scheme `underscores`: every name on a page is legal in the
/// classic grammar, whatever a server asks for. (The default translation strategy already makes such
/// names, so that a server that accepts UTF-8 would be given the same.)
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The Prometheus text format, version 0.0.4: what every Prometheus server and every other scraper
    /// reads.
    Text004,
    /// OpenMetrics text, version 1.0.0: adds units, and what kind of information `target_info` is.
    OpenMetrics100,
}

impl Format {
    /// Every format, the fallback first.
    pub(crate) const ALL: [Format; 2] = [Format::Text004, Format::OpenMetrics100];

    /// The value of the `Content-Type` header: media type, version, charset and escaping scheme.
    ///
    /// A Prometheus server chooses its parser by it, and version 3 refuses a scrape without it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Format::Text004 => "text/plain; version=0.0.4; charset=utf-8; escaping=underscores",
            Format::OpenMetrics100 => {
                "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores"
            }
        }
    }

    pub(crate) fn content_type_header(self) -> HeaderValue {
        HeaderValue::from_static(self.content_type())
    }

    /// Where tables of one entry per format have this one's.
    #[inline]
    pub(crate) const fn index(self) -> usize {
        match self {
            Format::Text004 => 0,
            Format::OpenMetrics100 => 1,
        }
    }
}
