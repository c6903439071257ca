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

use crate::environment::{Environment, Settings};
use crate::error::Error;
#[cfg(feature = "otlp")]
use {
    crate::environment::Problem,
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

    /// The provider that code and environment ask for. `environment` is `None` where code alone decides.
    pub(crate) fn provider(
        mut self,
        environment: Option<&Environment>,
        settings: &Settings,
        resource: Resource,
        strict: bool,
    ) -> Result<TracerProvider, Error> {
        let mut provider = TracerProvider::builder().with_resource(resource);
        if settings.disabled {
            return Ok(passing_through(provider));
        }
        let traces = &settings.traces;
        self.export_by_otlp(environment, traces.otlp, strict)?;
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
    /// Adds the OTLP exporter, if code or the environment asks for it. Where code has exporters of its own, saying
    /// nothing does not ask for it.
    fn export_by_otlp(
        &mut self,
        environment: Option<&Environment>,
        asked: Option<bool>,
        strict: bool,
    ) -> Result<(), Error> {
        let (config, must) = match (self.otlp.take(), environment) {
            (Some(config), _) => (config, true),
            (None, Some(environment)) if asked.unwrap_or(self.stages.is_empty()) => {
                (config_of(environment, strict)?, strict)
            }
            (None, _) => return Ok(()),
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
fn config_of(environment: &Environment, strict: bool) -> Result<OtlpConfig, Error> {
    let problems = RefCell::new(Vec::new());
    let (config, warnings) = OtlpConfig::traces_from_env(|name| {
        let value = environment.get(name)?.into_string();
        value.map_err(|_| problems.borrow_mut().push(Problem::not_text(name.to_owned()))).ok()
    });
    let mut problems = problems.into_inner();
    problems.extend(warnings.iter().map(|warning| Problem {
        variable: warning.variable().to_owned().into(),
        message: warning.text().to_owned(),
    }));
    if strict && !problems.is_empty() {
        return Err(Error::environment(problems));
    }
    for problem in problems {
        diag::report("environment", &problem.variable, &problem);
    }
    Ok(config)
}

#[cfg(not(feature = "otlp"))]
impl TraceParts {
    fn export_by_otlp(&mut self, _: Option<&Environment>, asked: Option<bool>, _: bool) -> Result<(), Error> {
        if asked == Some(true) {
            tachograph_sdk::diag::report(
                "environment",
                "OTEL_TRACES_EXPORTER",
                "OTEL_TRACES_EXPORTER: otlp was left out of this program; build it with the feature `otlp` of the tachograph crate",
            );
        }
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
        let environment = Environment::from_os(|name| {
            (name == "OTEL_EXPORTER_OTLP_ENDPOINT").then(|| OsString::from_vec(b"http://\xff".to_vec()))
        });
        let error = config_of(&environment, true).unwrap_err().to_string();
        assert!(error.contains("OTEL_EXPORTER_OTLP_ENDPOINT") && error.contains("UTF-8"), "{error}");
        assert_eq!(error.matches("OTEL_EXPORTER_OTLP_ENDPOINT").count(), 1, "{error}");
        let environment = Environment::from_iter([("OTEL_EXPORTER_OTLP_TIMEOUT", "soon")]);
        let error = config_of(&environment, true).unwrap_err().to_string();
        assert_eq!(error.matches("OTEL_EXPORTER_OTLP_TIMEOUT").count(), 1, "{error}");
        assert!(config_of(&environment, false).is_ok());
    }
}
