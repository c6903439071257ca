//! Spans of asynchronous tasks: futures that are instrumented, and are in their span whenever they are polled.
//!
//! One operation is one span. A trace is a root and ten children that it awaits one after the other; each child yields
//! twice, and with it the root, so that a child is polled three times and the root 21 times. There is no runtime but a loop
//! that polls. As in the group of the macros, each contender is a process of its own, spans are sampled, and exporters only
//! count.

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use fastrace::collector::SpanContext;
use fastrace::future::FutureExt;
use tracing::Instrument;

use super::tracing::{CHILDREN, FASTRACE, FULL, LAZY, NOOP, PEER, REGISTRY, answer, longer, set_up, timed};
use crate::bars::Bars;
use crate::harness::{Contender, Effort, Role, Table, compare};

/// How the group is called; the copies are told by it what they are.
pub(crate) const GROUP: &str = "tasks";

const BARE: &str = "the futures without spans";
/// How often a child yields.
const YIELDS: usize = 2;

const CONTENDERS: [(Role, &str); 7] = [
    (Role::Floor, BARE),
    (Role::Floor, NOOP),
    (Role::Floor, REGISTRY),
    (Role::Ours, LAZY),
    (Role::Ours, FULL),
    (Role::Peer, PEER),
    (Role::Peer, FASTRACE),
];

/// Is pending once.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        // Whoever polls here polls on without being woken. What the compiler sees through is no floor.
        if std::mem::replace(black_box(&mut self.0), true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

async fn child() {
    for _ in 0..YIELDS {
        Yield(false).await;
    }
}

fn block_on(future: impl Future<Output = ()>) {
    let mut future = pin!(future);
    let mut cx = Context::from_waker(Waker::noop());
    while future.as_mut().poll(&mut cx).is_pending() {}
}

/// Traces, until at least `n` spans were made.
fn traces(name: &str, n: usize) {
    for _ in 0..n.div_ceil(1 + CHILDREN) {
        match name {
            BARE => block_on(async {
                for _ in 0..CHILDREN {
                    child().await;
                }
            }),
            FASTRACE => {
                let root = fastrace::Span::root("root", SpanContext::random());
                let children = async {
                    for _ in 0..CHILDREN {
                        child().in_span(fastrace::Span::enter_with_local_parent("child")).await;
                    }
                };
                block_on(children.in_span(root));
            }
            _ => {
                let children = async {
                    for _ in 0..CHILDREN {
                        child().instrument(tracing::info_span!("child")).await;
                    }
                };
                block_on(children.instrument(tracing::info_span!("root")));
            }
        }
    }
}

/// Makes a contender this process's.
fn prepare(name: &str) {
    if name != BARE {
        set_up(name, true);
    }
}

/// What a copy is to be; says whether it was this group's.
pub(crate) fn serve(label: &str) -> bool {
    let Some(name) = label.strip_prefix(GROUP).and_then(|rest| rest.strip_prefix('/')) else { return false };
    prepare(name);
    answer(|n| traces(name, n));
    true
}

/// The loops, for the instruction counter: the first run makes the contender this process's.
pub(crate) fn contenders() -> Vec<Contender<'static>> {
    let of = |(role, name): (Role, &'static str)| {
        let mut ready = false;
        Contender::new(role, name, move |n| {
            if !std::mem::replace(&mut ready, true) {
                prepare(name);
            }
            traces(name, n);
        })
    };
    CONTENDERS.into_iter().map(of).collect()
}

pub(crate) fn run(effort: Effort, bars: &mut Bars) {
    let contenders = CONTENDERS.map(|(role, name)| timed(role, name, &format!("{GROUP}/{name}")));
    let rows = compare(longer(effort), contenders.into());
    let table = Table::new("Instrumented asynchronous tasks, polled three times each", "ns per span", rows);
    table.print();
    for name in [LAZY, FULL] {
        let what = format!("instrumented tasks, {name}");
        bars.ratio(0.6, table.median(name), table.median(FASTRACE), &what, FASTRACE);
    }
}
