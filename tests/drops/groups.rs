//! TaskGroup, JoinSet, and many futures in one task.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use taketurns::sync::Semaphore;
use taketurns::task::{
    JoinSet, Started, TaskGroup, borrowing, gather_settled, join_all, race, try_join_all,
};
use taketurns::time::sleep;
use taketurns::{spawn, yield_now};

use crate::Row;
use crate::scene::{Plan, Stage, Value};

type Permits = Stage<Semaphore>;

pub(crate) const ROWS: &[Row] = &[
    ("group/task_group.rs scope", || {
        work().tested(async |stage| {
            let group = TaskGroup::scope(async |group| {
                for _ in 0..3 {
                    let stage = Rc::clone(&stage);
                    group.spawn(async move { fails(&stage).await });
                }
                takes(&stage).await;
                Ok(())
            });
            let error = group.await.unwrap_err();
            assert!(!error.failures().is_empty());
        })
    }),
    ("group/task_group.rs collect", || {
        work().tested(async |stage| {
            let group = TaskGroup::collect(async |group| {
                for _ in 0..3 {
                    let stage = Rc::clone(&stage);
                    group.spawn(async move { fails(&stage).await });
                }
                Ok(())
            });
            assert_eq!(group.await.unwrap_err().failures().len(), 3);
        })
    }),
    ("group/task_group.rs spawn", || {
        work().tested(async |stage| {
            let group = TaskGroup::scope(async |group| {
                let child = Rc::clone(&stage);
                let handle = group.spawn(async move {
                    takes(&child).await;
                    Ok::<_, ()>(5)
                });
                Ok(handle.await.unwrap())
            });
            assert_eq!(group.await.unwrap(), 5);
        })
    }),
    ("group/task_group.rs spawn_named", || {
        work().tested(async |stage| {
            let group = TaskGroup::scope(async |group| {
                let child = Rc::clone(&stage);
                let handle = group.spawn_named("a child", async move {
                    takes(&child).await;
                    Ok::<_, ()>(5)
                });
                // The handle is dropped while it waits; the child goes on.
                race((async { handle.await.unwrap() }, async {
                    yield_now().await;
                    0
                }))
                .await;
                Ok(())
            });
            group.await.unwrap();
        })
    }),
    ("group/start.rs start", || {
        work().tested(async |stage| {
            let group = TaskGroup::scope(async |group| {
                let child = Rc::clone(&stage);
                let started = group.start(async move |started| {
                    takes(&child).await;
                    started.set(5);
                    takes(&child).await;
                    Ok::<_, ()>(())
                });
                Ok(started.await.unwrap())
            });
            assert_eq!(group.await.unwrap(), 5);
        })
    }),
    ("group/start.rs start", || {
        // The group goes on without the task that was not ready in time.
        work().tested(async |stage| {
            let group = TaskGroup::scope(async |group| {
                let child = Rc::clone(&stage);
                let started = group.start(async move |_started: Started<(), _>| {
                    takes(&child).await;
                    pending::<Result<(), ()>>().await
                });
                race((async { drop(started.await) }, yield_now())).await;
                Ok(())
            });
            group.await.unwrap();
        })
    }),
    ("group/join_set.rs join_next", || {
        // The set outlives the future: what it has not taken is still there.
        let set = RefCell::new(JoinSet::new());
        let plan = Plan::new(set).ends_with("places: 0", "places: 2");
        let take = async |stage: &Stage<RefCell<JoinSet<Value>>>| {
            stage.got(&stage.borrow_mut().join_next().await.unwrap().unwrap());
        };
        let fill = async |stage: &Stage<RefCell<JoinSet<Value>>>| {
            let [one, two] = [1, 2].map(|number| stage.value(number));
            let mut set = stage.borrow_mut();
            set.spawn(async { one });
            set.spawn(async {
                sleep(Duration::from_secs(2)).await;
                two
            });
        };
        let rest = async move |stage: &Stage<RefCell<JoinSet<Value>>>| {
            sleep(Duration::from_secs(10)).await;
            while !stage.borrow().is_empty() {
                take(stage).await;
            }
        };
        plan.beside(fill).beside(rest).tested(async move |stage| {
            sleep(Duration::from_secs(1)).await;
            take(&stage).await;
            take(&stage).await;
        })
    }),
    ("group/join_set.rs join_next_with_id", || {
        work().tested(async |stage| {
            let mut set = set(&stage);
            let child = Rc::clone(&stage);
            set.spawn(async move {
                takes(&child).await;
                pending::<()>().await; // until the set is dropped
            });
            for _ in 0..3 {
                set.join_next_with_id().await.unwrap().1.unwrap();
            }
        })
    }),
    ("group/join_set.rs join_all", || {
        work().tested(async |stage| {
            assert_eq!(set(&stage).join_all().await.len(), 3);
        })
    }),
    ("group/join_set.rs shutdown", || {
        work().tested(async |stage| {
            let mut set = set(&stage);
            yield_now().await;
            set.shutdown().await;
            assert!(set.is_empty());
        })
    }),
    ("group/join_all.rs join_all", || {
        work().tested(async |stage| {
            assert_eq!(join_all([(); 3].map(|()| takes(&stage))).await.len(), 3);
        })
    }),
    ("group/join_all.rs try_join_all", || {
        work().tested(async |stage| {
            try_join_all([(); 3].map(|()| fails(&stage))).await.unwrap_err();
        })
    }),
    ("group/join_all.rs gather_settled", || {
        work().tested(async |stage| {
            let tasks = [(); 3].map(|()| {
                let stage = Rc::clone(&stage);
                spawn(async move { takes(&stage).await })
            });
            assert!(gather_settled(tasks).await.iter().all(Result::is_ok));
        })
    }),
    ("group/race.rs race", || {
        work().tested(async |stage| {
            race([(); 3].map(|()| takes(&stage))).await;
            race((takes(&stage), takes(&stage))).await;
        })
    }),
    ("group/borrowing.rs borrowing", || {
        work().tested(async |stage| {
            let permits = &*stage;
            borrowing(async move |group| {
                for _ in 0..3 {
                    group.spawn(takes(permits));
                }
                takes(permits).await;
            })
            .await;
        })
    }),
    ("group/borrowing.rs spawn", || {
        work().tested(async |stage| {
            let permits = &*stage;
            let sum = borrowing(async move |group| {
                let one = group.spawn(async move {
                    takes(permits).await;
                    1
                });
                let two = group.spawn(async move {
                    takes(permits).await;
                    2
                });
                one.await + two.await
            });
            assert_eq!(sum.await, 3);
        })
    }),
    ("group/task_local.rs scope", || {
        taketurns::task::task_local! {
            static NAME: u32;
        }
        work()
            .beside(async |stage| {
                takes(stage).await;
                assert!(NAME.try_get().is_err());
            })
            .tested(async |stage| {
                NAME.scope(5, async {
                    takes(&stage).await;
                    assert_eq!(NAME.get(), 5);
                })
                .await;
            })
    }),
];

/// Takes a permit for a turn.
async fn takes(stage: &Permits) {
    let _permit = stage.acquire().await.unwrap();
    yield_now().await;
}

async fn fails(stage: &Permits) -> Result<(), &'static str> {
    takes(stage).await;
    Err("as it should")
}

fn set(stage: &Rc<Permits>) -> JoinSet<()> {
    let mut set = JoinSet::new();
    for _ in 0..3 {
        let stage = Rc::clone(stage);
        set.spawn(async move { takes(&stage).await });
    }
    set
}

/// One permit, and two tasks that take it.
fn work() -> Plan<Semaphore> {
    Plan::new(Semaphore::new(1)).beside(takes).beside(takes)
}
