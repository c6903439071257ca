//! Guards that record: how long something took, and that it is in progress.

mod support;

// Where derived code looks for its traits unless told otherwise: the facade.
extern crate tachograph_sdk as tachograph;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use support::{only, provider, reports_of, snapshot};
use tachograph_macros::{AttributeValue, Attributes};
use tachograph_sdk::metrics::NumberValue;
use tachograph_sdk::testing::ValueSnapshot;
use tachograph_sdk::{Histogram, HistogramNumber, InProgress, Static, Timer, UpDownCounter, declare};

#[derive(AttributeValue, Clone, Copy)]
enum Outcome {
    Done,
    Failed,
}

#[derive(Attributes)]
struct Work {
    outcome: Outcome,
}

const FAILED: Work = Work { outcome: Outcome::Failed };
const DONE: Work = Work { outcome: Outcome::Done };

#[test]
fn a_timer_records_however_the_work_ends() {
    let provider = provider();
    let took: Histogram<f64, Work> = provider.meter("m").histogram("took").with_unit("s").build();
    let work = |text: &str| -> Result<u32, std::num::ParseIntError> {
        let timer = took.start_timer(FAILED);
        thread::sleep(Duration::from_millis(2));
        let number = text.parse()?;
        assert!(number < 10, "too many");
        timer.stop_with(DONE);
        Ok(number)
    };
    work("7").unwrap();
    work("seven").unwrap_err();
    catch_unwind(AssertUnwindSafe(|| work("70"))).unwrap_err();
    let snapshot = snapshot(&provider);
    let took = snapshot.metric("took");
    assert_eq!((took.histogram(&DONE).count(), took.histogram(&FAILED).count()), (1, 2));
    for attributes in [DONE, FAILED] {
        assert!(took.histogram(&attributes).min().unwrap().as_f64() >= 0.002);
    }
}

#[test]
fn a_timer_says_what_it_recorded_and_may_be_told_other_attributes_or_to_record_nothing() {
    let provider = provider();
    let took: Histogram<u64> = provider.meter("m").histogram("took").with_unit("ns").build();
    let mut timer = took.start_timer([("to", "a")]);
    timer.attributes_mut()[0].1 = "b";
    let elapsed = timer.elapsed();
    let stopped = timer.stop();
    assert!(stopped >= elapsed);
    took.start_timer([("to", "c")]).discard();
    let snapshot = snapshot(&provider);
    snapshot.metric("took").assert_series(1);
    snapshot.metric("took").assert_histogram(&[("to", "b")], 1, stopped.as_nanos() as u64);
}

#[test]
fn timers_of_a_series_and_of_a_static_record_in_it() {
    static TOOK: Static<Histogram<f64, Work>> = declare("statics", "took").with_unit("ms").build();
    let provider = provider();
    tachograph_sdk::follow(&provider);
    let bound = TOOK.bind(&DONE);
    let in_series = bound.start_timer().stop();
    let timer: Timer<'static, f64, Work> = TOOK.start_timer(DONE);
    let elsewhere = thread::spawn(move || timer.stop()).join().unwrap();
    let sum = in_series.as_nanos() as f64 / 1e6 + elsewhere.as_nanos() as f64 / 1e6;
    snapshot(&provider).metric("took").assert_histogram(&DONE, 2, sum);
}

/// What is recorded of three quarters of a second, by all three ways.
fn in_unit<N: HistogramNumber>(unit: &'static str) -> f64 {
    let provider = provider();
    let took: Histogram<N> = provider.meter("m").histogram("took").with_unit(unit).build();
    let typed: Histogram<N, Work> = provider.meter("m").histogram("took").with_unit(unit).build();
    let duration = Duration::from_millis(750);
    took.record_duration(duration, &DONE);
    typed.record_duration(duration, &DONE);
    took.bind(&DONE).record_duration(duration);
    let snapshot = snapshot(&provider);
    assert_eq!(snapshot.metric("took").count(), 3);
    snapshot.metric("took").histogram(&DONE).sum().as_f64() / 3.0
}

#[test]
fn a_duration_is_recorded_in_the_histograms_unit() {
    for (unit, expected) in [("s", 0.75), ("", 0.75), ("ms", 750.0), ("us", 7.5e5), ("ns", 7.5e8)] {
        assert_eq!(in_unit::<f64>(unit), expected, "{unit}");
        assert_eq!(in_unit::<u64>(unit), expected.round(), "{unit}");
    }
}

#[test]
fn a_duration_in_a_unit_of_something_else_is_in_seconds_and_reported() {
    let reports = reports_of(|| assert_eq!(in_unit::<f64>("By"), 0.75));
    let report = only(&reports, "instrument.duration");
    assert_eq!((report.level.as_str(), report.subject.as_str()), ("WARN", "took"));
    assert!(reports_of(|| assert_eq!(in_unit::<f64>(""), 0.75)).is_empty());
}

#[test]
fn timers_and_durations_of_no_provider_record_nothing() {
    static NOWHERE: Static<Histogram<f64, Work>> = declare("nowhere.guards", "took").build();
    NOWHERE.record_duration(Duration::MAX, &DONE);
    NOWHERE.start_timer(DONE).stop();
}

#[test]
fn what_is_in_progress_is_counted_until_it_ends_however_it_ends() {
    let provider = provider();
    let active: UpDownCounter<i64, Work> = provider.meter("m").up_down_counter("active").build();
    let value = || snapshot(&provider).metric("active").value(&DONE);
    let first = active.in_progress(&DONE);
    let second = thread::scope(|scope| scope.spawn(|| active.in_progress(&DONE)).join().unwrap());
    assert_eq!(value(), 2);
    drop(first);
    assert_eq!(value(), 1);
    catch_unwind(AssertUnwindSafe(|| {
        let _third = active.in_progress(&DONE);
        assert_eq!(value(), 3, "it is two, so this panics");
    }))
    .unwrap_err();
    assert_eq!(value(), 1);
    drop(second);
    assert_eq!(value(), 0);
    let bound = active.bind(&DONE);
    let guard: InProgress<i64> = bound.in_progress();
    drop(bound);
    assert_eq!(value(), 1);
    drop(guard);
    assert_eq!(value(), 0);
}

#[test]
fn a_series_with_something_in_progress_is_neither_removed_nor_taken_for_the_overflow() {
    let provider = provider();
    let meter = provider.meter("m");
    let active: UpDownCounter<i64> = meter.up_down_counter("active").with_cardinality_limit(2).build();
    let first = active.in_progress(&[("to", "a")]);
    assert!(!active.remove(&[("to", "a")]));
    // The limit is met: this one is in the overflow series, and has to leave it again.
    active.add(0, &[("to", "b")]);
    let beyond = active.in_progress(&[("to", "c")]);
    assert!(active.remove(&[("to", "b")]));
    drop((first, beyond));
    for point in snapshot(&provider).metric("active").points() {
        assert_eq!(point.value, ValueSnapshot::Number(NumberValue::I64(0)), "{point:?}");
    }
}

#[test]
fn guards_go_where_their_work_goes() {
    fn goes<T: Send + Sync>(_: &T) {}
    let provider = provider();
    let took: Histogram<f64> = provider.meter("m").histogram("took").build();
    let active: UpDownCounter<f64> = provider.meter("m").up_down_counter("active").build();
    goes(&took.start_timer([("to", "a")]));
    goes(&active.in_progress(&()));
}
