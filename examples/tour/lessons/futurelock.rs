//! Lesson 35: a lock that is granted to a future that its task no longer polls. The deadlock report names it.

#![forbid(unsafe_code)]

use std::io;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use taketurns::sync::RwLock;
use taketurns::time::{sleep, timeout};
use taketurns::yield_now;

use crate::exercise::exercise;
use crate::lane::{panic_of, spawn, spawn_named, virtually};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 35,
    slug: "futurelock",
    title: "a lock granted to a future that is not polled",
    moral: "Poll it, drop it, or make it a task.",
    source: include_str!("futurelock.rs"),
    next: Next {
        file: "sync/rwlock.rs",
        item: "pub fn write",
        why: "the queue of a lock, and what a dropped waiter hands on",
    },
    exercise: exercise!("futurelock"),
    twin: script!("35"),
    play,
};

const SECOND: Duration = Duration::from_secs(1);

type Lock = Rc<RwLock<()>>;

async fn holder(lock: Lock) {
    let held = lock.write().await;
    say!("the holder writes");
    sleep(2 * SECOND).await;
    drop(held);
    say!("the holder is done");
}

async fn write(name: char, lock: Lock) {
    let _held = lock.write().await;
    say!("{name} writes");
}

/// A lock that a task will hold for two seconds.
async fn held() -> Lock {
    let lock = Lock::default();
    spawn_named("holder", holder(lock.clone())).detach();
    yield_now().await;
    lock
}

async fn lent() {
    let lock = held().await;
    // [show
    // only lent: `a` stays in the lock's queue, before `b`
    let mut a = pin!(lock.write());
    let _ = timeout(SECOND, a.as_mut()).await;
    say!("the limit passes, a is kept");
    let b = lock.write().await; // never
    // show]
    drop(b);
    drop(a.await);
}

async fn task_of_its_own() {
    let lock = held().await;
    // [show
    // a task of its own is polled when it is woken
    let mut a = spawn(write('a', lock.clone()));
    let _ = timeout(SECOND, &mut a).await;
    // show]
    say!("the limit passes, a is kept");
    write('b', lock.clone()).await;
    let _ = a.await;
}

async fn dropped() {
    let lock = held().await;
    // [show
    // dropped: it leaves the lock's queue
    let _ = timeout(SECOND, write('a', lock.clone())).await;
    // show]
    say!("the limit passes, a is gone");
    write('b', lock.clone()).await;
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let locked = stage.timed_scene("wrong way", "wait for a with a limit, then for b", || {
        let mut played = Ok(());
        let panic = panic_of(|| played = virtually("main", lent()));
        played.map(|()| panic.unwrap_or_default())
    })?;
    let spawned = stage.timed_scene("task of its own", "the same, but a is a task", || {
        virtually("main", task_of_its_own())
    })?;
    let dropped =
        stage.timed_scene("right way", "the limit drops a", || virtually("main", dropped()))?;
    stage.why(
        "A lock is granted to the waiter that came first. That is `a`, a future of the same task, and the \
         task no longer polls it: it awaits `b`, which stands behind `a`. No other task is to blame, and \
         none can help. A `select!` whose losing branch is only borrowed does the same. It is known as a \
         futurelock.",
    );
    stage.by_nature(
        "in asyncio each waiter is a task, and a task that is woken has a turn whether or not another \
         awaits it. A future has turns only through its owner. The report of the deadlock names the lock, \
         and that it was granted to a future of the same task:",
    );
    stage.quote(&locked.value);
    stage.check(
        "lent: the lock was granted to `a`, and neither wrote",
        locked.is(&["the holder writes", "the limit passes, a is kept", "the holder is done"])
            && locked.value.contains("deadlock"),
    );
    let writes = "`RwLock::write()` at examples/tour/lessons/futurelock.rs:";
    let line = |text: &str| text.split(':').next().map(str::to_owned);
    let lines: Vec<_> = locked.value.split(writes).skip(1).map(line).collect();
    stage.check(
        "the report names the line that waits, and the line that was granted the lock",
        lines.len() == 2
            && lines[0] != lines[1]
            && locked.value.contains("which no task has polled since"),
    );
    stage.check("in asyncio both wrote", locked.asyncio_alone(&["a writes", "b writes"]));
    stage.check(
        "as a task, `a` wrote when the lock was granted, and then `b`",
        spawned.is(&[
            "the holder writes",
            "the limit passes, a is kept",
            "the holder is done",
            "a writes",
            "b writes",
        ]),
    );
    stage.check(
        "dropped at the limit, `a` left the queue, and `b` wrote",
        dropped.is(&[
            "the holder writes",
            "the limit passes, a is gone",
            "the holder is done",
            "b writes",
        ]),
    );
    Ok(())
}
