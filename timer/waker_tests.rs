//! Timers whose wakers run code: arm and drop timers, or panic.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use super::harness::{Trace, asleep, manual, ms, steps};
use super::{Instant, Sleep, advance, sleep, sleep_until};

#[test]
fn only_the_waker_of_the_last_poll_is_woken() {
    manual(|timers, trace| {
        let [mut sleep] = asleep(trace, [("first", ms(1))]);
        assert!(trace.poll("second", &mut sleep).is_pending());
        assert_eq!(steps(timers, trace, ms(1))[0], (1, vec!["second"]));
    });
}

/// When woken, it arms another sleep and drops the one it has.
struct Meddler(Mutex<Vec<Sleep>>);

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        let mut another = sleep(ms(1));
        assert!(Trace::default().poll("another", &mut another).is_pending());
        *self.0.lock().unwrap() = vec![another];
    }
}

#[test]
fn a_waker_may_arm_and_drop_sleeps_when_it_is_woken() {
    manual(|timers, trace| {
        let [b, c] = asleep(trace, [("b", ms(2)), ("c", ms(2))]);
        let meddler = Arc::new(Meddler(Mutex::new(vec![b])));
        let mut sleep = sleep(ms(1));
        let waker = Waker::from(Arc::clone(&meddler));
        assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_pending());
        assert_eq!(steps(timers, trace, ms(2))[..2], [(1, vec![]), (2, vec!["c"])]);
        drop(c);
    });
}

/// Panics when it is woken.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

/// A sleep until `deadline` whose waker panics when it is woken.
fn asleep_badly(deadline: Instant) -> Sleep {
    let mut sleep = sleep_until(deadline);
    let waker = Waker::from(Arc::new(Panics));
    assert!(Pin::new(&mut sleep).poll(&mut Context::from_waker(&waker)).is_pending());
    sleep
}

#[test]
fn after_wakers_that_panic_the_others_of_the_look_are_still_woken() {
    manual(|timers, trace| {
        let deadline = Instant::now() + ms(1);
        let [_first] = asleep(trace, [("first", ms(1))]);
        let _bad = [asleep_badly(deadline), asleep_badly(deadline)];
        let [_last] = asleep(trace, [("last", ms(1))]);
        timers.timeline.set(deadline.0);
        timers.fire();
        assert_eq!((trace.take(), timers.len()), (vec!["first", "last"], 0));
    });
}

#[test]
fn an_advance_goes_on_after_a_waker_that_panics() {
    manual(|timers, trace| {
        let _bad = asleep_badly(Instant::now() + ms(1));
        assert_eq!(steps(timers, trace, ms(2)), [(1, vec![]), (2, vec!["advance"])]);

        let mut advance = Box::pin(advance(ms(1)));
        assert!(trace.poll_with(&Waker::from(Arc::new(Panics)), &mut advance).is_pending());
        assert!(timers.move_virtual_clock());
        assert!(trace.poll("advance", &mut advance).is_ready());
    });
}

/// Panics when it is dropped.
struct PanicsInDrop;

impl Wake for PanicsInDrop {
    fn wake(self: Arc<Self>) {}
}

impl Drop for PanicsInDrop {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_waker_whose_drop_panics_is_still_replaced_and_removed() {
    manual(|timers, trace| {
        let bad = || Waker::from(Arc::new(PanicsInDrop));
        let mut sleep = sleep(ms(1));
        let poll_badly = |sleep: &mut Sleep| {
            let waker = bad();
            assert!(trace.poll_with(&waker, sleep).is_pending());
            drop(waker); // the sleep has the last clone
        };
        poll_badly(&mut sleep);
        assert!(trace.poll("good", &mut sleep).is_pending());
        assert_eq!(steps(timers, trace, ms(1))[0], (1, vec!["good"]));

        sleep.reset(Instant::now() + ms(1));
        poll_badly(&mut sleep);
        drop(sleep); // the panic ends there
        assert_eq!(timers.len(), 0);
    });
}
