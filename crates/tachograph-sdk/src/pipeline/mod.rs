//! From finished records to an exporter: one bounded queue and worker for every signal.
//!
//! - [`Exporter`]: sends batches; anyone can implement it.
//! - [`Batch`]: the records, read in place.
//! - [`BatchPipeline`]: the queue and its worker, a thread of its own.
//! - [`Ledger`]: what became of every record: created = exported + dropped + queued, exactly.

mod batch;
mod config;
mod contained;
mod deadline;
mod error;
mod exporter;
mod inside;
mod lane;
mod ledger;
mod operations;
mod processor;
mod queue;
mod record;
mod simple;
mod state;
mod worker;

pub use batch::{Batch, Records};
pub use config::BatchConfig;
pub use deadline::Deadline;
pub use error::FlushError;
pub use exporter::{ExportOutcome, Exporter, ShutdownNotice};
pub(crate) use inside::is_inside;
pub use inside::is_suppressed;
pub(crate) use lane::OwnLane;
pub use ledger::{Dropped, Ledger, reason};
pub use operations::ExportOperations;
pub use processor::BatchPipeline;
pub use record::Record;
pub(crate) use record::{LENGTH, length, sealed};
pub(crate) use simple::SimplePipeline;
pub use state::PipelineState;
