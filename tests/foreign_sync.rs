//! This crate's `sync` under the executor of futures, and the channels of futures on this crate's loop. `benches/tests/` has
//! the same for tokio and async-channel.

#[path = "foreign_sync/ours.rs"]
mod ours;
#[path = "foreign_sync/theirs.rs"]
mod theirs;

use futures::channel::{mpsc, oneshot};
use futures::executor::LocalPool;
use futures::task::LocalSpawnExt;
use futures::{SinkExt, StreamExt};
use taketurns::{Runtime, block_on, spawn};
use theirs::SENT;

#[test]
fn sync_works_under_the_local_pool_of_futures() {
    ours::under(|tasks| {
        let mut pool = LocalPool::new();
        for task in tasks {
            pool.spawner().spawn_local(task).unwrap();
        }
        pool.run_until_stalled();
    });
}

#[test]
fn sync_works_under_this_crates_own_loop() {
    ours::under(|tasks| {
        let runtime = Runtime::new().unwrap();
        for task in tasks {
            runtime.spawn(task).detach();
        }
        runtime.run_until_stalled();
    });
}

#[test]
fn a_bounded_channel_of_futures_works_here_and_across_threads() {
    let send = async |mut sends: mpsc::Sender<u32>| {
        for number in SENT {
            sends.send(number).await.unwrap();
        }
    };
    let receive = async |receives: mpsc::Receiver<u32>| receives.collect::<Vec<_>>().await;
    theirs::arrive(|| mpsc::channel(0), send, receive);
    theirs::leave(|| mpsc::channel(0), send, receive);
}

#[test]
fn a_channel_of_futures_without_a_bound_works_here_and_across_threads() {
    let send = async |sends: mpsc::UnboundedSender<u32>| {
        for number in SENT {
            sends.unbounded_send(number).unwrap();
        }
    };
    let receive = async |receives: mpsc::UnboundedReceiver<u32>| receives.collect::<Vec<_>>().await;
    theirs::arrive(mpsc::unbounded, send, receive);
    theirs::leave(mpsc::unbounded, send, receive);
}

#[test]
fn a_oneshot_of_futures_works_here_and_across_threads() {
    let send = async |sends: oneshot::Sender<Vec<u32>>| sends.send(SENT.collect()).unwrap();
    let receive = async |receives: oneshot::Receiver<Vec<u32>>| receives.await.unwrap();
    theirs::arrive(oneshot::channel, send, receive);
    theirs::leave(oneshot::channel, send, receive);
}

#[test]
fn a_receiver_of_futures_hears_that_its_sender_went_with_an_aborted_task() {
    block_on(async {
        let (sends, receives) = oneshot::channel::<()>();
        let task = spawn(async move {
            let _sends = sends;
            std::future::pending::<()>().await;
        });
        task.abort();
        assert!(receives.await.is_err());
    });
}
