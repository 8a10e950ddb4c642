//! Calls: when they come, in which order with tasks, and how they are taken back.

use std::cell::{Cell, RefCell};
use std::panic::panic_any;
use std::rc::Rc;
use std::time::Duration;

use super::harness::{SECOND, looped, ms};
use super::{CallHandle, Instant, advance, call_at, call_later, sleep};
use crate::executor::{spawn, yield_now};

/// What happened, in order.
#[derive(Clone, Default)]
struct Events(Rc<RefCell<Vec<String>>>);

impl Events {
    fn push(&self, event: &str) {
        self.0.borrow_mut().push(event.to_owned());
    }

    /// A function to be called.
    fn says(&self, event: &'static str) -> impl FnOnce() + use<> {
        let events = self.clone();
        move || events.push(event)
    }

    fn take(&self) -> String {
        self.0.take().join(" ")
    }
}

#[test]
fn each_call_comes_once_at_its_deadline() {
    looped(|executor, _| {
        let events = Events::default();
        executor.block_on(async {
            let start = Instant::now();
            let later = events.clone();
            let tell = move || later.push(&format!("{:?}", start.elapsed()));
            call_later(ms(3), tell.clone());
            call_at(start + ms(1), tell.clone());
            call_later(ms(2), tell);
            advance(SECOND).await;
            assert_eq!(start.elapsed(), SECOND);
        });
        assert_eq!(events.take(), "1ms 2ms 3ms");
    });
}

#[test]
fn a_call_that_is_due_waits_only_for_its_turn() {
    looped(|executor, _| {
        let events = Events::default();
        executor.block_on(async {
            let says = events.says("before");
            spawn(async { says() }).detach();
            call_later(Duration::ZERO, events.says("call"));
            call_at(Instant::now() - SECOND, events.says("past"));
            let says = events.says("after");
            spawn(async { says() }).detach();
            events.push("root");
            yield_now().await;
            events.push("root");
        });
        assert_eq!(events.take(), "root before call past after root");
    });
}

#[test]
fn calls_whose_deadlines_have_passed_come_in_the_order_in_which_they_were_made() {
    looped(|executor, _| {
        let events = Events::default();
        executor.block_on(async {
            let now = Instant::now();
            call_at(now - ms(1), events.says("1"));
            call_at(now - ms(3), events.says("2"));
            call_at(now, events.says("3"));
            call_at(now - ms(2), events.says("4"));
            yield_now().await;
        });
        assert_eq!(events.take(), "1 2 3 4");
    });
}

/// A task that sleeps for a millisecond, and then calls `f`.
fn sleeper(f: impl FnOnce() + 'static) {
    let task = async {
        sleep(ms(1)).await;
        f();
    };
    spawn(task).detach();
}

#[test]
fn at_one_deadline_calls_and_sleeps_come_in_the_order_of_their_first_turns() {
    looped(|executor, _| {
        let events = Events::default();
        executor.block_on(async {
            sleeper(events.says("1"));
            call_later(ms(1), events.says("2"));
            sleeper(events.says("3"));
            call_later(ms(1), events.says("4"));
            advance(ms(1)).await;
        });
        assert_eq!(events.take(), "1 2 3 4");
    });
}

#[test]
fn a_dropped_handle_changes_nothing() {
    looped(|executor, _| {
        let events = Events::default();
        executor.block_on(async {
            drop(call_later(ms(1), events.says("called")));
            advance(ms(1)).await;
        });
        assert_eq!(events.take(), "called");
    });
}

/// Says something when dropped.
struct Says(Events, &'static str);

impl Drop for Says {
    fn drop(&mut self) {
        self.0.push(self.1);
    }
}

#[test]
fn a_cancelled_call_is_dropped_in_the_next_turn_of_its_task() {
    looped(|executor, timers| {
        let events = Events::default();
        executor.block_on(async {
            let guard = Says(events.clone(), "dropped");
            let never = move || {
                drop(guard);
                unreachable!("it was cancelled");
            };
            let call = call_later(ms(1), never);
            yield_now().await;
            assert_eq!(timers.len(), 1);
            assert!(call.cancel());
            assert!(!call.cancel());
            events.push("cancelled");
            yield_now().await;
            assert_eq!(timers.len(), 0);
            assert!(!call.cancel());
            advance(ms(1)).await;
        });
        assert_eq!(events.take(), "cancelled dropped");
    });
}

#[test]
fn a_call_can_be_cancelled_before_its_first_turn_and_after_its_wake() {
    looped(|executor, _| {
        let events = Events::default();
        executor.block_on(async {
            assert!(call_later(ms(1), events.says("unbegun")).cancel());
            let due = Rc::new(Cell::new(None::<CallHandle>));
            let cancels = Rc::clone(&due);
            let says = events.says("cancels");
            call_later(ms(1), move || {
                says();
                assert!(cancels.take().unwrap().cancel());
            });
            due.set(Some(call_later(ms(1), events.says("due"))));
            advance(ms(2)).await;
        });
        assert_eq!(events.take(), "cancels");
    });
}

#[test]
fn a_call_that_has_begun_cannot_be_cancelled() {
    looped(|executor, _| {
        executor.block_on(async {
            let handle = Rc::new(Cell::new(None::<CallHandle>));
            let (own, answers) = (Rc::clone(&handle), Rc::new(Cell::new(None)));
            let answer = Rc::clone(&answers);
            handle.set(Some(call_later(ms(1), move || {
                let handle = own.take().unwrap();
                answer.set(Some(handle.cancel()));
                own.set(Some(handle));
            })));
            advance(ms(1)).await;
            assert_eq!(answers.take(), Some(false));
            assert!(!handle.take().unwrap().cancel());
        });
    });
}

#[test]
fn a_call_left_at_the_end_is_dropped_and_cannot_be_cancelled() {
    let (events, kept) = (Events::default(), Cell::new(None));
    looped(|executor, _| {
        let guard = Says(events.clone(), "dropped");
        let call = executor.block_on(async { call_later(SECOND, move || drop(guard)) });
        assert_eq!((events.take().as_str(), executor.live()), ("", 1));
        assert_eq!(call.deadline(), Instant::now() + SECOND);
        kept.set(Some(call));
    });
    assert_eq!(events.take(), "dropped");
    assert!(!kept.take().unwrap().cancel());
}

#[test]
fn a_panic_is_reported_at_once_with_the_place_of_the_call() {
    looped(|executor, _| {
        let events = Events::default();
        let tell = events.clone();
        executor.on_unhandled(move |task, _| {
            tell.push(&task.expect("a task's").site().line().to_string());
        });
        let site = line!() + 2;
        executor.block_on(async {
            let handle = call_later(ms(1), || panic_any("in the call"));
            call_later(ms(1), events.says("next"));
            advance(ms(1)).await;
            assert!(!handle.cancel());
        });
        assert_eq!(events.take(), format!("{site} next"));
    });
}

#[test]
#[should_panic = "`call_later` needs a runtime: call it inside `taketurns::block_on` or a task"]
fn a_call_outside_of_a_runtime_panics_with_the_remedy() {
    call_later(SECOND, || {});
}

#[test]
#[should_panic = "`call_at` needs a runtime: call it inside `taketurns::block_on` or a task"]
fn a_call_at_outside_of_a_runtime_panics_with_the_remedy() {
    call_at(Instant::now(), || {});
}
