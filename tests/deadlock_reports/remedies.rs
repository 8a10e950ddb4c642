//! What a report says that the program can do about a circle.

use std::cell::Cell;
use std::rc::Rc;

use taketurns::insight::Finding;
use taketurns::sync::Mutex;
use taketurns::{JoinHandle, spawn};

use crate::{HOUR, reported, runtime};

#[test]
fn what_to_do_depends_on_what_the_tasks_of_a_circle_wait_for() {
    let end = |circle: fn()| {
        let (runtime, told) = runtime(1, HOUR);
        runtime.block_on(async {
            circle();
            reported().await;
        });
        let (finding, text) = told.only();
        assert_eq!(finding, Finding::Circle);
        text.lines().last().unwrap().to_owned()
    };
    let awaits_itself = || {
        let own: Rc<Cell<Option<JoinHandle<()>>>> = Rc::default();
        let slot = Rc::clone(&own);
        own.set(Some(spawn(async move { slot.take().unwrap().await.unwrap() })));
    };
    assert_eq!(end(awaits_itself), "let the task end without waiting for itself");
    let awaits_with_a_lock = || {
        spawn(async {
            let lock = Rc::new(Mutex::new(()));
            let wanted = Rc::clone(&lock);
            let _held = lock.lock().await;
            spawn(async move { drop(wanted.lock().await) }).await.unwrap();
        })
        .detach();
    };
    let drop = "drop the guard before the task awaits one that takes the same lock";
    assert_eq!(end(awaits_with_a_lock), drop);
}
