//! Accounting for a panic that passes through.

use super::in_flight::InFlight;
use super::series::Failure;

/// Held while the user's code runs: if it unwinds, the request ends here and now as a panic.
///
/// The alternative, to ask `std::thread::panicking()` when the request is dropped, would call it a
/// panic when another future's panic drops this one, and would miss a panic that is caught above
/// before the future is dropped.
pub(crate) struct OnUnwind<'a>(&'a mut Option<InFlight>);

impl<'a> OnUnwind<'a> {
    pub(crate) fn watch(in_flight: &'a mut Option<InFlight>) -> Self {
        Self(in_flight)
    }

    /// The request, to note what is learnt of it before the user's code has returned.
    pub(crate) fn request(&mut self) -> Option<&mut InFlight> {
        self.0.as_mut()
    }

    /// The user's code returned.
    pub(crate) fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for OnUnwind<'_> {
    fn drop(&mut self) {
        InFlight::end(self.0, Failure::Panic);
    }
}
