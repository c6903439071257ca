//! From settings to a tracer provider.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tachograph_sdk::pipeline::{BatchConfig, Deadline, Exporter};
use tachograph_sdk::trace::{
    AlwaysOn, ParentBased, Sampler, SpanLimits, SpanProcessor, Spans, TailSampling, TracerProvider,
    TracerProviderBuilder,
};
use tachograph_sdk::{Clock, Resource};

use crate::environment::{Environment, Problem, Settings};
use crate::error::Error;
#[cfg(feature = "otlp")]
use {
    std::cell::RefCell,
    tachograph_otlp::{OtlpConfig, OtlpSpanExporter},
    tachograph_sdk::diag,
};

/// What code says of traces.
#[derive(Default)]
pub(crate) struct TraceParts {
    pub(crate) clock: Option<Arc<dyn Clock>>,
    pub(crate) default_sampler: Option<Arc<dyn Sampler>>,
    pub(crate) sampler: Option<Arc<dyn Sampler>>,
    pub(crate) limits: Option<SpanLimits>,
    pub(crate) tail: Option<TailSampling>,
    pub(crate) batches: Option<BatchConfig>,
    #[cfg(feature = "otlp")]
    pub(crate) otlp: Option<OtlpConfig>,
    /// What the environment says of OTLP, where it asks for that and code does not.
    #[cfg(feature = "otlp")]
    otlp_by_environment: Option<OtlpConfig>,
    /// Exporters and processors, in the order in which they were named.
    stages: Vec<Stage>,
}

/// Adds an exporter or a processor to a provider, whose batches are to be as this says.
type Stage = Box<dyn FnOnce(TracerProviderBuilder, BatchConfig) -> TracerProviderBuilder + Send>;

impl TraceParts {
    pub(crate) fn export(&mut self, exporter: impl Exporter<Spans>) {
        self.stages.push(Box::new(|provider, batches| provider.with_batch_exporter(exporter, batches)));
    }

    pub(crate) fn process(&mut self, processor: impl SpanProcessor) {
        self.stages.push(Box::new(|provider, _| provider.with_processor(processor)));
    }

    /// The provider that code and environment ask for.
    pub(crate) fn provider(
        mut self,
        settings: &Settings,
        resource: Resource,
        strict: bool,
    ) -> Result<TracerProvider, Error> {
        let mut provider = TracerProvider::builder().with_resource(resource);
        if settings.disabled {
            return Ok(passing_through(provider));
        }
        let traces = &settings.traces;
        self.export_by_otlp(strict)?;
        provider =
            provider.with_limits(self.limits.unwrap_or_else(|| traces.limits.over(SpanLimits::default())));
        if let Some(clock) = self.clock {
            provider = provider.with_clock(clock);
        }
        if self.stages.is_empty() {
            return Ok(passing_through(provider));
        }
        let sampler = self.sampler.or_else(|| traces.sampler.clone()).or(self.default_sampler);
        provider = match sampler {
            Some(sampler) => provider.with_sampler(sampler),
            None => provider.with_sampler(ParentBased::new(AlwaysOn)),
        };
        if let Some(tail) = self.tail {
            provider = provider.with_tail_sampling(tail);
        }
        let batches = self.batches.unwrap_or_else(|| traces.batch.over(BatchConfig::spans()));
        let add = |provider, stage: Stage| stage(provider, batches.clone());
        Ok(self.stages.into_iter().fold(provider, add).build())
    }
}

/// A provider of which nobody would see a span: it makes none, and the caller's context passes through as it came. Were
/// it to make spans that are not sampled, whoever is called next would not sample either; were they sampled, their children there
/// would miss their parents.
fn passing_through(provider: TracerProviderBuilder) -> TracerProvider {
    let provider = provider.build();
    provider.shutdown(Deadline::after(Duration::ZERO));
    provider
}

#[cfg(feature = "otlp")]
impl TraceParts {
    /// Reads what the environment says of OTLP, if it asks for it. Where code has exporters of its own, saying nothing does not ask
    /// for it. `environment` is `None` where code alone decides.
    pub(crate) fn settled(
        mut self,
        environment: Option<&Environment>,
        settings: &Settings,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let is_asked_for = settings.traces.otlp.unwrap_or(self.stages.is_empty());
        if !settings.disabled && self.otlp.is_none() && is_asked_for {
            self.otlp_by_environment = environment.map(|environment| config_of(environment, problems));
        }
        self
    }

    /// Adds the OTLP exporter, if code or the environment asks for it.
    fn export_by_otlp(&mut self, strict: bool) -> Result<(), Error> {
        let (config, must) = match (self.otlp.take(), self.otlp_by_environment.take()) {
            (Some(config), _) => (config, true),
            (None, Some(config)) => (config, strict),
            (None, None) => return Ok(()),
        };
        match OtlpSpanExporter::new(config) {
            Ok(exporter) => self.export(exporter),
            Err(error) if must => return Err(Error::otlp(error)),
            Err(error) => diag::report("otlp", "traces", format_args!("{error}; no spans are recorded")),
        }
        Ok(())
    }
}

#[cfg(feature = "otlp")]
fn config_of(environment: &Environment, problems: &mut Vec<Problem>) -> OtlpConfig {
    let not_text = RefCell::new(Vec::new());
    let (config, warnings) = OtlpConfig::traces_from_env(|name| {
        let value = environment.get(name)?.into_string();
        value.map_err(|_| not_text.borrow_mut().push(Problem::not_text(name.to_owned()))).ok()
    });
    problems.extend(not_text.into_inner());
    problems.extend(warnings.iter().map(|warning| Problem {
        variable: warning.variable().to_owned().into(),
        message: warning.text().to_owned(),
    }));
    config
}

#[cfg(not(feature = "otlp"))]
impl TraceParts {
    /// Says that OTLP is not there, if the environment asks for it.
    pub(crate) fn settled(self, _: Option<&Environment>, settings: &Settings, _: &mut Vec<Problem>) -> Self {
        if !settings.disabled && settings.traces.otlp == Some(true) {
            tachograph_sdk::diag::report(
                "environment",
                "OTEL_TRACES_EXPORTER",
                "OTEL_TRACES_EXPORTER: otlp was left out of this program; build it with the feature `otlp` of the tachograph crate",
            );
        }
        self
    }

    fn export_by_otlp(&mut self, _: bool) -> Result<(), Error> {
        Ok(())
    }
}

impl fmt::Debug for TraceParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceParts")
            .field("sampler", &self.sampler)
            .field("limits", &self.limits)
            .field("batches", &self.batches)
            .field("stages", &self.stages.len())
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, feature = "otlp", unix))]
mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt;

    use super::*;

    #[test]
    fn a_variable_of_the_exporter_that_cannot_be_used_is_a_problem_like_any_other() {
        let problems_of = |environment: &Environment| {
            let mut problems = Vec::new();
            let _ = config_of(environment, &mut problems);
            problems.iter().map(Problem::to_string).collect::<Vec<_>>()
        };
        let environment = Environment::from_os(|name| {
            (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| OsString::from_vec(b"http://\xff".to_vec()))
        });
        let problems = problems_of(&environment);
        assert!(problems.len() == 1 && problems[0].contains("UTF-8"), "{problems:?}");
        assert!(problems[0].starts_with("OTEL_EXPORTER_OTLP_ENDPOINT: "), "{problems:?}");
        let problems = problems_of(&Environment::from_iter([("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")]));
        assert!(
            problems.len() == 1 && problems[0].starts_with("OTEL_EXPORTER_OTLP_TIMEOUT: "),
            "{problems:?}"
        );
    }
}
