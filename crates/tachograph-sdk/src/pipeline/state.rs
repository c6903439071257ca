use super::ledger::Ledger;
use super::operations::ExportOperations;

/// What a pipeline holds: a snapshot, of which the parts are read one after the other.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PipelineState {
    /// The kind of exporter.
    pub component_type: &'static str,
    /// Where the exporter records how long its operations take, if it does.
    pub operations: Option<ExportOperations>,
    /// Records that wait: threads' own and the queue's.
    pub queued: u64,
    /// Records that the exporter has now.
    pub in_flight: u64,
    /// Records that were given to the exporter so far, whatever came of it.
    pub processed: u64,
    /// Records that the queue can hold; threads' own are beside it.
    pub capacity: u64,
    /// Bytes of all buffers.
    pub buffer_bytes: u64,
    /// What became of every record.
    pub ledger: Ledger,
}
