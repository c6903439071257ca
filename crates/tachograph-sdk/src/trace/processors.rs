use super::batch::BatchSpanProcessor;
use super::processor::SpanProcessor;
use crate::pipeline::{Deadline, FlushError};

/// The processors of an engine, in the order in which they were added.
///
/// The one that most engines have, and have alone, is known by its type and lies in the engine, so that a span that ends is in its
/// buffer without a call through a table of functions.
#[derive(Debug)]
pub(crate) enum Processors {
    Batch(BatchSpanProcessor),
    Any(Box<[Box<dyn SpanProcessor>]>),
}

/// A processor that was made for a provider.
pub(crate) enum Made {
    Batch(BatchSpanProcessor),
    Other(Box<dyn SpanProcessor>),
}

/// Flushes each of several; gives the first error.
pub(crate) fn flush_all<'a>(
    processors: impl Iterator<Item = &'a dyn SpanProcessor> + Clone,
    deadline: Deadline,
) -> Result<(), FlushError> {
    if processors.clone().nth(1).is_some() {
        processors.clone().for_each(SpanProcessor::begin_flush);
    }
    let mut result = Ok(());
    processors.for_each(|processor| result = result.and(processor.flush(deadline)));
    result
}

/// Shuts down each of several.
pub(crate) fn shut_down_all<'a>(
    processors: impl Iterator<Item = &'a dyn SpanProcessor> + Clone,
    deadline: Deadline,
) {
    processors.clone().for_each(|processor| processor.begin_shutdown(deadline));
    processors.for_each(|processor| processor.shutdown(deadline));
}

impl Made {
    pub(crate) fn boxed(self) -> Box<dyn SpanProcessor> {
        match self {
            Made::Batch(batch) => Box::new(batch),
            Made::Other(other) => other,
        }
    }
}

impl Processors {
    pub(crate) fn new(mut made: Vec<Made>) -> Self {
        match (made.pop(), made.is_empty()) {
            (Some(Made::Batch(batch)), true) => Processors::Batch(batch),
            (last, _) => Processors::Any(made.into_iter().chain(last).map(Made::boxed).collect()),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &dyn SpanProcessor> + Clone {
        let (only, all): (Option<&dyn SpanProcessor>, &[Box<dyn SpanProcessor>]) = match self {
            Processors::Batch(batch) => (Some(batch), &[]),
            Processors::Any(all) => (None, all),
        };
        only.into_iter().chain(all.iter().map(AsRef::as_ref))
    }
}
