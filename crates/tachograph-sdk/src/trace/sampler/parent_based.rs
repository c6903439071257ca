use std::sync::Arc;

use super::{AlwaysOff, AlwaysOn, Decision, Sampler, Sampling, SamplingInput};

/// Decides by the parent: a sampler for roots, and one for each kind of parent.
///
/// Unless set otherwise, what has a sampled parent is sampled and what has another is not, so that traces are whole.
#[derive(Clone, Debug)]
pub struct ParentBased {
    root: Arc<dyn Sampler>,
    remote_sampled: Branch,
    remote_not_sampled: Branch,
    local_sampled: Branch,
    local_not_sampled: Branch,
}

/// The two usual answers need no call.
#[derive(Clone, Debug)]
enum Branch {
    On,
    Off,
    Ask(Arc<dyn Sampler>),
}

impl Branch {
    fn sample(&self, span: &SamplingInput<'_>) -> Sampling {
        match self {
            Branch::On => AlwaysOn.sample(span),
            Branch::Off => AlwaysOff.sample(span),
            Branch::Ask(sampler) => sampler.sample(span),
        }
    }
}

impl ParentBased {
    /// The usual branches, and a sampler for roots.
    pub fn new(root: impl Sampler) -> Self {
        ParentBased {
            root: Arc::new(root),
            remote_sampled: Branch::On,
            remote_not_sampled: Branch::Off,
            local_sampled: Branch::On,
            local_not_sampled: Branch::Off,
        }
    }

    /// For spans whose parent is in another process and sampled.
    #[must_use]
    pub fn with_remote_sampled(mut self, sampler: impl Sampler) -> Self {
        self.remote_sampled = Branch::Ask(Arc::new(sampler));
        self
    }

    /// For spans whose parent is in another process and not sampled.
    #[must_use]
    pub fn with_remote_not_sampled(mut self, sampler: impl Sampler) -> Self {
        self.remote_not_sampled = Branch::Ask(Arc::new(sampler));
        self
    }

    /// For spans whose parent is in this process and sampled.
    #[must_use]
    pub fn with_local_sampled(mut self, sampler: impl Sampler) -> Self {
        self.local_sampled = Branch::Ask(Arc::new(sampler));
        self
    }

    /// For spans whose parent is in this process and not sampled.
    #[must_use]
    pub fn with_local_not_sampled(mut self, sampler: impl Sampler) -> Self {
        self.local_not_sampled = Branch::Ask(Arc::new(sampler));
        self
    }
}

impl Sampler for ParentBased {
    fn sample(&self, span: &SamplingInput<'_>) -> Sampling {
        let branch = match span.parent {
            None => return self.root.sample(span),
            Some(parent) => match (parent.is_remote, parent.is_sampled()) {
                (true, true) => &self.remote_sampled,
                (true, false) => &self.remote_not_sampled,
                (false, true) => &self.local_sampled,
                (false, false) => &self.local_not_sampled,
            },
        };
        branch.sample(span)
    }

    fn follows_unsampled_parent(&self) -> bool {
        match &self.local_not_sampled {
            Branch::On => false,
            Branch::Off => true,
            Branch::Ask(sampler) => sampler.follows_unsampled_parent(),
        }
    }

    fn follows_sampled_parent(&self) -> bool {
        match &self.local_sampled {
            Branch::On => true,
            Branch::Off => false,
            Branch::Ask(sampler) => sampler.follows_sampled_parent(),
        }
    }

    fn root_decision(&self) -> Option<Decision> {
        self.root.root_decision()
    }
}
