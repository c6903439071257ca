use super::{Decision, Sampler, Sampling, SamplingInput};

/// Samples every span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlwaysOn;

impl Sampler for AlwaysOn {
    fn sample(&self, _: &SamplingInput<'_>) -> Sampling {
        Sampling::SAMPLE
    }

    fn follows_sampled_parent(&self) -> bool {
        true
    }

    fn root_decision(&self) -> Option<Decision> {
        Some(Decision::RecordAndSample)
    }
}

/// Samples none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AlwaysOff;

impl Sampler for AlwaysOff {
    fn sample(&self, _: &SamplingInput<'_>) -> Sampling {
        Sampling::DROP
    }

    fn follows_unsampled_parent(&self) -> bool {
        true
    }

    fn root_decision(&self) -> Option<Decision> {
        Some(Decision::Drop)
    }
}
