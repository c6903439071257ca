//! What the SDK reports of itself: to `tracing`, or to standard error where nothing listens.

use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The `tracing` target of the SDK's own reports.
pub const TARGET: &str = "tachograph";

/// How long a report of one kind about one subject keeps further ones back.
const QUIET: Duration = Duration::from_secs(60);

/// How many subjects are told apart; beyond that, kinds only.
const SUBJECTS: usize = 1_000;

struct Quiet {
    since: Instant,
    suppressed: u64,
}

/// What was reported: by kind, by subject. Looking up allocates nothing.
#[derive(Default)]
struct Ledger {
    kinds: HashMap<&'static str, HashMap<Box<str>, Quiet>>,
    subjects: usize,
}

static LEDGER: Mutex<Option<Ledger>> = Mutex::new(None);

/// A report that is to be made.
#[derive(Debug, PartialEq)]
struct Admitted {
    /// It is the first of its kind and subject.
    first: bool,
    /// How many were kept back since the last.
    suppressed: u64,
}

/// Reports a problem that the user should know of, at most once a minute for each `kind` and `subject`.
///
/// `kind` names the report, such as `instrument.conflict`; `subject` says about what, such as the
/// instrument's name; `message` says what was wrong, where it came from and what to do. What was kept
/// back is counted, and the count is part of the next report.
///
/// It becomes a `tracing` event of level WARN and target [`TARGET`]. In a program that never set a
/// `tracing` subscriber the first report of each kind and subject goes to standard error instead.
///
/// The subscriber is the user's. Where it panics that is contained, so that who reports need not fear for itself: the first report of each kind
/// and subject goes to standard error then, too, after a line that says so once.
///
/// Crates of this workspace that export what the SDK collects report through here, too. It is not
/// meant for hot paths: it takes a lock.
pub fn report(kind: &'static str, subject: &str, message: impl fmt::Display) {
    let Some(Admitted { first, suppressed }) = admit(kind, subject, Instant::now()) else {
        return;
    };
    if tracing::dispatcher::has_been_set() {
        let heard = contained(|| match suppressed {
            0 => tracing::warn!(target: TARGET, kind, subject, "{message}"),
            _ => tracing::warn!(target: TARGET, kind, subject, suppressed, "{message}"),
        });
        if !heard && first {
            to_stderr(kind, &message);
        }
    } else if first {
        to_stderr(kind, &message);
    }
}

/// Says something that is not a problem, once in a process for each `kind`: level INFO.
pub fn inform(kind: &'static str, message: impl fmt::Display) {
    if admit(kind, "", Instant::now()).is_some_and(|admitted| admitted.first) {
        if tracing::dispatcher::has_been_set() {
            if !contained(|| tracing::info!(target: TARGET, kind, "{message}")) {
                to_stderr(kind, &message);
            }
        } else {
            to_stderr(kind, &message);
        }
    }
}

/// Tells the subscriber; says whether it came through that without a panic.
fn contained(tell: impl FnOnce()) -> bool {
    static SAID: AtomicBool = AtomicBool::new(false);
    let Err(panic) = catch_unwind(AssertUnwindSafe(tell)) else {
        return true;
    };
    if !SAID.swap(true, Ordering::Relaxed) {
        let text = text_of_panic(&*panic);
        to_stderr(
            "subscriber.panic",
            &format_args!(
                "the tracing subscriber panicked when it was told of a report: {text}; look at its layers"
            ),
        );
    }
    let_go(panic);
    false
}

/// The last resort. What cannot be written there either is let go.
fn to_stderr(kind: &str, message: &dyn fmt::Display) {
    let _ = writeln!(std::io::stderr().lock(), "tachograph: {message} [{kind}]");
}

fn admit(kind: &'static str, subject: &str, now: Instant) -> Option<Admitted> {
    let mut ledger = LEDGER.lock().unwrap_or_else(PoisonError::into_inner);
    ledger.get_or_insert_default().admit(kind, subject, now)
}

impl Ledger {
    /// Whether to report now.
    fn admit(&mut self, kind: &'static str, subject: &str, now: Instant) -> Option<Admitted> {
        let quiet = self.kinds.entry(kind).or_default();
        // When there are too many subjects, those not known yet share one.
        let subject = if self.subjects < SUBJECTS || quiet.contains_key(subject) { subject } else { "" };
        match quiet.get_mut(subject) {
            Some(quiet) if now.saturating_duration_since(quiet.since) < QUIET => {
                quiet.suppressed += 1;
                None
            }
            Some(quiet) => {
                quiet.since = now;
                Some(Admitted { first: false, suppressed: std::mem::take(&mut quiet.suppressed) })
            }
            None => {
                self.subjects += 1;
                quiet.insert(subject.into(), Quiet { since: now, suppressed: 0 });
                Some(Admitted { first: true, suppressed: 0 })
            }
        }
    }
}

/// What a panic said, for a report.
pub(crate) fn text_of_panic(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no text)")
}

/// Drops what a panic carried. It is the user's, so that its drop may panic too, and so may the drop of
/// what that throws; after a few rounds of this the last one is left where it is.
pub(crate) fn let_go(mut panic: Box<dyn Any + Send>) {
    for _ in 0..4 {
        match catch_unwind(AssertUnwindSafe(|| drop(panic))) {
            Ok(()) => return,
            Err(thrown) => panic = thrown,
        }
    }
    std::mem::forget(panic);
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Option<Admitted> = Some(Admitted { first: true, suppressed: 0 });

    fn later(suppressed: u64) -> Option<Admitted> {
        Some(Admitted { first: false, suppressed })
    }

    #[test]
    fn reports_of_one_kind_and_subject_are_kept_back_for_a_minute_and_counted() {
        let mut ledger = Ledger::default();
        let start = Instant::now();
        let mut admit =
            |subject, seconds| ledger.admit("kind", subject, start + Duration::from_secs(seconds));
        assert_eq!(admit("a", 0), FIRST);
        assert_eq!(admit("b", 0), FIRST);
        assert_eq!(admit("a", 59), None);
        assert_eq!(admit("a", 60), later(1));
        assert_eq!(admit("a", 121), later(0));
    }

    #[test]
    fn subjects_are_told_apart_up_to_a_bound_and_those_known_stay() {
        let mut ledger = Ledger::default();
        let now = Instant::now();
        assert_eq!(ledger.admit("kind", "known", now), FIRST);
        for n in 0..2 * SUBJECTS {
            ledger.admit("kind", &n.to_string(), now);
        }
        assert_eq!(ledger.kinds["kind"].len(), SUBJECTS + 1);
        assert_eq!(ledger.admit("kind", "one more", now), None, "it shares a subject with the others");
        assert_eq!(ledger.admit("other kind", "a", now), FIRST);
        assert_eq!(ledger.admit("kind", "known", now + QUIET), later(0), "it still has its own");
    }
}
