//! Lesson 31: which lock for shared state, and a lock that is held across an await.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use taketurns::{sync, yield_now};

use crate::exercise::exercise;
use crate::lane::{lane, spawn};
use crate::lessons::{Lesson, Next};
use crate::stage::Stage;
use crate::timeline::block_on;
use crate::trace::say;
use crate::twin::script;

pub(crate) const LESSON: Lesson = Lesson {
    number: 31,
    slug: "shared-state",
    title: "shared state, and a lock held across an await",
    moral: "No await inside, or a lock that can wait.",
    source: include_str!("shared_state.rs"),
    next: Next {
        file: "sync/mutex.rs",
        item: "pub fn lock",
        why: "a lock that leaves the thread to its owner",
    },
    exercise: exercise!("shared-state"),
    twin: script!("31"),
    play,
};

type Stuck = &'static str;

/// Said of a task that would wait for a lock of threads that its own thread holds.
const STUCK: Stuck = "the thread waits for itself";

#[derive(Default)]
struct Account {
    balance: Cell<u32>,
    of_threads: std::sync::Mutex<()>,
    of_tasks: sync::Mutex<()>,
}

impl Account {
    /// Reads, and writes back what may no longer be so.
    async fn deposit(&self, name: char) {
        // [show
        let before = self.balance.get();
        say!("{name} read {before}");
        yield_now().await; // ask the bank
        self.balance.set(before + 60);
        say!("{name} wrote {}", before + 60);
        // show]
    }

    async fn without(self: Rc<Self>, name: char) -> Result<(), Stuck> {
        self.deposit(name).await;
        Ok(())
    }

    #[expect(clippy::await_holding_lock, reason = "the lesson shows what comes of it")]
    async fn stuck(self: Rc<Self>, name: char) -> Result<(), Stuck> {
        // [show
        // `lock` would block the thread that is to unlock it
        let held = self.of_threads.try_lock().map_err(|_| STUCK)?;
        // show]
        self.deposit(name).await;
        drop(held);
        Ok(())
    }

    async fn locked(self: Rc<Self>, name: char) -> Result<(), Stuck> {
        // [show
        // the task waits, and others go on
        let held = self.of_tasks.lock().await;
        // show]
        self.deposit(name).await;
        drop(held);
        Ok(())
    }

    async fn at_once(self: Rc<Self>, name: char) -> Result<(), Stuck> {
        yield_now().await; // ask the bank
        let _held = self.of_threads.lock().expect("no holder panics");
        self.balance.set(self.balance.get() + 60);
        say!("{name} wrote {}", self.balance.get());
        Ok(())
    }
}

/// Two deposits of 60 at once.
fn two<F: Future<Output = Result<(), Stuck>> + 'static>(
    deposit: impl Fn(Rc<Account>, char) -> F,
) -> io::Result<()> {
    block_on(lane("main", async {
        let account = Rc::<Account>::default();
        let both = ['a', 'b'].map(|name| spawn(deposit(account.clone(), name)));
        let [a, b] = both;
        for outcome in [a.await, b.await] {
            if let Err(stuck) = outcome.map_err(io::Error::other)? {
                say!("{stuck}");
            }
        }
        say!("balance {}", account.balance.get());
        Ok(())
    }))
}

fn play(stage: &mut Stage) -> io::Result<()> {
    let lost = stage.scene("wrong way", "read, await, write back", || two(Account::without))?;
    let stuck = stage
        .scene("stuck way", "a lock of threads, held across the await", || two(Account::stuck))?;
    let locked = stage
        .scene("right way", "a lock of tasks, held across the await", || two(Account::locked))?;
    let simple = stage
        .scene("simple way", "no await between reading and writing", || two(Account::at_once))?;
    stage.why(
        "One thread does not make a task's code indivisible: at each `.await` other tasks may run, and \
         what was read before may no longer be so. A lock of threads does not help. Its owner is on the \
         same thread, and gets no turn while that thread waits. `sync::Mutex` lets the task wait \
         instead. Best is no await inside: then no lock is needed at all.",
    );
    stage.by_nature(
        "clippy finds a lock of threads that is held across an await (`await_holding_lock`). Its guard is \
         not `Send`, so a task for another thread does not compile; a task of this thread does. A \
         `sync::Mutex` has its value inside, as std's has.",
    );
    stage.note(
        "The stuck way tries the lock, as to wait for it would end the tour: std calls it a deadlock or \
         a panic.",
    );
    stage.check(
        "without a lock, one deposit was lost",
        lost.is(&["a read 0", "b read 0", "a wrote 60", "b wrote 60", "balance 60"]),
    );
    stage.check(
        "with a lock of threads, the second deposit could never go on",
        stuck.is(&["a read 0", "a wrote 60", "the thread waits for itself", "balance 60"]),
    );
    stage.check(
        "with a lock of tasks, the second waited for the first, and both count",
        locked.is(&["a read 0", "a wrote 60", "b read 60", "b wrote 120", "balance 120"]),
    );
    stage.check(
        "without an await inside, both count",
        simple.is(&["a wrote 60", "b wrote 120", "balance 120"]),
    );
    Ok(())
}
