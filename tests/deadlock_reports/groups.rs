//! Circles through groups of tasks: a wait for one of them, and for all of them.

use std::cell::RefCell;
use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use taketurns::insight::{Finding, Named};
use taketurns::sync::{Event, Mutex};
use taketurns::task::{JoinSet, TaskGroup, borrowing, join_all, race};
use taketurns::time::sleep;
use taketurns::{spawn, task, yield_now};

use crate::{HOUR, reported, runtime};

pub(crate) const FILE: &str = file!();

const MOMENT: Duration = Duration::from_millis(1);

type Lock = Rc<Mutex<()>>;
type Run = Pin<Box<dyn Future<Output = ()>>>;

fn set_of(lock: &Lock, others: impl IntoIterator<Item = Run>) -> JoinSet<()> {
    let (mut set, wanted) = (JoinSet::new(), Rc::clone(lock));
    set.spawn(async move { drop(wanted.lock().await) });
    others.into_iter().for_each(|other| _ = set.spawn(other));
    set
}

/// Of two tasks: one wants the lock, the other does that, and fails.
async fn group_of(lock: Lock, other: Run, is_fast: bool) {
    let body = async move |group: TaskGroup<&'static str>| {
        group.spawn(async move {
            drop(lock.lock().await);
            Ok(())
        });
        group.spawn(async move {
            other.await;
            Err::<(), _>("ended")
        });
        Ok(())
    };
    let _ = match is_fast {
        true => TaskGroup::scope(body).await,
        false => TaskGroup::collect(body).await,
    };
}

/// What a task that has the lock does, while others want it.
struct Case {
    name: &'static str,
    run: fn(Lock) -> Run,
    /// The task is in a circle, and waits for that.
    waits: Option<&'static str>,
}

fn sleeps() -> Run {
    Box::pin(sleep(5 * MOMENT))
}

/// Another crate's future, of which only the task that brings it is known.
fn unknown() -> Run {
    let (sender, receiver) = futures::channel::oneshot::channel();
    spawn(async move {
        sleep(5 * MOMENT).await;
        sender.send(()).unwrap();
    })
    .detach();
    Box::pin(async { receiver.await.unwrap() })
}

fn wants(lock: &Lock) -> Run {
    let lock = Rc::clone(lock);
    Box::pin(async move { drop(lock.lock().await) })
}

const CASES: &[Case] = &[
    Case {
        name: "a set of which all tasks want it",
        run: |lock| {
            Box::pin(async move {
                let mut set = set_of(&lock, [wants(&lock)]);
                set.join_next().await;
            })
        },
        waits: Some("waits for a task of the `JoinSet` made at here, 2 left: task #2, task #3"),
    },
    Case {
        name: "a set of which one task can go on",
        run: |lock| {
            Box::pin(async move {
                let mut set = set_of(&lock, [sleeps()]);
                set.join_next().await;
            })
        },
        waits: None,
    },
    Case {
        name: "a set of which that task has ended",
        run: |lock| {
            Box::pin(async move {
                let mut set = set_of(&lock, [sleeps()]);
                set.join_next().await;
                set.join_next().await;
            })
        },
        waits: Some("waits for a task of the `JoinSet` made at here, 1 left: task #2"),
    },
    Case {
        name: "a set where there was one with more tasks, which was dropped",
        run: |lock| {
            Box::pin(async move {
                drop(set_of(&lock, [sleeps(), sleeps()]));
                yield_now().await;
                yield_now().await;
                let mut set = set_of(&lock, []);
                set.join_next().await;
            })
        },
        waits: Some("waits for a task of the `JoinSet` made at here, 1 left: task #5"),
    },
    Case {
        name: "a set, or a timer",
        run: |lock| {
            Box::pin(async move {
                let mut set = set_of(&lock, []);
                race((async { drop(set.join_next().await) }, sleep(5 * MOMENT))).await;
            })
        },
        waits: None,
    },
    Case {
        name: "a set, or its own lock",
        run: |lock| {
            Box::pin(async move {
                let mut set = set_of(&lock, []);
                race((async { drop(set.join_next().await) }, wants(&lock))).await;
            })
        },
        waits: Some("waits for a task of the `JoinSet` made at here, 1 left: task #2"),
    },
    Case {
        name: "a group that collects, of which one task wants it",
        run: |lock| Box::pin(group_of(Rc::clone(&lock), Box::pin(sleep(HOUR)), false)),
        waits: Some("waits for the tasks of the group opened at here, 2 left: task #2, task #3"),
    },
    Case {
        name: "a group that fails fast, of which one task may fail",
        run: |lock| Box::pin(group_of(Rc::clone(&lock), sleeps(), true)),
        waits: None,
    },
    Case {
        name: "a group that fails fast, of which all tasks want it",
        run: |lock| Box::pin(group_of(Rc::clone(&lock), wants(&lock), true)),
        waits: Some("waits for the tasks of the group opened at here, 2 left: task #2, task #3"),
    },
    Case {
        name: "a group that fails fast, of which the other task has ended",
        run: |lock| {
            Box::pin(async move {
                let body = async |group: TaskGroup<()>| {
                    for wanted in [sleeps(), wants(&lock)] {
                        group.spawn(async move {
                            wanted.await;
                            Ok(())
                        });
                    }
                    Ok(())
                };
                TaskGroup::scope(body).await.unwrap();
            })
        },
        waits: Some("waits for the tasks of the group opened at here, 1 left: task #3"),
    },
    Case {
        name: "a task of a group, in the body of that",
        run: |lock| {
            Box::pin(async move {
                let body = async |group: TaskGroup<()>| {
                    let wanted = wants(&lock);
                    let task = group.spawn(async move {
                        wanted.await;
                        Ok(())
                    });
                    task.await.map_err(drop)
                };
                TaskGroup::scope(body).await.unwrap();
            })
        },
        waits: Some("awaits task #2"),
    },
    Case {
        name: "a handle by a name",
        run: |lock| {
            Box::pin(async move {
                let task = spawn(wants(&lock));
                task.named("the other").await.unwrap();
            })
        },
        waits: Some("in \"the other\", named at here\n      awaits task #2"),
    },
    Case {
        name: "a handle by a name, while many others are awaited",
        run: |lock| {
            Box::pin(async move {
                let wanted = wants(&lock);
                let task = spawn(async move {
                    for _ in 0..5 {
                        join_all([(); 100].map(|()| spawn(yield_now()))).await;
                    }
                    wanted.await;
                });
                task.named("the other").await.unwrap();
            })
        },
        waits: Some("in \"the other\", named at here\n      awaits task #2"),
    },
    Case {
        name: "a handle that had a name, or what another crate's future brings by a name in the same place",
        run: |lock| {
            Box::pin(async move {
                let task = Rc::new(RefCell::new(spawn(wants(&lock))));
                let awaits = || -> Run {
                    let task = Rc::clone(&task);
                    Box::pin(poll_fn(move |cx| task.borrow_mut().poll_unpin(cx).map(drop)))
                };
                let mut place = pin!(awaits().named("the other"));
                assert!(futures::poll!(place.as_mut()).is_pending());
                place.set(unknown().named("another crate"));
                race((awaits(), place)).await;
            })
        },
        waits: None,
    },
    Case {
        name: "a handle by a name, or what another crate's future brings",
        run: |lock| {
            Box::pin(async move {
                let task = spawn(wants(&lock));
                let other = unknown().named("another crate");
                race((async { task.named("the other").await.unwrap() }, other)).await;
            })
        },
        waits: None,
    },
    Case {
        name: "a child that borrows",
        run: |lock| {
            Box::pin(borrowing(async move |group| {
                let child = group.spawn(wants(&lock));
                child.await;
            }))
        },
        waits: Some(
            "waits for the child of `borrowing` spawned at here\n    \
             in the child of `borrowing` spawned at here\n      \
             waits for the `Mutex::lock()` at here, locked by task #1 at here",
        ),
    },
    Case {
        name: "a child that borrows, and waits for what is not known",
        run: |_| {
            Box::pin(borrowing(async move |group| {
                let child = group.spawn(unknown());
                child.await;
            }))
        },
        waits: None,
    },
    Case {
        name: "itself, when a child that borrows was dropped",
        run: |lock| {
            Box::pin(async move {
                borrowing(async |group| {
                    group.spawn(wants(&lock));
                    yield_now().await;
                    yield_now().await;
                    group.finish(());
                })
                .await;
                wants(&lock).await;
            })
        },
        waits: Some("waits for the `Mutex::lock()` at here, locked by task #1 at here"),
    },
    Case {
        name: "many at once, in one future",
        run: |lock| {
            Box::pin(async move {
                let tasks = [(); 20].map(|()| spawn(wants(&lock)));
                join_all(tasks.into_iter().map(|task| task.named("one of them"))).await;
            })
        },
        waits: Some("in \"one of them\", named at here\n      awaits task #2\n"),
    },
];

#[test]
fn a_task_that_waits_for_tasks_which_want_its_lock_is_in_a_circle() {
    for case in CASES {
        let (runtime, told) = runtime(1, HOUR);
        runtime.block_on(async {
            let run = async {
                let lock = Lock::default();
                let _held = lock.lock().await;
                (case.run)(Rc::clone(&lock)).await;
            };
            let run = spawn(run);
            match case.waits {
                Some(_) => reported().await,
                None => run.await.unwrap(),
            }
        });
        let told = told.take();
        match (case.waits, &told[..]) {
            (None, told) => assert_eq!(told, [], "{}", case.name),
            (Some(waits), [(Finding::Circle, text)]) => {
                let text = text.split_once("waiting\n    ").unwrap().1;
                assert!(text.starts_with(waits), "{}: {text}", case.name);
            }
            (_, told) => panic!("{}: {told:?}", case.name),
        }
    }
}

/// The tasks of a set wait for each other. Another one does not, and ends it.
#[test]
fn of_a_set_only_the_tasks_that_wait_for_each_other_are_told() {
    let (runtime, told) = runtime(1, HOUR);
    runtime.block_on(async {
        let [a, b] = [(); 2].map(|()| Lock::default());
        let mut set = JoinSet::new();
        for (first, second) in [(&a, &b), (&b, &a)] {
            let (first, second) = (Rc::clone(first), Rc::clone(second));
            set.spawn(async move {
                let _first = first.lock().await;
                yield_now().await;
                let _second = second.lock().await;
            });
        }
        set.spawn(reported());
        set.join_next().await;
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle);
    assert!(text.contains("task #1 waits for task #2, which waits for task #1\n"), "{text}");
    assert!(!text.contains("`block_on`"), "{text}");
}

/// The other runtime runs when this run has ended.
#[test]
fn a_set_with_a_task_of_another_runtime_is_left_alone() {
    let (other, _) = runtime(1, HOUR);
    let mut set = other.block_on(async {
        let mut set = JoinSet::new();
        set.spawn(sleep(MOMENT));
        set
    });
    let (runtime, told) = runtime(1, HOUR);
    let owner = runtime.spawn(async move {
        let lock = Lock::default();
        let _held = lock.lock().await;
        set.spawn(wants(&lock));
        set.join_next().await.unwrap().unwrap();
    });
    runtime.block_on(async { sleep(5 * MOMENT).await });
    other.block_on(async { sleep(5 * MOMENT).await });
    runtime.block_on(owner).unwrap();
    assert_eq!(told.take(), []);
}

/// A set of thousands is told by the first of them, and takes no more than each of them once.
#[test]
fn a_circle_through_a_set_of_thousands_is_told_by_the_first() {
    let (runtime, told) = runtime(1, Duration::ZERO);
    runtime.block_on(async {
        let owner = async {
            let lock = Lock::default();
            let _held = lock.lock().await;
            let mut set = set_of(&lock, (0..5000).map(|_| wants(&lock)));
            set.join_next().await;
        };
        task::Builder::new().name("owner").spawn(owner).detach();
        reported().await;
    });
    let (finding, text) = told.only();
    assert_eq!(finding, Finding::Circle);
    assert!(text.contains("5001 left: task #2, task #3"), "{text}");
    assert!(text.len() < 2000, "{}", text.len());
}

/// Its group can reach it, to cancel it. That is no waker.
#[test]
fn a_task_of_a_group_of_which_no_waker_is_left_is_stuck() {
    for is_fast in [true, false] {
        let (runtime, told) = runtime(1, HOUR);
        let event = Rc::new(Event::new());
        let group = async move |group: TaskGroup<()>| {
            group.spawn(pending::<Result<(), ()>>());
            let awaited = Rc::clone(&event); // the event has a waker of this one
            group.spawn(async move {
                awaited.wait().await;
                Ok(())
            });
            reported().await;
            group.cancel("enough");
            Ok(())
        };
        let ended = runtime.block_on(async {
            match is_fast {
                true => TaskGroup::scope(group).await,
                false => TaskGroup::collect(group).await,
            }
        });
        ended.unwrap();
        let (finding, text) = told.only();
        assert_eq!(finding, Finding::Stuck);
        assert!(text.contains("task #1, ") && !text.contains("task #2"), "{text}");
    }
}
