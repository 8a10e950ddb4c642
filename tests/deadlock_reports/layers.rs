//! The waits of tasks are followed once each, however many ways there are.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use taketurns::sync::RwLock;
use taketurns::{spawn, yield_now};

use crate::{reported, runtime};

/// Each of two tasks of a layer waits for a lock that both of the next layer have. There are 2^32 ways through the layers. The
/// report follows each wait once; otherwise it would never be there, and its thread is left to itself.
#[test]
fn layers_of_tasks_that_wait_for_each_other_are_told_as_fast_as_tasks_in_a_row() {
    let (tell, come) = mpsc::channel();
    thread::spawn(move || {
        let (runtime, told) = runtime(1, Duration::ZERO);
        let polled = runtime.block_on(async {
            let polls = Rc::new(Cell::new(0));
            let locks: Vec<Rc<RwLock<()>>> = (0..33).map(|_| Rc::default()).collect();
            let _last = locks[32].read().await;
            for layer in (0..32).rev().flat_map(|layer| [layer; 2]) {
                let [own, next] = [layer, layer + 1].map(|layer| Rc::clone(&locks[layer]));
                let mut waits = Box::pin(async move {
                    let _own = own.read().await;
                    drop(next.write().await);
                });
                let polls = Rc::clone(&polls);
                spawn(poll_fn(move |cx| {
                    polls.set(polls.get() + 1);
                    waits.as_mut().poll(cx)
                }))
                .detach();
            }
            reported().await;
            yield_now().await; // a task that was woken would have a turn
            polls.get()
        });
        tell.send((polled, told.only().1)).unwrap();
    });
    let (polled, text) = come.recv_timeout(Duration::from_secs(60)).expect("a report");
    assert_eq!(polled, 64, "nothing is polled for the report");
    let by_both = text.lines().filter(|line| line.matches(", locked by task #").count() == 2);
    assert_eq!(by_both.count(), 47, "{text}");
    assert!(text.contains("\n  and 15 more\n"), "{text}");
}
