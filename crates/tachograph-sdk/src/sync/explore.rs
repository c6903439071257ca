use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs a model in every order of execution that loom finds different, with up to so many preemptions if that is said, and asserts
/// that there was more than one.
///
/// # Who goes first
///
/// Loom notices that two threads' accesses to a word depend on each other by comparing an access with the last one before it. A
/// thread that loads a word just before it stores there, as the only writer of a cell does, has itself for that last one: what
/// another thread read before is forgotten, and the orders in which the store comes first are not tried. So a model has its
/// *writer* run first, in the thread that made the other ones, and readers in threads that are spawned: their loads are compared with
/// the writer's last store, and may see each of the older ones (up to seven of a word) that they are allowed to.
pub fn explore(preemptions: impl Into<Option<usize>>, run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = preemptions.into().or(builder.preemption_bound);
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        run();
    });
    let orders = count.load(Ordering::Relaxed);
    println!("{orders} orders of execution");
    assert!(orders > 1, "the threads of this model have nothing to do with each other");
}
