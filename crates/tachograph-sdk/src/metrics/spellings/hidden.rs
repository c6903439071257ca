//! Hiding and forgetting spellings, when some of the rows they lead to are about to go.
#![allow(unsafe_code)]

use std::sync::atomic::Ordering;

use super::{Spellings, room};

impl Spellings {
    /// Makes sure that nothing is found; says what [`show`](Self::show) and [`forget`](Self::forget) are to be told. The caller keeps
    /// everybody from learning until then.
    pub(in crate::metrics) fn hide(&self) -> usize {
        // Without a shape nothing else is looked at.
        self.shapes.hide()
    }

    /// Has found again what was hidden.
    pub(in crate::metrics) fn show(&self, hidden: usize) {
        self.shapes.show(hidden);
    }

    /// Frees tables that the index has outgrown.
    ///
    /// # Safety
    ///
    /// Nobody is looking for a spelling any more who began before the last was learnt.
    pub(in crate::metrics) unsafe fn free_old_tables(&self) {
        // SAFETY: the caller's promise.
        unsafe { self.index.free_old_tables() };
    }

    /// Forgets what was hidden: it is learnt again, as for `limit` series.
    ///
    /// # Safety
    ///
    /// Nobody is looking for a spelling any more who began before they were hidden.
    pub(in crate::metrics) unsafe fn forget(&self, hidden: usize, limit: usize) {
        let words = self.words.hide();
        // SAFETY: without shapes nobody looks at any of these; before they were hidden somebody may have, says the caller, who is
        // done.
        unsafe {
            self.words.drop_hidden(words);
            self.index.clear();
            self.shapes.drop_hidden(hidden);
        }
        self.failures.store(0, Ordering::Relaxed);
        self.places.store(false, Ordering::Relaxed);
        self.room.store(room(limit), Ordering::Relaxed);
    }
}
