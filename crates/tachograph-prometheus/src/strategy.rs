/// What becomes of the names of instruments and attributes, before anything is negotiated.
///
/// OpenTelemetry's `translation_strategy`, in `metrics/sdk_exporters/prometheus.md`. It is applied first; the
/// [escaping scheme](crate::EscapingScheme) that a server asks for comes second, and finds something to do only
/// where the strategy leaves names that are not legal in the classic grammar.
///
/// | strategy | a counter `foo.bar` in `By`, escaped with underscores | with UTF-8 allowed |
/// |---|---|---|
/// | `UnderscoreEscapingWithSuffixes` | `foo_bar_bytes_total` | the same |
/// | `UnderscoreEscapingWithoutSuffixes` | `foo_bar` | the same |
/// | `NoUtf8EscapingWithSuffixes` | `foo_bar_bytes_total` | `foo.bar_bytes_total` |
/// | `NoTranslation` | `foo_bar` | `foo.bar` |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TranslationStrategy {
    /// Illegal characters become underscores, runs of them one; unit and type are suffixes. The default.
    #[default]
    UnderscoreEscapingWithSuffixes,
    /// Illegal characters become underscores, runs of them one; nothing is appended.
    ///
    /// In OpenMetrics a counter whose name does not end in `_total` by itself has the type `unknown`: the
    /// format has no other counters.
    UnderscoreEscapingWithoutSuffixes,
    /// Names stay as they are; unit and type are suffixes.
    NoUtf8EscapingWithSuffixes,
    /// Names stay as they are. Two instruments that differ in unit or type alone are then one name: of two
    /// types the later is dropped.
    NoTranslation,
}

impl TranslationStrategy {
    /// Whether it makes every name legal in the classic grammar.
    pub(crate) const fn escapes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::UnderscoreEscapingWithoutSuffixes)
    }

    /// Whether unit and type are appended.
    pub(crate) const fn has_suffixes(self) -> bool {
        matches!(self, Self::UnderscoreEscapingWithSuffixes | Self::NoUtf8EscapingWithSuffixes)
    }
}
