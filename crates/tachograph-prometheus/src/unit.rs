//! Units of OpenTelemetry (UCUM codes) as the words that Prometheus uses.
//!
//! Follows "Metric Metadata" of OpenTelemetry's `compatibility/prometheus_and_openmetrics.md`.

use std::borrow::Cow;

use crate::clean::clean_label_chars;

/// The words of a unit: what is counted, and per what. Both may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct UnitWords {
    /// `bytes`, `seconds`, …; the code itself, cleaned, when it is not in the table.
    pub(crate) main: Cow<'static, str>,
    /// `per_second`, …
    pub(crate) per: Cow<'static, str>,
}

impl UnitWords {
    /// The words of a unit such as `By`, `{request}`, `m/s` or `1`.
    ///
    /// Annotations in braces are dropped, and so is `1`, which says that there is no unit.
    pub(crate) fn of(unit: &str) -> Self {
        let unit = without_annotations(unit);
        let (main, per) = match unit.split_once('/') {
            Some((main, per)) => (main.trim(), per.trim()),
            None => (unit.trim(), ""),
        };
        let per = match per_word(per) {
            Some(word) => Cow::Borrowed(word),
            None => match cleaned(per) {
                word if word.is_empty() => Cow::Borrowed(""),
                word => Cow::Owned(format!("per_{word}")),
            },
        };
        UnitWords { main: main_word(main).map_or_else(|| Cow::Owned(cleaned(main)), Cow::Borrowed), per }
    }

    /// The whole unit: `bytes`, `meters_per_second`, `per_second`, or nothing.
    pub(crate) fn joined(&self) -> Cow<'_, str> {
        match (&*self.main, &*self.per) {
            (main, "") => Cow::Borrowed(main),
            ("", per) => Cow::Borrowed(per),
            (main, per) => Cow::Owned(format!("{main}_{per}")),
        }
    }
}

/// The unit without what stands in braces. An unclosed brace takes the rest with it.
fn without_annotations(unit: &str) -> Cow<'_, str> {
    if !unit.contains('{') {
        return Cow::Borrowed(unit);
    }
    let mut rest = unit;
    let mut kept = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        kept.push_str(before);
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

fn cleaned(unit: &str) -> String {
    clean_label_chars(unit).trim_matches('_').to_owned()
}

fn main_word(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "" | "1" => "",
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tebibytes",
        // UCUM's prefix is a small k; the capital is so common a slip that both are understood.
        "kBy" | "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        _ => return None,
    })
}

fn per_word(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "" | "1" => "",
        "s" => "per_second",
        // After a slash Prometheus's translators take `m` for minutes, not for meters.
        "m" | "min" => "per_minute",
        "h" => "per_hour",
        "d" => "per_day",
        "w" => "per_week",
        "mo" => "per_month",
        "y" => "per_year",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(unit: &str) -> String {
        UnitWords::of(unit).joined().into_owned()
    }

    #[test]
    fn every_unit_of_the_table_has_its_word() {
        for (unit, word) in [
            ("d", "days"),
            ("h", "hours"),
            ("min", "minutes"),
            ("s", "seconds"),
            ("ms", "milliseconds"),
            ("us", "microseconds"),
            ("ns", "nanoseconds"),
            ("By", "bytes"),
            ("KiBy", "kibibytes"),
            ("MiBy", "mebibytes"),
            ("GiBy", "gibibytes"),
            ("TiBy", "tebibytes"),
            ("kBy", "kilobytes"),
            ("KBy", "kilobytes"),
            ("MBy", "megabytes"),
            ("GBy", "gigabytes"),
            ("TBy", "terabytes"),
            ("m", "meters"),
            ("V", "volts"),
            ("A", "amperes"),
            ("J", "joules"),
            ("W", "watts"),
            ("g", "grams"),
            ("Cel", "celsius"),
            ("Hz", "hertz"),
            ("%", "percent"),
        ] {
            assert_eq!(words(unit), word);
        }
    }

    #[test]
    fn rates_are_spelled_out() {
        for (unit, expected) in [
            ("m/s", "meters_per_second"),
            ("By/m", "bytes_per_minute"),
            ("By/min", "bytes_per_minute"),
            ("By/h", "bytes_per_hour"),
            ("By/d", "bytes_per_day"),
            ("By/w", "bytes_per_week"),
            ("By/mo", "bytes_per_month"),
            ("By/y", "bytes_per_year"),
            ("1/s", "per_second"),
            ("{request}/s", "per_second"),
            ("foo/bar", "foo_per_bar"),
            ("By/", "bytes"),
            ("m/s/s", "meters_per_s_s"),
            (" By / s ", "bytes_per_second"),
        ] {
            assert_eq!(words(unit), expected);
        }
    }

    #[test]
    fn annotations_and_the_unit_one_add_nothing() {
        for unit in ["", "1", "{order}", "{a}{b}", "{unclosed", "{packet}/{x}", "/", "{nested{x}"] {
            assert_eq!(words(unit), "", "{unit}");
        }
        assert_eq!(words("By{used}"), "bytes");
        assert_eq!(words("{used}By/s{x}"), "bytes_per_second");
    }

    #[test]
    fn a_unit_that_is_not_listed_is_kept_and_cleaned() {
        for (unit, expected) in
            [("Mibit", "Mibit"), ("10*3", "10_3"), ("[degF]", "degF"), ("a:b", "a_b"), ("µs", "s"), ("°", "")]
        {
            assert_eq!(words(unit), expected);
        }
    }
}
