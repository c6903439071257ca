//! How a user asks for measurements to be aggregated.

/// How measurements become data points, as the specification's views and readers choose it.
///
/// An aggregation that does not suit the instrument is reported, and the instrument's default is used.
/// Boundaries are compared by their bits, so that NaN, which is reported where it is used, equals itself.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Aggregation {
    /// What the kind of the instrument asks for: a sum for counters and up-down counters, a last value
    /// for gauges, and for histograms explicit buckets, or those that the instrument itself asks for.
    #[default]
    Default,
    /// Nothing is kept.
    Drop,
    /// The arithmetic sum.
    Sum,
    /// The last value.
    LastValue,
    /// A histogram whose buckets have boundaries of the user's. See
    /// [`explicit_bucket_histogram`](Self::explicit_bucket_histogram).
    ExplicitBucketHistogram {
        /// The upper, inclusive boundaries, in the instrument's unit: finite and ascending strictly.
        boundaries: Vec<f64>,
        /// Whether points have the smallest and the largest measurement too.
        record_min_max: bool,
    },
    /// A histogram whose buckets grow by a constant factor, and are as narrow as the range of what was
    /// recorded allows. See
    /// [`base2_exponential_bucket_histogram`](Self::base2_exponential_bucket_histogram).
    Base2ExponentialBucketHistogram {
        /// The most buckets for positive numbers, and the most for negative ones.
        max_size: u32,
        /// The largest scale, at which buckets are the narrowest.
        max_scale: i8,
        /// Whether points have the smallest and the largest measurement too.
        record_min_max: bool,
    },
}

impl Aggregation {
    /// A histogram with these boundaries, and with minimum and maximum.
    pub fn explicit_bucket_histogram(boundaries: impl Into<Vec<f64>>) -> Self {
        Aggregation::ExplicitBucketHistogram { boundaries: boundaries.into(), record_min_max: true }
    }

    /// A histogram with the specification's defaults: 160 buckets at most on either side of zero, a
    /// scale of 20 at most, and with minimum and maximum.
    pub const fn base2_exponential_bucket_histogram() -> Self {
        Aggregation::Base2ExponentialBucketHistogram { max_size: 160, max_scale: 20, record_min_max: true }
    }
}

impl PartialEq for Aggregation {
    fn eq(&self, other: &Self) -> bool {
        use Aggregation::{
            Base2ExponentialBucketHistogram as Exponential, ExplicitBucketHistogram as Explicit,
        };
        match (self, other) {
            (
                Explicit { boundaries, record_min_max },
                Explicit { boundaries: others, record_min_max: other_min_max },
            ) => {
                let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits();
                record_min_max == other_min_max
                    && boundaries.len() == others.len()
                    && boundaries.iter().zip(others).all(same)
            }
            (
                Exponential { max_size, max_scale, record_min_max },
                Exponential { max_size: size, max_scale: scale, record_min_max: min_max },
            ) => (max_size, max_scale, record_min_max) == (size, scale, min_max),
            _ => std::mem::discriminant(self) == std::mem::discriminant(other),
        }
    }
}

impl Eq for Aggregation {}
