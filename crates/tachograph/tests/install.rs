//! The process' own `Telemetry`: what static instruments and the API's global follow, and when.
//!
//! One test, since there is one process.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use support::{page, sample};
use tachograph::{Counter, Static, Telemetry, declare, opentelemetry};

static ORDERS: Static<Counter<u64>> = declare("shop", "orders").with_unit("{order}").build();

fn install() -> Telemetry {
    Telemetry::builder().without_environment().install().unwrap()
}

fn by_global(name: &'static str) {
    opentelemetry::global::meter("library").u64_counter(name).build().add(1, &[]);
}

fn orders(telemetry: &Telemetry) -> Option<f64> {
    sample(&page(telemetry), "orders_total", &[])
}

#[test]
fn statics_and_the_api_follow_the_value_that_was_installed_last() {
    // Before the first: nothing is recorded, and nothing breaks.
    ORDERS.add(1, &());
    by_global("early");

    let first = install();
    ORDERS.add(2, &());
    by_global("library.calls");
    assert_eq!(orders(&first), Some(2.0));
    assert_eq!(sample(&page(&first), "library_calls_total", &[]), Some(1.0));
    assert_eq!(sample(&page(&first), "early_total", &[]), None);

    // A second: statics turn to it with their next measurement, what is bound stays.
    let bound = ORDERS.bind(&());
    let second = install();
    ORDERS.add(10, &());
    bound.add(1);
    assert_eq!((orders(&first), orders(&second)), (Some(3.0), Some(10.0)));
    by_global("library.calls");
    assert_eq!(sample(&page(&second), "library_calls_total", &[]), Some(1.0));

    // The end of one that is followed no more changes nothing.
    first.shutdown_blocking();
    ORDERS.add(10, &());
    assert_eq!(orders(&second), Some(20.0));

    // After the end of the one that is followed nothing is, until another is installed.
    drop(second);
    ORDERS.add(100, &());
    by_global("library.calls");
    let third = install();
    assert_eq!(orders(&third), None);
    ORDERS.add(1, &());
    assert_eq!(orders(&third), Some(1.0));

    // One that is only built is followed by nobody.
    let aside = support::telemetry();
    ORDERS.add(1, &());
    assert_eq!((orders(&third), orders(&aside)), (Some(2.0), None));

    // From several threads at once, while values come and go: nothing breaks.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..1_000).for_each(|_| ORDERS.add(1, &())));
        }
        for _ in 0..20 {
            drop(install());
        }
    });
    let last = install();
    ORDERS.add(7, &());
    assert_eq!(orders(&last), Some(7.0));
}
