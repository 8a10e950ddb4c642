//! Tasks that wait for each other's locks, and locks that no task takes ("futurelock").

use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use futures::future::select;
use taketurns::insight::Finding;
use taketurns::sync::{Event, Mutex, RwLock, Semaphore, oneshot};
use taketurns::time::sleep;
use taketurns::{spawn, task, yield_now};

use crate::{HOUR, ONE_ORDER, REMEDY, SUSPECTED, reported, runtime};

pub(crate) const FILE: &str = file!();

const MOMENT: Duration = Duration::from_millis(1);

#[test]
fn two_tasks_that_wait_for_each_others_mutex_are_named_as_a_circle_while_others_go_on() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let [a, b] = [(); 2].map(|()| Rc::new(Mutex::new(())));
        for (name, first, second) in [("one", &a, &b), ("two", &b, &a)] {
            let (first, second) = (Rc::clone(first), Rc::clone(second));
            let both = async move {
                let _first = first.lock().await;
                yield_now().await;
                let _second = second.lock().await;
            };
            task::Builder::new().name(name).spawn(both).detach();
        }
        reported().await;
    });
    let text = "deadlock: tasks wait for each other\n\
                in a circle: task #1 \"one\" waits for task #2 \"two\", which waits for task #1\n  \
                task #1 \"one\", spawned at here, polled 2 times, waiting\n    \
                waits for the `Mutex::lock()` at here, locked by task #2 \"two\" at here\n  \
                task #2 \"two\", spawned at here, polled 2 times, waiting\n    \
                waits for the `Mutex::lock()` at here, locked by task #1 \"one\" at here";
    assert_eq!(told.only(), (Finding::Circle, text.to_owned() + ONE_ORDER));
}

#[test]
fn a_task_that_waits_for_its_own_lock_is_a_circle_of_one() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        spawn(async {
            let lock = RwLock::new(());
            let _read = lock.read().await;
            drop(lock.write().await);
        })
        .detach();
        reported().await;
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle);
    let expected = "deadlock: a task waits for itself\n  \
                    task #1, spawned at here, polled once, waiting\n    \
                    waits for the `RwLock::write()` at here, locked by task #1 at here\n\
                    drop the guard before the task takes the same lock again";
    assert_eq!(text, expected);
}

/// A reader that has the lock keeps no other from it. So what keeps a reader is the writer ahead of it in line.
#[test]
fn a_reader_that_waits_behind_a_writer_is_told_so() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let lock = Rc::new(RwLock::new(()));
        let _read = lock.read().await;
        let writes = Rc::clone(&lock);
        let writer = async move { drop(writes.write().await) };
        task::Builder::new().name("writer").spawn(writer).detach();
        yield_now().await;
        task::race((async { drop(lock.read().await) }, reported())).await;
    });
    let text = "deadlock: tasks wait for each other\n\
                in a circle: the future of `block_on` waits for task #1 \"writer\", which waits for the future of `block_on`\n  \
                the future of `block_on`, called at here, polled 2 times, waiting\n    \
                waits for the `RwLock::read()` at here, behind the `RwLock::write()` of task #1 \"writer\" at here\n  \
                task #1 \"writer\", spawned at here, polled once, waiting\n    \
                waits for the `RwLock::write()` at here, locked by the future of `block_on` at here";
    assert_eq!(told.only(), (Finding::Circle, text.to_owned() + ONE_ORDER));
}

/// When the writer gives up, the reader goes on.
#[test]
fn a_reader_behind_a_writer_that_waits_for_a_time_is_in_no_circle() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let lock = Rc::new(RwLock::new(()));
        let _read = lock.read().await;
        let writes = Rc::clone(&lock);
        spawn(async move { taketurns::time::timeout(3 * MOMENT, writes.write()).await.is_ok() })
            .detach();
        yield_now().await;
        drop(lock.read().await);
    });
    assert_eq!(told.take(), []);
}

/// One of them would go on when its time is over.
#[test]
fn tasks_that_wait_for_each_others_lock_for_a_time_are_no_circle() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let [a, b] = [(); 2].map(|()| Rc::new(Mutex::new(())));
        let tasks = [(&a, &b), (&b, &a)].map(|(first, second)| {
            let (first, second) = (Rc::clone(first), Rc::clone(second));
            spawn(async move {
                let _first = first.lock().await;
                yield_now().await;
                taketurns::time::timeout(3 * MOMENT, second.lock()).await.is_ok()
            })
        });
        task::join_all(tasks).await;
    });
    assert_eq!(told.take(), []);
}

/// After the time limit the future is gone, and with it what is said of it.
#[test]
fn a_wait_that_was_given_up_is_not_told() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async {
        let lock = Mutex::new(());
        let _held = lock.lock().await;
        let given_up = taketurns::time::timeout(MOMENT, lock.lock()).await;
        assert!(given_up.is_err());
        let (_sender, mut receiver) = oneshot::channel::<()>();
        let given_up = taketurns::time::timeout(MOMENT, &mut receiver).await;
        assert!(given_up.is_err());
        drop(receiver);
        reported().await;
    });
    let root = "\n  the future of `block_on`, called at here, polled 3 times, waiting";
    assert_eq!(told.only(), (Finding::Suspected, format!("{SUSPECTED}{root}{REMEDY}")));
}

/// The text of the deadlock in which a task keeps a future that is in line, does not poll it any more, and waits for another one
/// behind it. A task of its own has what both want, until it is granted.
macro_rules! text_of {
    ($shared:ident = $new:expr, $take:expr) => {
        text_of!($shared = $new, $take, HOUR)
    };
    ($shared:ident = $new:expr, $take:expr, $grace:expr) => {{
        let (runtime, told) = runtime(1, $grace);
        runtime.block_on(async {
            let $shared = Rc::new($new);
            let lent = Rc::clone(&$shared);
            let is_wanted = Rc::new(Event::new());
            let wanted = Rc::clone(&is_wanted);
            spawn(async move {
                let $shared = lent;
                let _held = $take.await;
                wanted.wait().await;
            })
            .detach();
            yield_now().await;
            let futurelock = spawn(async move {
                let mut in_line = pin!($take);
                assert!(futures::poll!(in_line.as_mut()).is_pending(), "the task still has it");
                is_wanted.set();
                let _ = $take.await;
            });
            task::race((async { futurelock.await.unwrap() }, reported())).await;
        });
        told.only()
    }};
}

fn expected(operation: &str, detail: &str) -> (Finding, String) {
    let waits = format!(
        "waits for the `{operation}` at here{detail}; \
         granted to the `{operation}` at here, which task #2 has not polled since"
    );
    let text = format!(
        "deadlock suspected: a task waits for what was granted to a future that it has not polled since\n\
         \x20 task #2, spawned at here, polled 2 times, waiting\n    \
         does not poll the `{operation}` at here, which is ready\n    {waits}{POLL_IT}"
    );
    (Finding::Futurelock, text)
}

#[test]
fn a_mutex_granted_to_a_future_that_its_task_does_not_poll_is_told() {
    let told = text_of!(mutex = Mutex::new(()), mutex.lock());
    assert_eq!(told, expected("Mutex::lock()", ""));
}

#[test]
fn a_read_write_lock_granted_to_a_future_that_its_task_does_not_poll_is_told() {
    let told = text_of!(lock = RwLock::new(()), lock.write());
    assert_eq!(told, expected("RwLock::write()", ""));
}

/// Any task could add a permit, so this is told when nothing is left that could run one.
#[test]
fn a_permit_granted_to_a_future_that_its_task_does_not_poll_is_told() {
    let told = text_of!(semaphore = Semaphore::new(1), semaphore.acquire(), Duration::ZERO);
    let (_, futurelock) = expected("Semaphore::acquire()", ", needs 1 permit, 0 are free");
    let task = futurelock.split_once('\n').unwrap().1.replace(POLL_IT, "");
    let text = format!("{SUSPECTED}\n{FUTURELOCK}{ROOT_TWICE}\n{task}{REMEDY}");
    assert_eq!(told, (Finding::Suspected, text));
}

const POLL_IT: &str = "\nawait or drop that future before the task waits for something else, or `spawn` it, so that it goes on by itself";

const FUTURELOCK: &str =
    "futurelock: task #2 waits for what was granted to a future that it has not polled since";

const ROOT_TWICE: &str =
    "\n  the future of `block_on`, called at here, polled 2 times, waiting\n    awaits task #2";

/// The future is polled by reference in one task, and moved to another. It was granted the lock, but the task that has it sleeps.
#[test]
fn a_future_that_was_granted_a_lock_and_was_moved_is_only_suspected() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let lock: &'static Mutex<()> = Box::leak(Box::new(Mutex::new(())));
        let held = lock.lock().await;
        let (moves, moved) = oneshot::channel();
        let first = spawn(async move {
            let mut in_line = lock.lock();
            assert!(futures::poll!(&mut in_line).is_pending());
            assert!(moves.send(in_line).is_ok());
            drop(lock.lock().await);
        });
        let second = spawn(async move {
            let in_line = moved.await.unwrap();
            reported().await;
            drop(in_line.await);
        });
        yield_now().await;
        yield_now().await;
        drop(held);
        task::join_all([first, second]).await;
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Futurelock);
    assert!(text.starts_with("deadlock suspected: a task waits for what was granted"), "{text}");
}

/// Each waits for the other, one of them by a future that it has not polled since that was granted the lock.
#[test]
fn a_circle_through_a_future_that_is_not_polled_is_only_suspected() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let lock = Rc::new(Mutex::new(()));
        let held = lock.lock().await;
        let [keeps, wants] = [(); 2].map(|()| Rc::clone(&lock));
        let (sends, sent) = oneshot::channel::<taketurns::JoinHandle<()>>();
        spawn(async move {
            let mut in_line = pin!(keeps.lock());
            assert!(futures::poll!(in_line.as_mut()).is_pending());
            sent.await.unwrap().await.unwrap();
            drop(in_line.await);
        })
        .detach();
        yield_now().await;
        sends.send(spawn(async move { drop(wants.lock().await) })).unwrap();
        yield_now().await;
        drop(held);
        reported().await;
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Futurelock);
    assert!(text.starts_with("deadlock suspected: tasks wait for each other, and for"), "{text}");
}

/// The guard was dropped after the run, where nothing notes it.
#[test]
fn a_guard_that_left_the_run_by_a_task_is_not_told_beside_the_next_one() {
    let (runtime, told) = runtime(1, HOUR);
    let mutex = Rc::new(Mutex::new(()));
    let owned = Rc::clone(&mutex);
    drop(runtime.block_on(runtime.spawn(async move { owned.lock_owned().await })).unwrap());
    runtime.block_on(async {
        let own = Rc::clone(&mutex);
        let stuck = spawn(async move {
            let _held = own.lock().await;
            let _again = own.lock().await;
        });
        task::race((async { stuck.await.unwrap() }, reported())).await;
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle);
    assert_eq!(
        text.matches("locked by").count(),
        text.matches("locked by task #2").count(),
        "{text}"
    );
}

/// Of two tasks that it awaits at once, each wants what it has: it cannot go on, whichever is asked first.
#[test]
fn a_task_that_awaits_two_tasks_which_want_its_lock_is_in_a_circle() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        spawn(async {
            let lock = Rc::new(Mutex::new(()));
            let _held = lock.lock().await;
            let wants = [(); 2].map(|()| Rc::clone(&lock));
            let wants = wants.map(|lock| spawn(async move { drop(lock.lock().await) }));
            task::join_all(wants).await;
        })
        .detach();
        reported().await;
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle);
    assert!(
        text.contains("\nin a circle: task #1 waits for task #2, which waits for task #1\n"),
        "{text}"
    );
}

/// One of the two has a timer as well, now and then: between two looks it could go on.
#[test]
fn a_circle_that_could_be_left_meanwhile_is_told_once() {
    let (runtime, told) = runtime(9, HOUR);
    runtime.block_on(async {
        let [a, b] = [(); 2].map(|()| Rc::new(Mutex::new(())));
        let (first, second) = (Rc::clone(&a), Rc::clone(&b));
        let one = spawn(async move {
            let _first = first.lock().await;
            yield_now().await;
            for _ in 0..3 {
                let mut other = pin!(second.lock());
                let mut short = pin!(sleep(MOMENT));
                let _ = select(other.as_mut(), short.as_mut()).await;
                // What another crate's future waits for is not known.
                let timer = futures_timer(MOMENT);
                let _ = select(other, pin!(timer)).await;
            }
        });
        let two = spawn(async move {
            let _second = b.lock().await;
            drop(a.lock().await);
        });
        task::join_all([one, two]).await;
    });
    assert_eq!(told.only().0, Finding::Circle);
}

/// A future of another crate, which a thread wakes.
async fn futures_timer(time: Duration) {
    let (sender, receiver) = futures::channel::oneshot::channel();
    std::thread::spawn(move || {
        std::thread::sleep(20 * time);
        sender.send(())
    });
    receiver.await.unwrap();
}

/// Its text is as long as can be read.
#[test]
fn a_circle_of_thousands_of_tasks_is_told_by_the_first() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async {
        let locks: Vec<_> = (0..2000).map(|_| Rc::new(Mutex::new(()))).collect();
        for place in 0..2000 {
            let (own, next) = (Rc::clone(&locks[place]), Rc::clone(&locks[(place + 1) % 2000]));
            spawn(async move {
                let _own = own.lock().await;
                yield_now().await;
                drop(next.lock().await);
            })
            .detach();
        }
        reported().await;
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle);
    let listed: Vec<_> = (2..=50).map(|id| format!("task #{id}")).collect();
    let listed = listed.join(", which waits for ");
    let circle = format!(
        "in a circle: task #1 waits for {listed}, which waits for 1950 more tasks, which waits for task #1"
    );
    assert_eq!(text.lines().nth(1), Some(&circle[..]));
    assert!(text.len() < 20_000, "{}", text.len());
}
