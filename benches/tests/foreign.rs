//! taketurns' `sync` under tokio's `LocalSet`, and the `sync` of tokio and async-channel on taketurns' loop. The package's own
//! tests have the same for futures; tokio is a dependency of the benchmarks alone.

#[path = "../../tests/foreign_sync/ours.rs"]
mod ours;
#[path = "../../tests/foreign_sync/theirs.rs"]
mod theirs;

use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use taketurns::{block_on, spawn};
use theirs::SENT;
use tokio::sync::{Mutex, Notify, Semaphore, broadcast, mpsc, oneshot, watch};
use tokio::task::{LocalSet, spawn_local};

#[test]
fn sync_works_under_the_local_set_of_tokio() {
    ours::under(|tasks| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(LocalSet::new().run_until(async {
            let handles: Vec<_> = tasks.into_iter().map(spawn_local).collect();
            for handle in handles {
                handle.await.unwrap();
            }
        }));
    });
}

#[test]
fn an_mpsc_of_tokio_works_here_and_across_threads() {
    let send = async |sends: mpsc::Sender<u32>| {
        for number in SENT {
            sends.send(number).await.unwrap();
        }
    };
    let receive = async |mut receives: mpsc::Receiver<u32>| {
        let mut received = Vec::new();
        while let Some(number) = receives.recv().await {
            received.push(number);
        }
        received
    };
    theirs::arrive(|| mpsc::channel(1), send, receive);
    theirs::leave(|| mpsc::channel(1), send, receive);
}

#[test]
fn a_oneshot_of_tokio_works_here_and_across_threads() {
    let send = async |sends: oneshot::Sender<Vec<u32>>| sends.send(SENT.collect()).unwrap();
    let receive = async |receives: oneshot::Receiver<Vec<u32>>| receives.await.unwrap();
    theirs::arrive(oneshot::channel, send, receive);
    theirs::leave(oneshot::channel, send, receive);
}

#[test]
fn a_broadcast_of_tokio_works_here_and_across_threads() {
    let send = async |sends: broadcast::Sender<u32>| {
        for number in SENT {
            sends.send(number).unwrap();
        }
    };
    let receive = async |mut receives: broadcast::Receiver<u32>| {
        let mut received = Vec::new();
        while let Ok(number) = receives.recv().await {
            received.push(number);
        }
        received
    };
    theirs::arrive(|| broadcast::channel(128), send, receive);
    theirs::leave(|| broadcast::channel(128), send, receive);
}

#[test]
fn a_watch_of_tokio_works_here_and_across_threads() {
    let send = async |sends: watch::Sender<Vec<u32>>| {
        for number in SENT {
            sends.send_modify(|all| all.push(number));
        }
    };
    let receive = async |mut receives: watch::Receiver<Vec<u32>>| {
        receives.wait_for(|all| all.len() == SENT.len()).await.unwrap().clone()
    };
    theirs::arrive(|| watch::channel(Vec::new()), send, receive);
    theirs::leave(|| watch::channel(Vec::new()), send, receive);
}

#[test]
fn an_async_channel_works_here_and_across_threads() {
    let send = async |sends: async_channel::Sender<u32>| {
        for number in SENT {
            sends.send(number).await.unwrap();
        }
    };
    let receive = async |receives: async_channel::Receiver<u32>| {
        let mut received = Vec::new();
        while let Ok(number) = receives.recv().await {
            received.push(number);
        }
        received
    };
    theirs::arrive(|| async_channel::bounded(1), send, receive);
    theirs::leave(|| async_channel::bounded(1), send, receive);
    theirs::arrive(async_channel::unbounded, send, receive);
}

#[test]
fn locks_of_tokio_keep_the_tasks_of_a_loop_apart() {
    block_on(async {
        let (mutex, permits) = (Rc::new(Mutex::new(0)), Rc::new(Semaphore::new(1)));
        let tasks = [(); 10].map(|()| {
            let (mutex, permits) = (Rc::clone(&mutex), Rc::clone(&permits));
            spawn(async move {
                let _permit = permits.acquire().await.unwrap();
                let before = *mutex.lock().await;
                taketurns::yield_now().await;
                *mutex.lock().await = before + 1;
            })
        });
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*mutex.lock().await, 10);
    });
}

#[test]
fn a_notify_of_tokio_wakes_a_task_from_another_thread() {
    let notify = Arc::new(Notify::new());
    let away = {
        let notify = Arc::clone(&notify);
        thread::spawn(move || notify.notify_one())
    };
    block_on(async { spawn(async move { notify.notified().await }).await.unwrap() });
    away.join().unwrap();
}
