//! A pair of fences of which the frequent side costs next to nothing.
#![allow(unsafe_code)]

// What every reader of another's flag needs: I have set mine before I look at yours, and you yours before you look at mine.
// With fences of equal weight both pay for it. Here one side runs with every record and the other once in a long while, so that
// the rare side has the kernel fence all threads of the process (Linux: `membarrier`), and the frequent side keeps only the
// compiler from reordering. Where the kernel does not offer that, both fence for themselves.

/// Orders what this thread wrote before what it reads next, towards whoever calls [`heavy`].
#[inline(always)]
pub(crate) fn light() {
    imp::light();
}

/// Orders what this thread wrote before what it reads next, towards whoever calls [`light`]. `false` if the kernel, which has
/// promised to do it, refused.
pub(crate) fn heavy() -> bool {
    imp::heavy()
}

#[cfg(all(target_os = "linux", not(loom), not(miri)))]
mod imp {
    use std::sync::atomic::{AtomicU8, Ordering, compiler_fence, fence};

    const UNKNOWN: u8 = 0;
    const ASYMMETRIC: u8 = 1;
    const SYMMETRIC: u8 = 2;

    /// Which it is, for the life of the process.
    static KIND: AtomicU8 = AtomicU8::new(UNKNOWN);

    #[inline(always)]
    pub(super) fn light() {
        if KIND.load(Ordering::Relaxed) == ASYMMETRIC {
            compiler_fence(Ordering::SeqCst);
        } else {
            light_by_itself();
        }
    }

    #[cold]
    #[inline(never)]
    fn light_by_itself() {
        kind();
        // Whichever it is: whoever comes here first has not relied on the kernel.
        fence(Ordering::SeqCst);
    }

    pub(super) fn heavy() -> bool {
        fence(Ordering::SeqCst);
        kind() == SYMMETRIC || membarrier(libc::MEMBARRIER_CMD_PRIVATE_EXPEDITED)
    }

    fn kind() -> u8 {
        let known = KIND.load(Ordering::Relaxed);
        if known != UNKNOWN {
            return known;
        }
        let registered = membarrier(libc::MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED);
        let kind = if registered { ASYMMETRIC } else { SYMMETRIC };
        // The first answer stays: nobody may rely on the kernel while others do not.
        match KIND.compare_exchange(UNKNOWN, kind, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => kind,
            Err(first) => first,
        }
    }

    fn membarrier(command: libc::c_int) -> bool {
        // SAFETY: the call takes integers alone, and touches no memory of the process.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }
}

#[cfg(not(all(target_os = "linux", not(loom), not(miri))))]
mod imp {
    use crate::sync::{Ordering, fence};

    #[inline(always)]
    pub(super) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(super) fn heavy() -> bool {
        fence(Ordering::SeqCst);
        true
    }
}
