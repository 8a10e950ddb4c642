//! The function that is told of a deadlock runs in a look: the loop does not wait meanwhile, and whoever watches it sees that.

use std::future::pending;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use taketurns::insight::{LoopState, What};
use taketurns::time::sleep;
use taketurns::{Builder, Handle, spawn};

async fn a_task_is_stuck_before_a_wait() {
    spawn(pending::<()>()).detach();
    sleep(Duration::from_millis(1)).await;
}

#[test]
fn while_it_runs_the_loop_has_not_begun_to_wait() {
    let (tell, told) = mpsc::channel();
    let builder = Builder::new().on_lost(|_| {}).trace(100).on_deadlock(move |_| {
        let handle = Handle::current();
        tell.send((handle.trace().unwrap(), handle.metrics(), Instant::now())).unwrap();
    });
    let runtime = builder.build().unwrap();
    let built = Instant::now();
    runtime.block_on(a_task_is_stuck_before_a_wait());
    let (trace, metrics, now) = told.recv().unwrap();
    let parked = trace.events().iter().filter(|event| event.what == What::Parked).count();
    assert_eq!(trace.events().last().map(|event| event.what), Some(What::Looked), "{trace:?}");
    assert_eq!((metrics.stands, metrics.parks), (LoopState::Runs, parked as u64));
    let after = runtime.trace().unwrap();
    let next = after.events()[trace.events().len()];
    assert!(next.what == What::Parked && next.at >= now - built, "{after:?}");
}

#[test]
fn the_watchdog_tells_of_it_when_it_does_not_end() {
    let (tell, looks) = mpsc::channel();
    let looks = Mutex::new(looks);
    let (ran, has_run) = mpsc::channel();
    let builder = Builder::new().on_lost(|_| {}).stall_threshold(Duration::from_millis(2));
    let builder = builder.on_stall(move |stall| {
        if stall.is_look() && !stall.is_over() {
            let _ = tell.send(());
        }
    });
    let builder = builder.on_deadlock(move |_| {
        let looks = looks.lock().unwrap();
        while looks.try_recv().is_ok() {} // of other looks, on a busy machine
        ran.send(looks.recv_timeout(Duration::from_secs(10))).unwrap();
    });
    builder.build().unwrap().block_on(a_task_is_stuck_before_a_wait());
    assert_eq!(has_run.recv(), Ok(Ok(())), "it does not end until it is told of");
}
