//! When to try again, and when not.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Duration, SystemTime};

/// The first wait, before jitter.
const FIRST: Duration = Duration::from_millis(500);
/// The longest, before jitter.
const LONGEST: Duration = Duration::from_secs(8);

/// The longest that a receiver can keep an exporter away.
pub(crate) const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// How long to wait before each further try: doubling, and each time somewhere between half of that and all of it,
/// so that clients that lost one receiver do not all come back at once.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    random: u64,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        // The keys of the standard library's hash maps are random: enough for this, and for nothing more.
        Backoff { next: FIRST, random: RandomState::new().hash_one(0) | 1 }
    }

    pub(crate) fn next(&mut self) -> Duration {
        let whole = self.next;
        self.next = LONGEST.min(whole * 2);
        // Marsaglia's xorshift.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let share = (self.random >> 32) as u32;
        whole / 2 + (whole / 2).mul_f64(f64::from(share) / f64::from(u32::MAX))
    }
}

/// Whether an answer of this status says that the same request may be taken later.
pub(crate) fn is_retryable(status: u16) -> bool {
    matches!(status, 429 | 502..=504)
}

/// A `Retry-After` header: seconds, or a date. What is neither is as if it were not there; a date in the past means
/// now.
pub(crate) fn retry_after(value: &[u8], now: SystemTime) -> Option<Duration> {
    let text = std::str::from_utf8(value).ok()?.trim();
    let wait = if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a number can have are a long time.
        Duration::from_secs(text.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(text).ok()?;
        date.duration_since(now).unwrap_or_default()
    };
    Some(wait.min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_differ() {
        let waits = || {
            let mut backoff = Backoff::new();
            (0..8).map(|_| backoff.next()).collect::<Vec<_>>()
        };
        let first = waits();
        for (index, wait) in first.iter().enumerate() {
            let whole = LONGEST.min(FIRST * (1 << index));
            assert!((whole / 2..=whole).contains(wait), "{index}: {wait:?}");
        }
        assert_ne!(first, waits(), "two clients do not come back together");
    }

    #[test]
    fn only_what_the_protocol_names_is_tried_again() {
        let again: Vec<u16> = (100..600).filter(|status| is_retryable(*status)).collect();
        assert_eq!(again, [429, 502, 503, 504]);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_767);
        let read = |text: &str| retry_after(text.as_bytes(), now).map(|wait| wait.as_secs());
        assert_eq!(read("0"), Some(0));
        assert_eq!(read(" 120 "), Some(120));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(10));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:00 GMT"), Some(0), "a date in the past");
        assert_eq!(read("Sunday, 06-Nov-94 08:49:37 GMT"), Some(10), "an obsolete format");
        for nothing in ["", "-1", "1.5", "soon", "+3", "06 Nov 1994"] {
            assert_eq!(read(nothing), None, "{nothing:?}");
        }
        assert_eq!(retry_after(b"\xff", now), None);
    }

    proptest::proptest! {
        #[test]
        fn no_retry_after_makes_it_panic_or_wait_for_long(text: Vec<u8>, digits in "[0-9]{0,30}") {
            for value in [text.as_slice(), digits.as_bytes()] {
                let wait = retry_after(value, SystemTime::now());
                proptest::prop_assert!(wait.is_none_or(|wait| wait <= LONGEST_ASKED));
            }
        }
    }

    #[test]
    fn a_receiver_cannot_keep_an_exporter_away_for_ever() {
        for long in ["99999999999999999999999999", "301", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            assert_eq!(retry_after(long.as_bytes(), SystemTime::UNIX_EPOCH), Some(LONGEST_ASKED), "{long}");
        }
    }
}
