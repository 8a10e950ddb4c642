//! Lesson 18: too many tasks too fast, and what bounds them.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::rc::Rc;

use taketurns::sync::{Semaphore, channel};
use taketurns::task::join_all;
use taketurns::{block_on, spawn, yield_now};

/// What is made and not yet done, and the peak of that.
#[derive(Default)]
struct Backlog(Cell<usize>, Cell<usize>);

impl Backlog {
    fn made(&self) {
        self.0.set(self.0.get() + 1);
        self.1.set(self.1.get().max(self.0.get()));
    }

    fn done(&self) {
        self.0.set(self.0.get() - 1);
    }
}

async fn work(turns: usize) {
    for _ in 0..turns {
        yield_now().await;
    }
}

#[test]
fn is_bounded_by_a_permit_that_is_taken_before_the_task_is_made() {
    for (before, expected) in [(true, 5), (false, 100)] {
        let backlog = Rc::<Backlog>::default();
        let made = backlog.clone();
        block_on(async move {
            let permits = Rc::new(Semaphore::new(5));
            let mut tasks = Vec::new();
            for turns in 0..100 {
                let early =
                    if before { Some(permits.acquire_owned().await.unwrap()) } else { None };
                made.made();
                let (permits, made) = (permits.clone(), made.clone());
                tasks.push(spawn(async move {
                    let late = if before { None } else { Some(permits.acquire().await.unwrap()) };
                    work(turns % 4).await;
                    made.done();
                    drop((early, late));
                }));
            }
            join_all(tasks).await;
        });
        assert_eq!((backlog.0.get(), backlog.1.get()), (0, expected));
    }
}

#[test]
fn is_bounded_by_the_room_of_a_queue_however_many_consume() {
    for consumers in 1..=4 {
        let backlog = Rc::<Backlog>::default();
        let made = backlog.clone();
        block_on(async move {
            let (sender, receiver) = channel::bounded(5);
            let consumers: Vec<_> = (0..consumers)
                .map(|turns| {
                    let (receiver, made) = (receiver.clone(), made.clone());
                    spawn(async move {
                        while receiver.recv().await.is_ok() {
                            made.done();
                            work(turns).await;
                        }
                    })
                })
                .collect();
            for number in 0..100 {
                sender.send(number).await.unwrap();
                made.made();
            }
            drop(sender);
            join_all(consumers).await;
        });
        assert_eq!((backlog.0.get(), backlog.1.get()), (0, 5), "{consumers} consumers");
    }
}
