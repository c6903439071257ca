use opentelemetry::trace::TraceId;

use super::{Sampler, Sampling, SamplingInput};

/// Samples a share of traces, by their ids alone: every service with the same ratio, and each that looks at the same
/// 56 random bits, decides alike, and a trace that is sampled at some ratio is sampled at every higher one.
///
/// Of the specification's consistent probability sampling it has the threshold rule only: the last seven bytes of the
/// trace id, as a number of 56 bits, are compared with the rejection threshold `(1 - ratio) * 2^56`. It neither writes that
/// threshold to the trace state (`ot=th:`), so that what receives the spans cannot work out from them how many each stands
/// for, nor reads randomness given there (`ot=rv:`), so that it decides otherwise than others where a trace has some. The
/// parent is not looked at: put it into [`ParentBased`](super::ParentBased).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TraceIdRatio {
    /// Traces whose 56 bits are below it are rejected; at most `2^56`.
    threshold: u64,
}

const BITS: u32 = 56;

impl TraceIdRatio {
    /// A share from 0 to 1. What is outside counts as the nearer of the two, and what is no number as 1, for a mistake should
    /// not lose data.
    pub fn new(ratio: f64) -> Self {
        let rejected = if ratio.is_nan() { 0.0 } else { 1.0 - ratio.clamp(0.0, 1.0) };
        TraceIdRatio { threshold: (rejected * (1_u64 << BITS) as f64).round() as u64 }
    }

    /// The share, from 0 to 1.
    pub fn ratio(&self) -> f64 {
        1.0 - self.threshold as f64 / (1_u64 << BITS) as f64
    }

    /// Whether a trace is sampled.
    #[inline]
    pub fn samples(&self, trace_id: TraceId) -> bool {
        let low = u128::from_be_bytes(trace_id.to_bytes()) as u64;
        low & ((1 << BITS) - 1) >= self.threshold
    }
}

impl Sampler for TraceIdRatio {
    fn sample(&self, span: &SamplingInput<'_>) -> Sampling {
        Sampling::sample_if(self.samples(span.trace_id))
    }
}
