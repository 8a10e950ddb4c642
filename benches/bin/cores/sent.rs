//! A million tasks that are not `Send`, sent to the threads that run them.

use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{self, Thread};

use taketurns::PerCore;
use taketurns_benches::cpu::median_wall_and_process;
use taketurns_benches::side_by_side::Error;
use tokio_util::task::LocalPoolHandle;

const TASKS: u64 = 1_000_000;
const RUNS: usize = 3;
const THREADS: usize = 2;

static ARRIVED: AtomicU64 = AtomicU64::new(0);

/// What each task does: it has something that is not `Send` across an await, and counts itself. The last wakes the sender.
async fn arrive(sender: &'static Thread) {
    let local = Rc::new(1);
    std::future::ready(()).await;
    if ARRIVED.fetch_add(*local, Ordering::Relaxed) + 1 == TASKS {
        sender.unpark();
    }
}

/// Nanoseconds for each task, on the wall and of CPU time, if `send` sends one.
fn each(mut send: impl FnMut(&'static Thread)) -> [f64; 2] {
    let here: &'static Thread = Box::leak(Box::new(thread::current()));
    let times = median_wall_and_process::<RUNS>(|| {
        ARRIVED.store(0, Ordering::Relaxed);
        (0..TASKS).for_each(|_| send(here));
        while ARRIVED.load(Ordering::Relaxed) < TASKS {
            thread::park();
        }
    });
    times.map(|time| time.as_nanos() as f64 / TASKS as f64)
}

pub(crate) fn by_per_core() -> Result<[f64; 2], Error> {
    let loops = PerCore::builder().loops(THREADS).start(|_, stop| async move {
        stop.cancelled().await;
    })?;
    Ok(each(|sender| loops.spawn(move || arrive(sender)).detach()))
}

pub(crate) fn by_local_pool() -> [f64; 2] {
    let pool = LocalPoolHandle::new(THREADS);
    each(|sender| drop(pool.spawn_pinned(move || arrive(sender))))
}
