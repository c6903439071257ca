//! Units of time, and the one that an instrument was declared with.

use std::time::Duration;

use crate::diag;
use crate::metrics::Descriptor;

/// A unit of time, by how many nanoseconds it has.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeUnit(u64);

impl TimeUnit {
    const SECOND: Self = TimeUnit(1_000_000_000);

    /// What UCUM's symbol stands for.
    fn of(symbol: &str) -> Option<Self> {
        Some(match symbol {
            "s" => TimeUnit::SECOND,
            "ms" => TimeUnit(1_000_000),
            "us" => TimeUnit(1_000),
            "ns" => TimeUnit(1),
            "min" => TimeUnit(60_000_000_000),
            "h" => TimeUnit(3_600_000_000_000),
            "d" => TimeUnit(86_400_000_000_000),
            _ => return None,
        })
    }

    /// The unit of an instrument, and seconds where it has none of time.
    pub(super) fn of_instrument(descriptor: Option<&Descriptor>) -> Self {
        let Some(Descriptor { name, unit, .. }) = descriptor else { return TimeUnit::SECOND };
        TimeUnit::of(unit).unwrap_or_else(|| {
            if !unit.is_empty() {
                report_unit(name, unit);
            }
            TimeUnit::SECOND
        })
    }

    /// How many of it, as near as a float comes.
    pub(super) fn exactly(self, duration: Duration) -> f64 {
        match self {
            TimeUnit::SECOND => duration.as_secs_f64(),
            TimeUnit(nanos) => duration.as_nanos() as f64 / nanos as f64,
        }
    }

    /// How many of it, to the nearest.
    pub(super) fn rounded(self, duration: Duration) -> u64 {
        let nanos = u128::from(self.0);
        u64::try_from((duration.as_nanos() + nanos / 2) / nanos).unwrap_or(u64::MAX)
    }
}

#[cold]
fn report_unit(name: &str, unit: &str) {
    diag::report(
        "instrument.duration",
        name,
        format_args!(
            "a duration is recorded in histogram {name:?}, whose unit {unit:?} is none of time (`s`, `ms`, `us`, `ns`, \
             `min`, `h`, `d`): it is recorded in seconds; declare the histogram in seconds, or record a number"
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_so_many_of_each_unit() {
        let duration = Duration::from_millis(5_400_000);
        for (symbol, expected) in [
            ("s", 5_400.0),
            ("ms", 5.4e6),
            ("us", 5.4e9),
            ("ns", 5.4e12),
            ("min", 90.0),
            ("h", 1.5),
            ("d", 0.0625),
        ] {
            let unit = TimeUnit::of(symbol).unwrap();
            assert_eq!(unit.exactly(duration), expected, "{symbol}");
            assert!((unit.rounded(duration) as f64 - expected).abs() <= 0.5, "{symbol}");
        }
        for symbol in ["", "S", "By", "msec", "{s}", "1"] {
            assert_eq!(TimeUnit::of(symbol), None, "{symbol}");
        }
    }

    #[test]
    fn whole_numbers_are_the_nearest_and_end_where_they_end() {
        assert_eq!(TimeUnit::of("ms").unwrap().rounded(Duration::from_micros(1_499)), 1);
        assert_eq!(TimeUnit::of("ms").unwrap().rounded(Duration::from_micros(1_500)), 2);
        assert_eq!(TimeUnit::of("ns").unwrap().rounded(Duration::MAX), u64::MAX);
        assert!(TimeUnit::of("ns").unwrap().exactly(Duration::MAX).is_finite());
    }
}
