//! Ending in any runtime, and without one.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests")]

mod support;

use std::time::Duration;

use support::get;
use tachograph::Telemetry;
use tokio::runtime;

fn telemetry() -> Telemetry {
    Telemetry::builder().without_environment().with_prometheus_address("127.0.0.1:0").install().unwrap()
}

fn current_thread() -> runtime::Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn it_can_be_built_shut_down_and_dropped_without_a_runtime() {
    let telemetry = telemetry();
    let report = telemetry.shutdown_blocking();
    assert_eq!(report, telemetry.shutdown_blocking());
    drop(telemetry);
}

#[test]
fn it_can_be_built_shut_down_and_dropped_in_a_runtime_of_one_thread() {
    current_thread().block_on(async {
        let telemetry = telemetry();
        let report = tokio::time::timeout(Duration::from_secs(5), telemetry.shutdown()).await.unwrap();
        assert_eq!(report, telemetry.shutdown().await);
        drop(telemetry);
    });
}

#[test]
fn it_can_be_shut_down_in_a_runtime_without_timers_and_sockets() {
    let telemetry = telemetry();
    let bare = runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(bare.block_on(telemetry.shutdown()), telemetry.shutdown_blocking());
}

#[test]
fn it_can_be_shut_down_by_an_executor_that_is_not_tokio() {
    let telemetry = telemetry();
    let mut shutdown = std::pin::pin!(telemetry.shutdown());
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let ended = (0..1_000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        shutdown.as_mut().poll(&mut context).is_ready()
    });
    assert!(ended);
}

#[test]
fn it_can_be_dropped_in_a_task_in_a_runtime_and_after_it() {
    let runtime = current_thread();
    let kept = runtime.block_on(async {
        let moved = telemetry();
        tokio::spawn(async move { drop(moved) }).await.unwrap();
        drop(telemetry());
        telemetry()
    });
    drop(runtime);
    drop(kept);
}

#[test]
fn a_shutdown_that_is_given_up_still_ends_the_port_and_can_be_asked_for_again() {
    current_thread().block_on(async {
        let telemetry = telemetry();
        let _ = tokio::time::timeout(Duration::ZERO, telemetry.shutdown()).await;
        telemetry.shutdown().await;
        let url = format!("http://{}/metrics", telemetry.prometheus_addresses()[0]);
        assert!(get(&url).is_err());
    });
}

#[test]
fn many_can_ask_for_the_shutdown_at_once() {
    let telemetry = telemetry();
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..4)
            .flat_map(|_| {
                [
                    scope.spawn(|| telemetry.shutdown_blocking()),
                    scope.spawn(|| current_thread().block_on(telemetry.shutdown())),
                ]
            })
            .collect();
        for report in asked {
            assert_eq!(report.join().unwrap().scrapes, 0);
        }
    });
}

#[test]
fn a_drain_that_is_not_asked_for_never_comes() {
    let telemetry = telemetry();
    current_thread().block_on(async {
        let drain = tokio::time::timeout(Duration::from_millis(50), telemetry.drain_signal());
        assert!(drain.await.is_err());
    });
}

#[test]
fn it_can_be_shared_and_ended_by_a_task_on_another_thread() {
    let telemetry = std::sync::Arc::new(telemetry());
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let shared = std::sync::Arc::clone(&telemetry);
    let report = runtime.block_on(runtime.spawn(async move { shared.shutdown().await })).unwrap();
    assert_eq!(report, telemetry.shutdown_blocking());
    // Its futures and what it makes can be moved, too.
    drop(runtime.spawn(telemetry.drain_signal()));
}
