//! What observers are told, in order; and what another thread reads of a loop that runs, waits or is stuck.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::future::{pending, poll_fn};
use std::panic::Location;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;

use super::observe::{Cause, LoopState, NO_PLACE, Observe, Seen, TurnEnd};
use super::{Builder, EVENT_INTERVAL, Executor, Id, ParkThread, Sample, spawn, yield_now};

type Told = Rc<RefCell<Vec<String>>>;

struct Log(Told);

impl Log {
    fn note(&self, text: String) {
        self.0.borrow_mut().push(text);
    }
}

impl Observe for Log {
    fn spawned(&self, task: &Seen, by: Cause) {
        self.note(format!("{} at {} spawned by {by:?}", task.id, task.place));
    }

    fn woken(&self, task: &Seen, by: Cause) {
        self.note(format!("{} woken by {by:?}", task.id));
    }

    fn begins_turn(&self, task: &Seen, polls: u32) {
        self.note(format!("{} begins turn {polls}", task.id));
    }

    fn ends_turn(&self, task: &Seen, end: TurnEnd) {
        self.note(format!("{} {end:?}", task.id));
    }

    fn ended(&self, task: &Seen) {
        let at =
            if task.place == NO_PLACE { "no place".to_owned() } else { task.place.to_string() };
        self.note(format!("{} ended at {at}", task.id));
    }

    fn looks(&self) {
        self.note("looks".to_owned());
    }

    fn parks(&self) {
        self.note("parks".to_owned());
    }

    fn unparks(&self) {
        self.note("unparks".to_owned());
    }

    fn leaves(&self) {
        self.note("leaves".to_owned());
    }
}

/// The future of `block_on` waits until a thread has used its waker so.
fn wait_for_a_thread(
    executor: &Executor<'_, ParkThread>,
    wake: impl FnOnce(Waker) + Send + 'static,
) {
    let (wakers, woken) = mpsc::channel::<Waker>();
    let thread = thread::spawn(move || wake(woken.recv().unwrap()));
    let mut wakers = Some(wakers);
    executor.block_on(poll_fn(|cx| match wakers.take() {
        Some(wakers) => {
            wakers.send(cx.waker().clone()).unwrap();
            Poll::Pending
        }
        None => Poll::Ready(()),
    }));
    thread.join().unwrap();
}

fn observed() -> (Executor<'static, ParkThread>, Told) {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    let told = Told::default();
    executor.observe(Box::new(Log(Rc::clone(&told))));
    (executor, told)
}

#[test]
fn each_step_is_told_in_order() {
    let (executor, told) = observed();
    executor.block_on(async {
        spawn(yield_now()).await.unwrap();
    });
    let told = told.take();
    let expected = [
        "#0 woken by Outside",
        "looks",
        "#0 begins turn 1",
        "#1 at 0 spawned by Task(Id(0))",
        "#1 woken by Task(Id(0))",
        "#0 Waits",
        "#1 begins turn 1",
        "#1 Yields",
        "#1 begins turn 2",
        "#0 woken by Task(Id(1))",
        "#1 ended at 0",
        "#1 Done",
        "#0 begins turn 2",
        "#0 ended at no place",
        "#0 Done",
        "leaves",
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_wake_of_another_thread_and_a_park_are_told() {
    let (executor, told) = observed();
    wait_for_a_thread(&executor, Waker::wake);
    let told = told.take();
    // The wake may come before the loop parks.
    let told: Vec<_> =
        told.iter().filter(|text| !text.contains("park") && *text != "looks").collect();
    let expected = [
        "#0 woken by Outside",
        "#0 begins turn 1",
        "#0 Waits",
        "#0 woken by Thread",
        "#0 begins turn 2",
        "#0 ended at no place",
        "#0 Done",
        "leaves",
    ];
    assert_eq!(told, expected);
}

#[test]
fn what_is_dropped_at_the_end_has_ended_too() {
    let (executor, told) = observed();
    executor.spawn(pending::<()>()).detach();
    let remote = executor.remote();
    assert_eq!((remote.pulse().live, remote.pulse().ready), (1, 1));
    drop(executor);
    assert_eq!((remote.pulse().live, remote.pulse().ready), (0, 0));
    let told = told.take();
    assert_eq!(
        told,
        ["#1 at 0 spawned by Outside", "#1 woken by Outside", "#1 ended at 0", "leaves"]
    );
}

/// What another thread reads while the task of `work` does not return.
fn read_while_stuck(executor: &Executor<'_, ParkThread>) -> (Sample, Option<Box<str>>) {
    let (begun, begins) = mpsc::channel();
    let (frees, freed) = mpsc::channel::<()>();
    let remote = executor.remote();
    let reader = thread::spawn(move || {
        begins.recv().unwrap();
        let sample = remote.pulse();
        let name = sample.task.and_then(|task| remote.name_of(task));
        drop(frees);
        (sample, name)
    });
    executor.block_on(async {
        let stuck = async move {
            begun.send(()).unwrap();
            freed.recv().unwrap_err();
        };
        let stuck = Builder::new().name("stuck").spawn(stuck);
        spawn(async {}).detach();
        stuck.await.unwrap();
    });
    reader.join().unwrap()
}

#[test]
fn another_thread_reads_which_task_is_stuck() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    executor.watch();
    let (sample, name) = read_while_stuck(&executor);
    assert_eq!((sample.stands, sample.task), (LoopState::Runs, Some(Id(1))));
    assert_eq!(sample.site.map(Location::file), Some(file!()));
    assert_eq!(name.as_deref(), Some("stuck"));
    assert_eq!((sample.turns, sample.ready, sample.live, sample.spawned), (1, 1, 2, 2));
    let remote = executor.remote();
    let after = remote.pulse();
    assert_eq!(
        (after.stands, after.task, after.live, after.ready),
        (LoopState::Outside, None, 0, 0)
    );
    assert_eq!(remote.name_of(Id(1)), None, "its name goes with it");
}

#[test]
fn without_a_watch_another_thread_reads_all_but_the_task() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    let (sample, _) = read_while_stuck(&executor);
    assert_eq!((sample.stands, sample.task), (LoopState::Runs, None));
    assert!(sample.site.is_none());
    assert_eq!((sample.turns, sample.live, sample.spawned), (1, 2, 2));
}

#[test]
fn parks_and_away_wakes_are_counted() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    let remote = executor.remote();
    wait_for_a_thread(&executor, move |waker| {
        while remote.pulse().stands != LoopState::Parked {
            thread::yield_now();
        }
        waker.wake();
    });
    let after = executor.remote().pulse();
    assert_eq!((after.away_wakes, after.turns), (1, 2));
    assert!(after.parks >= 1 && after.looks > after.parks);
    assert!(!after.parked.is_zero());
}

#[test]
fn the_longest_queue_that_a_look_has_taken_in_is_kept() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    (0..10).for_each(|_| executor.spawn(async {}).detach());
    executor.run_until_stalled();
    assert_eq!(executor.remote().pulse().peak_ready, 10);
}

/// A destructor is named, too: of a task at the executor's end, and of the future of `block_on`.
#[test]
fn another_thread_reads_whose_destructor_is_stuck() {
    struct OnDrop<F: FnMut()>(F);
    impl<F: FnMut()> Drop for OnDrop<F> {
        fn drop(&mut self) {
            self.0();
        }
    }
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    executor.watch();
    let remote = executor.remote();
    let (tell, told) = mpsc::channel();
    let read = || OnDrop(|| tell.send(remote.pulse()).unwrap());
    let held = read();
    executor.block_on(poll_fn(move |_| {
        let _held = &held; // an `async` block would drop it in its turn
        spawn(async {}).detach(); // its turn is the last
        Poll::Ready(())
    }));
    let root = told.recv().unwrap();
    assert_eq!((root.stands, root.task), (LoopState::Runs, Some(Id::ROOT)));
    let site = Location::caller();
    assert_eq!(root.site.map(Location::file), Some(site.file()));
}

#[test]
fn a_function_that_another_thread_sent_has_a_turn_and_is_no_task() {
    let (executor, told) = observed();
    let remote = executor.remote();
    let (tell, sample) = mpsc::channel();
    let asks = executor.remote();
    assert!(remote.call(move || tell.send((asks.pulse(), super::current().is_none())).unwrap()));
    executor.run_until_stalled();
    let (sample, is_no_task) = sample.recv().unwrap();
    assert_eq!((sample.stands, sample.task, is_no_task), (LoopState::Runs, None, true));
    let expected = ["woken by Thread", "begins turn 1", "ended at no place", "Done"];
    let told = told.take();
    let sent = Id::SENT.to_string();
    let told: Vec<_> = told.iter().filter_map(|text| text.strip_prefix(&sent)).collect();
    assert_eq!(told, expected.map(|text| format!(" {text}")));
}
