use std::sync::Arc;

use tokio::sync::watch;

/// Whether the pipeline is being shut down, for what waits on another thread meanwhile. Clones are handles to the same.
#[derive(Clone)]
pub(crate) struct Ending(Arc<watch::Sender<bool>>);

impl Ending {
    pub(super) fn new() -> Self {
        Ending(Arc::new(watch::Sender::new(false)))
    }

    /// From now on. May be said again.
    pub(crate) fn begin(&self) {
        self.0.send_replace(true);
    }

    pub(super) fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for it.
    pub(super) async fn begun(&self) {
        // An error would be that this has been dropped.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}
