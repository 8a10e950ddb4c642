//! Random small programs over each primitive, under random schedules, beside a simple model of it.
//!
//! A program is a few tasks that take random operations: they wait, give up waiting, keep a future that was granted
//! something without polling it, close, and are aborted. At each poll the future and the model must say the same. So when no
//! task can go on and the model has a future that was let go, a wake was lost. `TAKETURNS_SEED` runs one seed again.

#![cfg(feature = "time")]

#[path = "explored/groups.rs"]
mod groups;
#[path = "explored/latest.rs"]
mod latest;
#[path = "explored/once.rs"]
mod once;
#[path = "explored/permits.rs"]
mod permits;
#[path = "explored/queue.rs"]
mod queue;
#[path = "explored/signals.rs"]
mod signals;
#[path = "explored/tokens.rs"]
mod tokens;
#[path = "explored/world.rs"]
mod world;

use world::explore_programs;

macro_rules! explored {
    ($($name:ident: $world:ty;)*) => {
        $(#[test]
        fn $name() {
            explore_programs::<$world>();
        })*
    };
}

explored! {
    semaphore: permits::OfSemaphore;
    mutex: permits::OfMutex;
    rwlock: permits::OfRwLock;
    barrier: signals::OfBarrier;
    event: signals::OfEvent;
    notify: signals::OfNotify;
    channel: queue::OfChannel;
    oneshot: once::OfOneshot;
    watch: latest::OfWatch;
    broadcast: latest::OfBroadcast;
    task_group: groups::OfTaskGroup;
    join_set: groups::OfJoinSet;
    joins_races_and_borrowing_groups: groups::OfJoins;
    cancellation_token: tokens::OfToken;
    scope: tokens::OfScope;
}
