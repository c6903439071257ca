//! What the lock-free modules are built from: loom's under `--cfg loom`, so that the code that ships is the code that is
//! model-checked, and the standard library's everywhere else.

#[cfg(loom)]
pub(crate) use loom::{
    sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    thread::yield_now,
};
#[cfg(not(loom))]
pub(crate) use std::{
    sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
    thread::yield_now,
};

/// Runs a model in every order of execution that loom finds different, with up to so many preemptions if that is said, and asserts
/// that there was more than one. Writers go first, in the thread that made the others: see the function of this name in the SDK.
#[cfg(all(test, loom))]
pub(crate) fn explore(preemptions: impl Into<Option<usize>>, run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions.into().or(builder.preemption_bound);
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = std::sync::Arc::clone(&count);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        run();
    });
    let orders = count.load(Ordering::Relaxed);
    println!("{orders} orders of execution");
    assert!(orders > 1, "the threads of this model have nothing to do with each other");
}
