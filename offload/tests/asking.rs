//! A job that runs is asked to end, and learns of it.

#![forbid(unsafe_code)]

use super::super::check_cancelled;
use super::*;

/// A job that waits for its gate, and then says by what it is asked to end.
fn spawn_asking(pool: &Rc<Pool>) -> (BlockingHandle<Option<String>>, Receiver<()>, Sender<()>) {
    let (begins, begun) = unbounded();
    let (gate, opened) = unbounded::<()>();
    let job = spawn(pool, move || {
        begins.send(()).unwrap();
        let _ = opened.recv();
        let first = check_cancelled();
        assert_eq!(check_cancelled(), first, "a request stays");
        first.err().map(|cancelled| cancelled.reason().to_string())
    });
    (job, begun, gate)
}

#[test]
fn a_job_learns_that_its_handle_was_aborted() {
    let pool = pool(1);
    let (job, begun, gate) = spawn_asking(&pool);
    receive(&begun);
    job.abort();
    assert!(job.is_running());
    drop(gate);
    assert_eq!(wait(job).unwrap().as_deref(), Some("its handle was aborted"));
}

/// Whether a job that runs hears that it is asked to end after `end` has taken its handle.
fn hears(pool: &Rc<Pool>, end: impl FnOnce(BlockingHandle<()>)) -> bool {
    let (begins, begun) = unbounded();
    let (gate, opened) = unbounded::<()>();
    let (says, said) = unbounded();
    let job = spawn(pool, move || {
        begins.send(()).unwrap();
        let _ = opened.recv();
        says.send(check_cancelled().is_err()).unwrap();
    });
    receive(&begun);
    end(job);
    drop(gate);
    receive(&said)
}

#[test]
fn a_job_learns_that_its_guard_was_dropped() {
    let pool = pool(1);
    assert!(hears(&pool, |job| drop(job.abort_on_drop())));
}

#[test]
fn a_job_learns_that_its_runtime_ends() {
    let ends: [fn(Rc<Pool>); 2] = [|pool| _ = pool.shut_down(Some(Duration::ZERO)), drop];
    for end in ends {
        let pool = pool(1);
        let (job, begun, gate) = spawn_asking(&pool);
        receive(&begun);
        end(pool);
        drop(gate);
        assert_eq!(wait(job).unwrap().as_deref(), Some("its runtime ends"));
    }
}

#[test]
fn a_job_that_is_not_asked_hears_nothing_nor_does_a_later_one() {
    let pool = pool(1);
    let (job, begun, gate) = spawn_asking(&pool);
    receive(&begun);
    drop(gate);
    assert_eq!(wait(job).unwrap(), None);

    let (asked, begun, gate) = spawn_asking(&pool);
    receive(&begun);
    asked.abort();
    drop(gate);
    assert!(wait(asked).unwrap().is_some());
    let next = spawn(&pool, || check_cancelled().is_ok()); // on the same thread
    assert!(wait(next).unwrap());
    assert!(check_cancelled().is_ok(), "outside of a job");
}

/// The handle may be gone, but the guard that asked is what counts; a plain drop asks nothing.
#[test]
fn a_detached_job_is_not_asked() {
    let pool = pool(1);
    assert!(!hears(&pool, drop));
}
