/// What is known about whether a trace's spans of this process are exported; see
/// [`TracerProvider::keep_trace`](crate::trace::TracerProvider::keep_trace).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TraceFate {
    /// Tail sampling holds the trace and will keep it, or has kept it.
    Kept,
    /// Tail sampling has dropped the trace. Its spans that end from now on are dropped, too.
    Dropped,
    /// It cannot be told. Without tail sampling the trace's sampled flag is all there is to know. With it, the trace is none that
    /// was sampled here, or was decided about so long ago that it is forgotten.
    Unknown,
}

impl TraceFate {
    /// As yes, no, or unknown: for who has no use for this type.
    pub fn is_kept(self) -> Option<bool> {
        match self {
            TraceFate::Kept => Some(true),
            TraceFate::Dropped => Some(false),
            TraceFate::Unknown => None,
        }
    }

    pub(super) fn of_decision(kept: Option<bool>) -> Self {
        match kept {
            Some(true) => TraceFate::Kept,
            Some(false) => TraceFate::Dropped,
            None => TraceFate::Unknown,
        }
    }
}
