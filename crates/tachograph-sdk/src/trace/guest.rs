use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::diag;

/// Calls a sampler, a generator of ids or a clock of the user's. A panic of it stays here, for a span starts wherever a program does
/// anything, and ends in a drop: it is reported, and `instead` is what comes of the call. `what` panicked, and `so` is what that means.
#[inline]
pub(super) fn call<T>(
    what: &'static str,
    so: &str,
    call: impl FnOnce() -> T,
    instead: impl FnOnce() -> T,
) -> T {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result,
        Err(panic) => {
            diag::report(
                "guest.panic",
                what,
                format_args!("{what} panicked: {}; {so}; mend it", diag::text_of_panic(&*panic)),
            );
            diag::let_go(panic);
            instead()
        }
    }
}
