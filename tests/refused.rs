//! A future that an executor refuses, because it has ended or is about to, is dropped where it was sent from, and nothing of
//! the executor's own thread is touched there.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll};
use std::thread;

use futures::task::{FutureObj, Spawn};
use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
use taketurns::{Builder, Handle, task};

/// Panics when it is dropped.
struct Bomb;

impl Future for Bomb {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Pending
    }
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in its drop");
    }
}

/// Has another thread send a `Bomb` when this is dropped, at the end of the executor.
struct AtEnd(Handle, mpsc::Sender<bool>);

impl Drop for AtEnd {
    fn drop(&mut self) {
        let handle = self.0.clone();
        let send = move || handle.spawn_obj(FutureObj::new(Box::new(Bomb)));
        self.1.send(thread::spawn(send).join().unwrap().is_err()).unwrap();
    }
}

#[test]
fn a_refused_future_that_panics_in_its_drop_does_not_call_the_hook_on_another_thread() {
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    let home = thread::current().id();
    let elsewhere = Arc::new(AtomicBool::new(false));
    let tell = Arc::clone(&elsewhere);
    executor.on_unhandled(move |_, _| {
        tell.fetch_or(thread::current().id() != home, Ordering::Relaxed);
    });
    let (refused, was_refused) = mpsc::channel();
    let end = AtEnd(Handle::new(&executor), refused);
    executor
        .spawn(async move {
            let _end = end;
            std::future::pending::<()>().await;
        })
        .detach();
    executor.block_on(async {});
    drop(executor);
    assert!(was_refused.recv().unwrap());
    assert!(!elsewhere.load(Ordering::Relaxed), "the hook belongs to the executor's thread");
}

/// For a sanitizer: the names were read from the sending thread while home changed them.
#[test]
fn threads_send_tasks_while_a_runtime_with_named_tasks_ends() {
    for _ in 0..20 {
        let runtime = Builder::new().on_lost(|_| {}).build().unwrap();
        let over = Arc::new(AtomicBool::new(false));
        let threads = [(); 2].map(|()| {
            let (handle, over) = (runtime.handle(), Arc::clone(&over));
            thread::spawn(move || {
                // Enough to be at it while the runtime ends, and no more than it can take in.
                for _ in 0..2000 {
                    if over.load(Ordering::Relaxed) {
                        break;
                    }
                    drop(handle.spawn(async {}));
                }
            })
        });
        runtime.block_on(async {
            for number in 0..200 {
                let named = task::Builder::new().name(format!("name {number}"));
                named.spawn(std::future::pending::<()>()).detach();
            }
        });
        drop(runtime);
        over.store(true, Ordering::Relaxed);
        for thread in threads {
            thread.join().unwrap();
        }
    }
}
