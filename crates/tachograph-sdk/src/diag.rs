//! What the SDK reports of itself: to `tracing`, or to standard error where nothing listens.

use std::collections::HashMap;
use std::fmt;
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

type Ledger = HashMap<(&'static str, Box<str>), Quiet>;

static LEDGER: Mutex<Option<Ledger>> = Mutex::new(None);

/// Reports a problem that the user should know of, at most once a minute for each `kind` and `subject`.
///
/// `kind` names the report, such as `instrument.conflict`; `subject` says about what, such as the
/// instrument's name; `message` says what was wrong, where it came from and what to do. What was kept
/// back is counted, and the count is part of the next report.
///
/// It becomes a `tracing` event of level WARN and target [`TARGET`]. In a program that never set a
/// `tracing` subscriber the first report of each kind and subject goes to standard error instead.
///
/// Crates of this workspace that export what the SDK collects report through here, too. It is not
/// meant for hot paths: it takes a lock.
pub fn report(kind: &'static str, subject: &str, message: impl fmt::Display) {
    let Some(suppressed) = admit(kind, subject, Instant::now()) else {
        return;
    };
    if tracing::dispatcher::has_been_set() {
        match suppressed {
            0 => tracing::warn!(target: TARGET, kind, subject, "{message}"),
            _ => tracing::warn!(target: TARGET, kind, subject, suppressed, "{message}"),
        }
    } else if suppressed == 0 {
        to_stderr(kind, &message);
    }
}

/// Says something that is not a problem, once in a process for each `kind`: level INFO.
pub fn inform(kind: &'static str, message: impl fmt::Display) {
    if admit(kind, "", Instant::now()) == Some(0) {
        if tracing::dispatcher::has_been_set() {
            tracing::info!(target: TARGET, kind, "{message}");
        } else {
            to_stderr(kind, &message);
        }
    }
}

#[expect(clippy::print_stderr, reason = "the last resort of a program without a subscriber")]
fn to_stderr(kind: &str, message: &dyn fmt::Display) {
    eprintln!("tachograph: {message} [{kind}]");
}

/// Whether to report now, and how many reports were kept back since the last.
fn admit(kind: &'static str, subject: &str, now: Instant) -> Option<u64> {
    let mut ledger = LEDGER.lock().unwrap_or_else(PoisonError::into_inner);
    let ledger = ledger.get_or_insert_default();
    let subject = if ledger.len() < SUBJECTS { subject } else { "" };
    match ledger.get_mut(&(kind, Box::from(subject))) {
        Some(quiet) if now.saturating_duration_since(quiet.since) < QUIET => {
            quiet.suppressed += 1;
            None
        }
        Some(quiet) => {
            quiet.since = now;
            Some(std::mem::take(&mut quiet.suppressed))
        }
        None => {
            ledger.insert((kind, Box::from(subject)), Quiet { since: now, suppressed: 0 });
            Some(0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_of_one_kind_and_subject_are_kept_back_for_a_minute_and_counted() {
        let start = Instant::now();
        assert_eq!(admit("test.kind", "a", start), Some(0));
        assert_eq!(admit("test.kind", "b", start), Some(0));
        assert_eq!(admit("test.kind", "a", start + Duration::from_secs(59)), None);
        assert_eq!(admit("test.kind", "a", start + Duration::from_secs(60)), Some(1));
        assert_eq!(admit("test.kind", "a", start + Duration::from_secs(121)), Some(0));
    }
}
