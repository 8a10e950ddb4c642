//! Lesson 1: a task that is not awaited ends with the loop.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::future::pending;
use std::rc::Rc;

use futures::channel::oneshot;
use taketurns::time::sleep;
use taketurns::{spawn, task, yield_now};

use crate::common::Trace;
use crate::{SECOND, losing};

async fn background(trace: Trace) {
    for i in 0..5 {
        trace.push(i);
        sleep(SECOND).await;
    }
    trace.push("finished");
}

#[test]
fn takes_one_turn_and_is_named_in_the_report() {
    let trace = Trace::new();
    let runtime = losing();
    let line = line!() + 4;
    runtime.block_on(async {
        trace.push("a");
        let builder = task::Builder::new().name("background");
        builder.spawn(background(trace.clone())).detach();
        trace.push("b");
    });
    assert_eq!(trace.take(), "a b 0");
    let report = runtime.shutdown();
    let [lost] = report.lost() else { panic!("one task was lost: {report:?}") };
    assert_eq!((lost.name(), lost.polls()), (Some("background"), 1));
    assert_eq!((lost.site().file(), lost.site().line()), (file!(), line));
    assert_eq!(trace.take(), "");
}

/// Takes turn after turn, and ends the wait for `told` in the first.
async fn spin(name: char, trace: Trace, told: Rc<Cell<Option<oneshot::Sender<()>>>>) {
    for turn in 0..9 {
        trace.push(format_args!("{name}{turn}"));
        told.take().map(|told| told.send(()));
        yield_now().await;
    }
}

#[test]
fn what_is_ready_as_the_root_ends_takes_one_last_turn_in_the_order_of_the_queue() {
    let trace = Trace::new();
    let runtime = losing();
    runtime.block_on(async {
        let (tell, told) = oneshot::channel();
        let tell = Rc::new(Cell::new(Some(tell)));
        spawn(spin('t', trace.clone(), tell.clone())).detach();
        spawn(spin('u', trace.clone(), tell)).detach();
        told.await.unwrap();
        trace.push("root-ends");
    });
    assert_eq!(trace.take(), "t0 u0 root-ends t1 u1");
}

#[test]
fn nothing_else_needs_to_refer_to_a_task_for_it_to_live() {
    let trace = Trace::new();
    let runtime = losing();
    runtime.block_on(async {
        let dropped = trace.on_drop("dropped");
        spawn(async move {
            let _dropped = dropped;
            pending::<()>().await;
        })
        .detach();
        yield_now().await;
        trace.push("root-ends");
    });
    assert_eq!(trace.take(), "root-ends");
    assert_eq!(runtime.shutdown().lost().len(), 1);
    assert_eq!(trace.take(), "dropped");
}
