use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;

use opentelemetry::Context;
use opentelemetry::trace::{SpanId, TraceId};

use super::live::LiveSpan;
use super::record::{Body, Head, SpanRecord, SpanShared};
use crate::pipeline::{Deadline, FlushError, PipelineState};

/// Is told of spans that start and end. Anyone can implement it.
///
/// Processors are called in the order in which they were added, on the thread that starts or ends the span, for all spans that
/// are recorded, sampled or not. They should be quick, and must not block. They may start spans of their own.
///
/// # Panics
///
/// A span is ended by its drop, perhaps while its thread unwinds already. So the panic of a processor that was added by
/// [`with_processor`](super::TracerProviderBuilder::with_processor) does not reach who starts or ends the span: it is
/// contained, reported ([`crate::diag`]), and the next processor is called as if nothing had happened. The span is then lost
/// to this processor alone, and no account tells of it. A flush that panics fails ([`FlushError::is_panic`]).
pub trait SpanProcessor: fmt::Debug + Send + Sync + 'static {
    /// A span has started; what is set on it now is part of it. `parent` is the context it was started in, where the
    /// caller has one; otherwise [`Context::current`] is what applies.
    fn on_start(&self, span: &mut LiveSpan, parent: Option<&Context>) {
        let _ = (span, parent);
    }

    /// Whether it does anything in [`on_start`](Self::on_start): where no processor does, none is called. Asked once, when the
    /// provider is made. Yes, unless overridden.
    fn hears_starts(&self) -> bool {
        true
    }

    /// A span has ended.
    fn on_end(&self, span: &FinishedSpan<'_>);

    /// All processors are told of a flush before the first is [asked](Self::flush) for it. One that works on a thread of its own has
    /// that begin, so that processors do not wait for each other. It must not block. Not told where it is the only one.
    fn begin_flush(&self) {}

    /// Hands on what is held, and waits until that is done or the deadline has passed.
    ///
    /// # Errors
    ///
    /// When the deadline passed, or the processor has been shut down.
    fn flush(&self, deadline: Deadline) -> Result<(), FlushError> {
        let _ = deadline;
        Ok(())
    }

    /// As [`begin_flush`](Self::begin_flush), of a [shutdown](Self::shutdown), and the deadline it is to have.
    fn begin_shutdown(&self, deadline: Deadline) {
        let _ = deadline;
    }

    /// The end: hands on what is held, and takes nothing more. May be called again, then without effect.
    fn shutdown(&self, deadline: Deadline) {
        let _ = deadline;
    }

    /// What became of the spans so far: of the processor itself, where it exports, and of those it hands spans to.
    fn states(&self) -> Vec<PipelineState> {
        Vec::new()
    }
}

impl<P: SpanProcessor + ?Sized> SpanProcessor for Arc<P> {
    fn on_start(&self, span: &mut LiveSpan, parent: Option<&Context>) {
        (**self).on_start(span, parent);
    }

    fn hears_starts(&self) -> bool {
        (**self).hears_starts()
    }

    fn on_end(&self, span: &FinishedSpan<'_>) {
        (**self).on_end(span);
    }

    fn begin_flush(&self) {
        (**self).begin_flush();
    }

    fn flush(&self, deadline: Deadline) -> Result<(), FlushError> {
        (**self).flush(deadline)
    }

    fn begin_shutdown(&self, deadline: Deadline) {
        (**self).begin_shutdown(deadline);
    }

    fn shutdown(&self, deadline: Deadline) {
        (**self).shutdown(deadline);
    }

    fn states(&self) -> Vec<PipelineState> {
        (**self).states()
    }
}

/// A span that has ended, on its way through the processors.
pub struct FinishedSpan<'a> {
    form: Form<'a>,
    shared: &'a SpanShared,
    encoded: OnceCell<Vec<u8>>,
}

enum Form<'a> {
    /// As it lived.
    Parts(&'a Head, &'a Body),
    /// As it travels.
    Record(&'a [u8]),
}

impl<'a> FinishedSpan<'a> {
    pub(crate) fn new(head: &'a Head, body: &'a Body, shared: &'a SpanShared) -> Self {
        FinishedSpan { form: Form::Parts(head, body), shared, encoded: OnceCell::new() }
    }

    /// One that was kept as a record.
    pub(crate) fn of_record(bytes: &'a [u8], shared: &'a SpanShared) -> Self {
        FinishedSpan { form: Form::Record(bytes), shared, encoded: OnceCell::new() }
    }

    /// The trace it is part of.
    pub fn trace_id(&self) -> TraceId {
        match self.form {
            Form::Parts(head, _) => TraceId::from(head.trace_id()),
            Form::Record(_) => self.record().trace_id(),
        }
    }

    /// Its id.
    pub fn span_id(&self) -> SpanId {
        match self.form {
            Form::Parts(head, _) => SpanId::from(head.span_id),
            Form::Record(_) => self.record().span_id(),
        }
    }

    /// Whether it is to be exported; where not, it was recorded for processors alone.
    #[inline]
    pub fn is_sampled(&self) -> bool {
        match self.form {
            Form::Parts(head, _) => head.is_sampled(),
            Form::Record(_) => self.record().trace_flags().is_sampled(),
        }
    }

    /// Whether it has no parent in this process.
    pub(crate) fn is_local_root(&self) -> bool {
        match self.form {
            Form::Parts(head, _) => head.parent_id == 0 || head.parent_is_remote,
            Form::Record(_) => {
                let record = self.record();
                record.parent_span_id().is_none() || record.parent_is_remote()
            }
        }
    }

    /// All of it. The first call for a span encodes it, which allocates; the batch processor does without.
    pub fn record(&self) -> SpanRecord<'_> {
        let bytes = match self.form {
            Form::Parts(head, body) => self.encoded.get_or_init(|| {
                let len = body.record_len();
                let mut bytes = vec![0; len];
                body.write(head, len, &mut bytes);
                bytes
            }),
            Form::Record(bytes) => bytes,
        };
        SpanRecord::new(bytes, self.shared)
    }

    /// The bytes of the record.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        match self.form {
            Form::Parts(_, body) => body.record_len(),
            Form::Record(bytes) => bytes.len(),
        }
    }

    /// Writes the record, which has so many bytes, at the start of a place.
    #[inline]
    pub(crate) fn write(&self, len: usize, place: &mut [u8]) {
        match self.form {
            Form::Parts(head, body) => body.write(head, len, place),
            Form::Record(bytes) => {
                if let Some(place) = place.get_mut(..bytes.len()) {
                    place.copy_from_slice(bytes);
                }
            }
        }
    }

    /// Appends the record.
    pub(crate) fn append_to(&self, out: &mut Vec<u8>) {
        let (from, len) = (out.len(), self.len());
        out.resize(from + len, 0);
        self.write(len, out.get_mut(from..).unwrap_or_default());
    }
}

impl fmt::Debug for FinishedSpan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.record().fmt(f)
    }
}
