use std::time::Duration;

/// The shortest schedule: with none at all the worker would look for records without a pause, on a core of its own.
const MIN_SCHEDULE_DELAY: Duration = Duration::from_millis(1);

/// How records are queued, batched and exported: the specification's batch processor.
///
/// [`BatchConfig::spans`] has the defaults of the `OTEL_BSP_*` variables. What is out of range is
/// brought into it when a pipeline is made: a size of zero counts as one, a schedule
/// shorter than a millisecond as one of a millisecond, and a batch is never larger than the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchConfig {
    /// How long records wait at most before they are exported. 5 s for spans, and never less than 1 ms.
    pub schedule_delay: Duration,
    /// How long one call of the exporter may take; zero is without end. 30 s.
    pub export_timeout: Duration,
    /// How many records the queue holds; 2,048. Records that threads have ended but not yet handed to
    /// the queue are beside it: see [`thread_bytes`](Self::thread_bytes).
    pub max_queue_size: usize,
    /// How many records one call of the exporter gets; 512. As many, or a quarter of the queue if that is more, wake the
    /// worker before it is time.
    pub max_export_batch_size: usize,
    /// How many bytes of buffers the pipeline uses in all: threads' own, the queue's and those being
    /// exported; 32 MiB. What would exceed it is dropped and counted.
    pub max_bytes: usize,
    /// How many bytes a thread gathers before it hands them to the queue; 16 KiB, and never less than 1 KiB.
    /// A thread also hands over when it has gathered a batch.
    pub thread_bytes: usize,
}

impl BatchConfig {
    /// The defaults for spans.
    pub fn spans() -> Self {
        BatchConfig {
            schedule_delay: Duration::from_secs(5),
            export_timeout: Duration::from_secs(30),
            max_queue_size: 2_048,
            max_export_batch_size: 512,
            max_bytes: 32 << 20,
            thread_bytes: 16 << 10,
        }
    }

    /// How long records wait at most before they are exported; less than 1 ms counts as that.
    #[must_use]
    pub fn with_schedule_delay(mut self, delay: Duration) -> Self {
        self.schedule_delay = delay;
        self
    }

    /// How long one call of the exporter may take; zero is without end.
    #[must_use]
    pub fn with_export_timeout(mut self, timeout: Duration) -> Self {
        self.export_timeout = timeout;
        self
    }

    /// How many records the queue holds.
    #[must_use]
    pub fn with_max_queue_size(mut self, records: usize) -> Self {
        self.max_queue_size = records;
        self
    }

    /// How many records one call of the exporter gets.
    #[must_use]
    pub fn with_max_export_batch_size(mut self, records: usize) -> Self {
        self.max_export_batch_size = records;
        self
    }

    /// How many bytes of buffers the pipeline uses in all.
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How many bytes a thread gathers before it hands them to the queue.
    #[must_use]
    pub fn with_thread_bytes(mut self, bytes: usize) -> Self {
        self.thread_bytes = bytes;
        self
    }

    /// With every value in its range.
    pub(crate) fn in_range(mut self) -> Self {
        self.schedule_delay = self.schedule_delay.max(MIN_SCHEDULE_DELAY);
        self.max_queue_size = self.max_queue_size.max(1);
        self.max_export_batch_size = self.max_export_batch_size.clamp(1, self.max_queue_size);
        self.thread_bytes = self.thread_bytes.clamp(1 << 10, 1 << 30);
        self.max_bytes = self.max_bytes.max(2 * self.thread_bytes);
        self
    }
}
