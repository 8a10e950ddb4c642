//! The end is whole, whatever panics on the way.

#![forbid(unsafe_code)]

use std::future::pending;
use std::panic::Location;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use super::{Builder, OnExit};
use crate::executor::{Chooser, Id};
use crate::insight::UnhandledPanic;
use crate::offload::spawn_blocking;

/// A part of the loop that fails.
struct Fails;

impl Chooser for Fails {
    fn choose(&mut self, _: &[Id]) -> usize {
        panic!("the look");
    }
}

/// Finds the context of its runtime as it is dropped.
struct NeedsContext(Arc<Mutex<Vec<String>>>);

impl Drop for NeedsContext {
    fn drop(&mut self) {
        drop(spawn_blocking(|| ()));
        self.0.lock().unwrap().push("dropped".to_owned());
    }
}

#[test]
fn a_look_that_panics_ends_the_wait_for_tasks_and_nothing_else() {
    let ample = Duration::from_secs(3600);
    for on_exit in [OnExit::Wait { deadline: ample }, OnExit::Cancel { grace: ample }] {
        let said = Arc::new(Mutex::new(Vec::new()));
        let (lost, failed) = (Arc::clone(&said), Arc::clone(&said));
        let (end_job, job_may_end) = mpsc::channel();
        let runtime = Builder::new()
            .on_exit(on_exit)
            .on_lost(move |task| {
                lost.lock().unwrap().push(format!("{} lost", task.id()));
                end_job.send(()).unwrap();
            })
            .unhandled_panic(UnhandledPanic::Call(Arc::new(move |failure| {
                failed.lock().unwrap().push(failure.to_string());
            })))
            .build_with(Some(Box::new(Fails)), Location::caller())
            .unwrap();
        for _ in 0..2 {
            let guard = NeedsContext(Arc::clone(&said));
            let waits = async move {
                let _guard = guard;
                pending::<()>().await;
            };
            runtime.spawn(waits).detach();
        }
        let job = Arc::clone(&said);
        let (started, is_started) = mpsc::channel();
        let entered = runtime.parts.enter();
        drop(spawn_blocking(move || {
            started.send(()).unwrap();
            (0..2).for_each(|_| job_may_end.recv().unwrap());
            job.lock().unwrap().push("the job ended".to_owned());
        }));
        drop(entered);
        is_started.recv().unwrap();
        assert_eq!(runtime.shutdown().lost().len(), 2);
        let told = "the loop panicked, so the end of the runtime no longer waits for its tasks; \
                    no awaiter sees it";
        let expected = [told, "dropped", "dropped", "#1 lost", "#2 lost", "the job ended"];
        assert_eq!(*said.lock().unwrap(), expected);
    }
}
