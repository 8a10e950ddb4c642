//! Wakers that run code when they are cloned, woken or dropped: they use the semaphore again, or panic.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Poll;

use taketurns::sync::{AcquireOwned, OwnedPermit, Semaphore};

use super::scripted::Script;
use super::{Hand, poll_with};

fn scripted() -> Rc<Script> {
    Rc::new(Script::default())
}

#[test]
fn a_clone_that_brings_the_permit_leaves_nothing_waiting() {
    let (script, semaphore) = (scripted(), Rc::new(Semaphore::new(0)));
    let other = Rc::clone(&semaphore);
    script.on_clone.set(Some(Box::new(move || other.add_permits(1))));
    let waker = script.waker();
    let mut future = semaphore.acquire();
    let Poll::Ready(permit) = poll_with(&waker, &mut future) else { panic!("a permit is there") };
    assert_eq!((permit.unwrap().permits(), Rc::strong_count(&script)), (1, 2));
}

#[test]
fn a_clone_that_closes_leaves_nothing_waiting() {
    let (script, semaphore) = (scripted(), Rc::new(Semaphore::new(0)));
    let other = Rc::clone(&semaphore);
    script.on_clone.set(Some(Box::new(move || other.close())));
    let Poll::Ready(closed) = poll_with(&script.waker(), &mut semaphore.acquire()) else {
        panic!("the semaphore is closed");
    };
    assert!(closed.is_err());
}

#[test]
fn a_wake_that_closes_leaves_it_closed_though_permits_are_left() {
    let (script, semaphore) = (scripted(), Rc::new(Semaphore::new(0)));
    let mut future = semaphore.acquire();
    assert!(poll_with(&script.waker(), &mut future).is_pending());
    let other = Rc::clone(&semaphore);
    script.on_wake.set(Some(Box::new(move || other.close())));
    semaphore.add_permits(2);
    assert!(semaphore.is_closed() && semaphore.try_acquire().is_err());
    assert_eq!(Hand::default().gets("a", &mut future).unwrap().permits(), 1);
}

#[test]
fn a_clone_that_panics_leaves_the_future_out_of_the_line() {
    let (hand, script, semaphore) = (Hand::default(), scripted(), Semaphore::new(0));
    script.on_clone.set(Some(Box::new(|| panic!("cloned"))));
    let mut future = semaphore.acquire();
    let poll = catch_unwind(AssertUnwindSafe(|| poll_with(&script.waker(), &mut future)));
    assert!(poll.is_err());
    assert!(format!("{semaphore:?}").contains("waiters: 0"));
    hand.waits("a", &mut future);
    // And so when the waker is replaced: the future keeps its place and the waker before.
    let another = scripted();
    another.on_clone.set(Some(Box::new(|| panic!("cloned"))));
    let poll = catch_unwind(AssertUnwindSafe(|| poll_with(&another.waker(), &mut future)));
    assert!(poll.is_err());
    semaphore.add_permits(1);
    assert_eq!(hand.woken(), "a");
    assert!(hand.gets("a", &mut future).is_ok());
}

#[test]
fn a_poll_with_the_same_waker_does_not_clone_it() {
    let (script, semaphore) = (scripted(), Semaphore::new(0));
    let (waker, mut future) = (script.waker(), semaphore.acquire());
    assert!(poll_with(&waker, &mut future).is_pending());
    script.on_clone.set(Some(Box::new(|| panic!("cloned"))));
    script.on_drop.set(Some(Box::new(|| panic!("dropped"))));
    assert!(poll_with(&waker, &mut future).is_pending());
    assert_eq!(Rc::strong_count(&script), 3);
    script.on_drop.take();
}

#[test]
fn a_waker_that_does_nothing_frees_the_task_and_keeps_the_place() {
    let (hand, script, semaphore) = (Hand::default(), scripted(), Semaphore::new(0));
    let (mut a, mut b) = (semaphore.acquire(), semaphore.acquire());
    assert!(poll_with(&script.waker(), &mut a).is_pending());
    assert_eq!(Rc::strong_count(&script), 2);
    hand.waits("b", &mut b);
    assert!(poll_with(std::task::Waker::noop(), &mut a).is_pending());
    assert_eq!(Rc::strong_count(&script), 1);
    semaphore.add_permits(1);
    assert_eq!(hand.woken(), "");
    assert!(hand.gets("a", &mut a).is_ok());
}

#[test]
fn a_clone_that_brings_the_permit_while_the_waker_is_replaced_makes_it_ready() {
    let (hand, script, semaphore) = (Hand::default(), scripted(), Rc::new(Semaphore::new(0)));
    let [mut a, mut b, c] = [(); 3].map(|()| semaphore.acquire_owned());
    hand.waits("a", &mut a);
    hand.waits("b", &mut b);
    let (other, waits, c) = (Rc::clone(&semaphore), hand.clone(), kept(c));
    let joins = Rc::clone(&c);
    script.on_clone.set(Some(Box::new(move || {
        other.add_permits(2);
        waits.waits("c", joins.borrow_mut().as_mut().unwrap());
    })));
    let Poll::Ready(permit) = poll_with(&script.waker(), &mut a) else { panic!("it was granted") };
    permit.unwrap().forget();
    assert_eq!((hand.woken(), Rc::strong_count(&script)), ("a b".into(), 1));
    semaphore.add_permits(1);
    assert_eq!(hand.woken(), "c", "it joined the line meanwhile");
}

/// What a script keeps: futures and permits that it may drop or poll.
type Kept<T> = Rc<RefCell<Option<T>>>;

fn kept<T>(value: T) -> Kept<T> {
    Rc::new(RefCell::new(Some(value)))
}

#[test]
fn a_waker_that_takes_part_in_its_wake_changes_nothing_for_the_line() {
    let (hand, script, semaphore) = (Hand::default(), scripted(), Rc::new(Semaphore::new(0)));
    let [mut a, mut b, mut c] = [(); 3].map(|()| semaphore.acquire_owned());
    assert!(poll_with(&script.waker(), &mut a).is_pending());
    hand.waits("b", &mut b);
    hand.waits("c", &mut c);
    let (again, held): (_, Kept<OwnedPermit>) = (Rc::clone(&semaphore), Rc::default());
    let (holds, wakes, a) = (Rc::clone(&held), hand.clone(), RefCell::new(a));
    script.on_wake.set(Some(Box::new(move || {
        assert!(again.try_acquire().is_err(), "b and c are ahead");
        *holds.borrow_mut() = Some(wakes.gets("a", &mut *a.borrow_mut()).unwrap());
        again.add_permits(1); // serves b, inside of the call that will serve c
    })));
    semaphore.add_permits(2);
    assert_eq!((hand.woken(), semaphore.available_permits()), ("b c".into(), 0));
    drop((held, b, c));
    assert_eq!(semaphore.available_permits(), 3);
}

#[test]
fn a_waker_that_drops_the_next_in_line_lets_the_one_after_it_go() {
    let (hand, script, semaphore) = (Hand::default(), scripted(), Rc::new(Semaphore::new(0)));
    let [mut a, mut b, mut c] = [(); 3].map(|()| semaphore.acquire_owned());
    assert!(poll_with(&script.waker(), &mut a).is_pending());
    hand.waits("b", &mut b);
    hand.waits("c", &mut c);
    let b: Kept<AcquireOwned> = kept(b);
    script.on_wake.set(Some(Box::new(move || drop(b.take()))));
    semaphore.add_permits(2);
    assert_eq!((hand.woken(), semaphore.available_permits()), ("c".into(), 0));
}

#[test]
fn a_waker_that_panics_keeps_no_other_from_its_permit() {
    let (hand, semaphore) = (Hand::default(), Semaphore::new(0));
    let [mut a, mut b, mut c, mut d] = [(); 4].map(|()| semaphore.acquire());
    let scripts = [scripted(), scripted()];
    for script in &scripts {
        script.on_wake.set(Some(Box::new(|| panic!("woken"))));
    }
    assert!(poll_with(&scripts[0].waker(), &mut a).is_pending());
    hand.waits("b", &mut b);
    assert!(poll_with(&scripts[1].waker(), &mut c).is_pending());
    hand.waits("d", &mut d);
    semaphore.add_permits(4);
    assert_eq!((hand.woken(), semaphore.available_permits()), ("b d".into(), 0));
    // It was granted its permit all the same.
    assert!(hand.gets("a", &mut a).is_ok());
}

#[test]
fn a_waker_whose_drop_uses_the_semaphore_or_panics_finds_it_in_order() {
    let (hand, semaphore) = (Hand::default(), Rc::new(Semaphore::new(3)));
    let scripts = [scripted(), scripted()];
    let (mut a, mut b) = (semaphore.acquire_many(5), semaphore.acquire_many(9));
    assert!(poll_with(&scripts[0].waker(), &mut a).is_pending());
    assert!(poll_with(&scripts[1].waker(), &mut b).is_pending());
    let mut c = semaphore.acquire();
    hand.waits("c", &mut c);
    scripts[1].on_drop.set(Some(Box::new(|| panic!("dropped"))));
    let again = Rc::clone(&semaphore);
    scripts[0].on_drop.set(Some(Box::new(move || again.add_permits(6)))); // b fits
    drop(a);
    assert_eq!((semaphore.available_permits(), hand.woken()), (0, String::new()));
    drop(b); // was granted 9
    assert_eq!((semaphore.available_permits(), hand.woken()), (8, "c".into()));
}
