//! One loop for all users of a process. The tests take turns, as they are in one process.

use std::future::pending;
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::{self, ThreadId};

use futures::executor::block_on;
use taketurns::{Background, SharedBackground};

use super::{LIMIT, OnDrop};

static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn user() -> SharedBackground {
    Background::shared().unwrap()
}

/// The thread of the loop, which it answers on.
fn thread_of(user: &SharedBackground) -> ThreadId {
    block_on(user.handle().spawn(async { thread::current().id() })).unwrap()
}

#[test]
fn all_users_have_one_loop_until_the_last_is_dropped() {
    let _alone = alone();
    let first = user();
    let there = thread_of(&first);
    let second = user();
    let third = second.clone();
    drop((first, second));
    assert_eq!(thread_of(&third), there);
    let handle = third.handle();
    let name = handle.spawn(async { thread::current().name().map(str::to_owned) });
    assert_eq!(block_on(name).unwrap().unwrap(), "taketurns-shared");
    drop(third);
    assert!(block_on(handle.spawn(async {})).unwrap_err().is_shutdown());
    assert_ne!(thread_of(&user()), there, "the next first user starts another");
}

#[test]
fn the_last_drop_waits_for_the_end_of_the_loop() {
    let _alone = alone();
    let (said, heard) = mpsc::channel();
    let (begins, has_begun) = mpsc::channel();
    let last = user();
    let lost = OnDrop(said, "dropped");
    let task = async move {
        let _lost = lost;
        begins.send(()).unwrap();
        pending::<()>().await;
    };
    last.handle().spawn(task).detach();
    has_begun.recv_timeout(LIMIT).unwrap();
    drop(last);
    assert_eq!(heard.try_recv(), Ok("dropped"));
}

#[test]
fn a_panic_of_one_users_task_leaves_the_loop_to_the_others() {
    let _alone = alone();
    let [first, second] = [user(), user()];
    let there = thread_of(&first);
    let panics = first.handle().spawn(async { panic!("a task") });
    assert!(block_on(panics).unwrap_err().is_panic());
    first.handle().spawn(async { panic!("unseen") }).detach();
    drop(first);
    assert_eq!(thread_of(&second), there);
}

#[test]
fn first_and_last_users_of_many_threads_never_meet_a_loop_that_has_ended() {
    const THREADS: usize = 4;
    let _alone = alone();
    let together = Arc::new(Barrier::new(THREADS));
    let threads = [(); THREADS].map(|()| {
        let together = Arc::clone(&together);
        thread::spawn(move || {
            for round in 0..100 {
                together.wait(); // so that the last of one round meets the first of the next
                let user = user();
                let user = if round % 2 == 0 { user.clone() } else { user };
                assert_eq!(block_on(user.handle().spawn(async move { round })).unwrap(), round);
            }
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_last_user_that_is_dropped_on_the_loop_ends_it_too() {
    let _alone = alone();
    let last = user();
    let there = thread_of(&last);
    let handle = last.handle();
    block_on(handle.spawn(async move { drop(last) })).unwrap();
    assert_ne!(thread_of(&user()), there);
}

#[test]
fn a_destructor_on_the_loop_may_use_it_again_while_it_ends() {
    struct Again(mpsc::Sender<()>);
    impl Drop for Again {
        fn drop(&mut self) {
            let user = user();
            block_on(user.handle().spawn(async {})).unwrap();
            self.0.send(()).unwrap();
        }
    }
    let _alone = alone();
    let (said, heard) = mpsc::channel();
    let last = user();
    let again = Again(said);
    let task = async move {
        let _again = again;
        pending::<()>().await;
    };
    last.handle().spawn(task).detach();
    thread_of(&last); // the task has had its first turn
    drop(last);
    heard.try_recv().unwrap();
}
