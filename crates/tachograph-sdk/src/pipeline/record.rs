/// A kind of record that a pipeline carries: spans, log records.
///
/// Records travel as bytes in a form of the engine's own, each with its length before it, so that one
/// queue serves every signal. Implemented by the engine alone.
pub trait Record: sealed::Sealed + Sized + 'static {
    /// What all records of a pipeline have in common, such as their resource.
    type Shared: Send + Sync + 'static;

    /// A record as an exporter reads it.
    type View<'a>;

    /// How messages call the signal, such as `span`.
    const NAME: &'static str;

    /// Reads a record, its length included.
    fn view<'a>(bytes: &'a [u8], shared: &'a Self::Shared) -> Self::View<'a>;
}

pub(crate) mod sealed {
    /// Keeps [`Record`](super::Record) to the engine: a view trusts the bytes it reads.
    pub trait Sealed {}
}

/// Bytes of a record's length, which is the first thing in it and counts itself.
pub(crate) const LENGTH: usize = 4;

/// The length of the record that `bytes` begin with, at least one and never beyond `bytes`.
pub(crate) fn length(bytes: &[u8]) -> usize {
    let length =
        bytes.first_chunk::<LENGTH>().map_or(bytes.len(), |length| u32::from_ne_bytes(*length) as usize);
    length.clamp(1.min(bytes.len()), bytes.len())
}
