use std::fmt;

use super::{Mutex, MutexGuard, lock};

/// In the models of what is built on it, a [`QuickLock`](super::quick::QuickLock) is a mutex of loom's, which knows who waits for
/// whom: trying again would be orders of execution without end. The lock itself has a model of its own.
#[derive(Default)]
pub struct QuickLock<T>(Mutex<T>);

/// What is locked.
pub type QuickGuard<'a, T> = MutexGuard<'a, T>;

impl<T> QuickLock<T> {
    /// Locks it.
    pub fn lock(&self) -> QuickGuard<'_, T> {
        lock(&self.0)
    }
}

impl<T> fmt::Debug for QuickLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuickLock").finish_non_exhaustive()
    }
}
