//! What tasks do with this crate's `sync`, for any executor of one thread.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use taketurns::cancel::CancellationToken;
use taketurns::sync::{
    Barrier, Event, Mutex, Notify, RwLock, Semaphore, broadcast, channel, oneshot, watch,
};

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Gives way once, in a way that every executor understands.
async fn give_way() {
    let mut polled = false;
    poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Events of one scene. Each scene says what they are at the end, whatever order the executor has.
#[derive(Clone, Default)]
struct Events(Rc<RefCell<Vec<u32>>>);

impl Events {
    fn push(&self, event: u32) {
        self.0.borrow_mut().push(event);
    }
}

/// Runs every scene: `run` spawns these tasks, and runs them until all have ended.
pub(crate) fn under(run: impl Fn(Vec<Task>)) {
    let run = |tasks: Vec<Task>| {
        let (left, count) = (Rc::new(Cell::new(0)), tasks.len());
        let counted = tasks.into_iter().map(|task| {
            let left = Rc::clone(&left);
            Box::pin(async move {
                task.await;
                left.set(left.get() + 1);
            }) as Task
        });
        run(counted.collect());
        assert_eq!(left.get(), count, "every task has ended");
    };
    channels(&run);
    one_value(&run);
    one_at_a_time(&run);
    readers_and_writers(&run);
    a_barrier(&run);
    values_for_many(&run);
    signals(&run);
    a_token(&run);
}

fn channels(run: &impl Fn(Vec<Task>)) {
    let events = Events::default();
    let ((sends, receives), received) = (channel::bounded(1), events.clone());
    run(vec![
        Box::pin(async move {
            for number in 0..5 {
                sends.send(number).await.unwrap();
            }
        }),
        Box::pin(async move {
            while let Ok(number) = receives.recv().await {
                received.push(number);
            }
        }),
    ]);
    assert_eq!(*events.0.borrow(), [0, 1, 2, 3, 4]);
}

fn one_value(run: &impl Fn(Vec<Task>)) {
    let events = Events::default();
    let ((sends, receives), received) = (oneshot::channel(), events.clone());
    run(vec![
        Box::pin(async move { received.push(receives.await.unwrap()) }),
        Box::pin(async move { sends.send(7).unwrap() }),
    ]);
    assert_eq!(*events.0.borrow(), [7]);
}

/// A mutex, and a semaphore of one permit.
fn one_at_a_time(run: &impl Fn(Vec<Task>)) {
    let (by_mutex, by_permit) = (Events::default(), Events::default());
    let (mutex, permits) = (Rc::new(Mutex::new(())), Rc::new(Semaphore::new(1)));
    let tasks = (0..3).map(|number| {
        let (by_mutex, by_permit) = (by_mutex.clone(), by_permit.clone());
        let (mutex, permits) = (Rc::clone(&mutex), Rc::clone(&permits));
        Box::pin(async move {
            let guard = mutex.lock().await;
            by_mutex.push(number);
            give_way().await;
            by_mutex.push(number);
            drop(guard);
            let _permit = permits.acquire().await.unwrap();
            by_permit.push(number);
            give_way().await;
            by_permit.push(number);
        }) as Task
    });
    run(tasks.collect());
    for events in [by_mutex, by_permit] {
        let events = events.0.borrow();
        assert!(events.len() == 6 && events.chunks(2).all(|two| two[0] == two[1]), "{events:?}");
    }
}

fn readers_and_writers(run: &impl Fn(Vec<Task>)) {
    let lock = Rc::new(RwLock::new(0));
    let tasks = (0..6).map(|number| {
        let lock = Rc::clone(&lock);
        Box::pin(async move {
            if number % 2 == 0 {
                let mut value = lock.write().await;
                let before = *value;
                give_way().await;
                *value = before + 1;
            } else {
                let value = lock.read().await;
                let before = *value;
                give_way().await;
                assert_eq!(*value, before);
            }
        }) as Task
    });
    run(tasks.collect());
    assert_eq!(*lock.try_read().unwrap(), 3);
}

fn a_barrier(run: &impl Fn(Vec<Task>)) {
    let (barrier, arrived) = (Rc::new(Barrier::new(3)), Rc::new(Cell::new(0)));
    let leaders = Rc::new(Cell::new(0));
    let tasks = (0..3).map(|_| {
        let (barrier, arrived) = (Rc::clone(&barrier), Rc::clone(&arrived));
        let leaders = Rc::clone(&leaders);
        Box::pin(async move {
            arrived.set(arrived.get() + 1);
            let passed = barrier.wait().await;
            assert_eq!(arrived.get(), 3);
            leaders.set(leaders.get() + u32::from(passed.is_leader()));
        }) as Task
    });
    run(tasks.collect());
    assert_eq!(leaders.get(), 1);
}

/// Each receiver of a broadcast has every value; one of a watch has the latest.
fn values_for_many(run: &impl Fn(Vec<Task>)) {
    let (sends, first) = broadcast::channel(4);
    let second = sends.subscribe();
    let (sets, mut sees) = watch::channel(0);
    let events = [Events::default(), Events::default()];
    let receivers = [first, second].into_iter().zip(events.clone());
    let mut tasks: Vec<_> = receivers
        .map(|(mut receives, received)| {
            Box::pin(async move {
                while let Ok(number) = receives.recv().await {
                    received.push(number);
                }
            }) as Task
        })
        .collect();
    tasks
        .push(Box::pin(async move { while *sees.borrow() < 3 && sees.changed().await.is_ok() {} }));
    tasks.push(Box::pin(async move {
        for number in 1..=3 {
            sends.send(number).unwrap();
            sets.send(number).unwrap();
            give_way().await;
        }
    }));
    run(tasks);
    for events in events {
        assert_eq!(*events.0.borrow(), [1, 2, 3]);
    }
}

fn signals(run: &impl Fn(Vec<Task>)) {
    let (event, notify) = (Rc::new(Event::new()), Rc::new(Notify::new()));
    let (sets, notifies) = (Rc::clone(&event), Rc::clone(&notify));
    run(vec![
        Box::pin(async move {
            event.wait().await;
            notify.notified().await;
        }),
        Box::pin(async move {
            notifies.notify_one();
            sets.set();
        }),
    ]);
}

fn a_token(run: &impl Fn(Vec<Task>)) {
    let token = CancellationToken::new();
    let (waits, runs) = (token.child_token(), token.clone());
    run(vec![
        Box::pin(async move { assert_eq!(waits.cancelled().await.as_str(), "enough") }),
        Box::pin(async move {
            assert!(runs.run_until_cancelled(std::future::pending::<()>()).await.is_err());
        }),
        Box::pin(async move { token.cancel("enough") }),
    ]);
}
