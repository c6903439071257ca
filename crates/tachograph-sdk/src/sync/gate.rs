use super::{AtomicU32, Ordering, pause};

const CLOSED: u32 = 1 << 31;

/// Lets any number of visitors in, and now and then one who wants to be alone, for a moment.
///
/// # Protocol
///
/// The word counts visitors, and has one bit for who is alone. Who wants to be alone sets the bit only if nobody is in
/// (acquire: what visitors did happened before), and never waits. A visitor that finds it set waits: for as long as it
/// takes to replace a few elements. Leaving and opening release.
pub(crate) struct Gate(AtomicU32);

impl Gate {
    pub(crate) fn new() -> Self {
        Gate(AtomicU32::new(0))
    }

    /// Comes in.
    pub(crate) fn enter(&self) {
        let mut attempt = 0;
        loop {
            let word = self.0.load(Ordering::Relaxed);
            if word < CLOSED - 1
                && self.0.compare_exchange_weak(word, word + 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
            {
                return;
            }
            pause(attempt);
            attempt += 1;
        }
    }

    /// Goes; for who came in.
    pub(crate) fn leave(&self) {
        self.0.fetch_sub(1, Ordering::Release);
    }

    /// Runs something while nobody is in; `None` if somebody is.
    pub(crate) fn alone<T>(&self, run: impl FnOnce() -> T) -> Option<T> {
        self.close(0, run)
    }

    /// As [`alone`](Self::alone), for a visitor who looks at nothing meanwhile, and for anybody who acts for one: while no other is in.
    pub(crate) fn alone_within<T>(&self, run: impl FnOnce() -> T) -> Option<T> {
        self.close(1, run)
    }

    fn close<T>(&self, visitors: u32, run: impl FnOnce() -> T) -> Option<T> {
        self.0.compare_exchange(visitors, CLOSED | visitors, Ordering::Acquire, Ordering::Relaxed).ok()?;
        let open = Open(self);
        let result = run();
        drop(open);
        Some(result)
    }
}

/// Opens the gate again, whatever happens.
struct Open<'a>(&'a Gate);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_and(!CLOSED, Ordering::Release);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_alone_while_a_visitor_is_in() {
        let gate = Gate::new();
        assert_eq!(gate.alone(|| 1), Some(1));
        gate.enter();
        gate.enter();
        assert_eq!(gate.alone(|| 1), None);
        gate.leave();
        assert_eq!(gate.alone(|| 1), None);
        gate.leave();
        assert_eq!(gate.alone(|| gate.alone(|| 2)), Some(None), "nor twice");
        assert_eq!(gate.alone(|| 3), Some(3));
    }

    #[test]
    fn a_visitor_is_alone_if_no_other_is_in() {
        let gate = Gate::new();
        assert_eq!(gate.alone_within(|| 1), None, "nobody is in");
        gate.enter();
        assert_eq!(gate.alone_within(|| gate.alone_within(|| 2)), Some(None), "nor twice");
        assert_eq!(gate.alone_within(|| 3), Some(3));
        gate.enter();
        assert_eq!(gate.alone_within(|| 4), None);
        gate.leave();
        gate.leave();
        assert_eq!(gate.alone(|| 5), Some(5));
    }
}

#[cfg(all(test, loom))]
#[allow(unsafe_code, reason = "what is guarded is looked at by whoever got in")]
mod loom_tests {
    use super::*;
    use crate::sync::explore;
    use loom::cell::UnsafeCell;
    use loom::sync::Arc;

    struct Guarded(Gate, UnsafeCell<u32>);
    // SAFETY: this is what the test is about; loom reports it if the gate lets two in.
    unsafe impl Sync for Guarded {}
    // SAFETY: as above.
    unsafe impl Send for Guarded {}

    #[test]
    fn who_is_alone_has_it_alone() {
        explore(None, || {
            let guarded = Arc::new(Guarded(Gate::new(), UnsafeCell::new(0)));
            let other = {
                let guarded = Arc::clone(&guarded);
                loom::thread::spawn(move || {
                    // SAFETY: nobody else is in.
                    guarded.0.alone(|| guarded.1.with_mut(|value| unsafe { *value += 1 }));
                })
            };
            guarded.0.enter();
            // SAFETY: nobody is alone.
            let seen = guarded.1.with(|value| unsafe { *value });
            assert!(seen <= 1);
            guarded.0.leave();
            other.join().unwrap();
        });
    }

    #[test]
    fn who_is_alone_within_has_it_alone() {
        explore(None, || {
            let guarded = Arc::new(Guarded(Gate::new(), UnsafeCell::new(0)));
            let other = {
                let guarded = Arc::clone(&guarded);
                loom::thread::spawn(move || {
                    guarded.0.enter();
                    // SAFETY: nobody is alone.
                    let seen = guarded.1.with(|value| unsafe { *value });
                    assert!(seen <= 1);
                    guarded.0.leave();
                })
            };
            guarded.0.enter();
            // SAFETY: nobody else is in, and this one does not look.
            guarded.0.alone_within(|| guarded.1.with_mut(|value| unsafe { *value += 1 }));
            guarded.0.leave();
            other.join().unwrap();
        });
    }
}
