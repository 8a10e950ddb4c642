//! What relies on who comes first, and nothing says so.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use crate::yields;
use taketurns::{JoinHandle, spawn, yield_now};

pub(super) async fn three_tasks(planted: bool) {
    let done = Rc::new(RefCell::new(Vec::new()));
    let mut before: Option<JoinHandle<()>> = None;
    let mut steps = Vec::new();
    for step in ["open", "write", "close"] {
        let (done, after) = (Rc::clone(&done), before.take().filter(|_| !planted));
        let task = async move {
            if let Some(after) = after {
                after.await.unwrap();
            }
            done.borrow_mut().push(step);
        };
        if planted {
            steps.push(spawn(task));
        } else {
            before = Some(spawn(task));
        }
    }
    for step in steps.into_iter().chain(before) {
        step.await.unwrap();
    }
    assert_eq!(*done.borrow(), ["open", "write", "close"]);
}

pub(super) async fn used_before_ready(planted: bool) {
    let port = Rc::new(OnceCell::new());
    let server = {
        let port = Rc::clone(&port);
        spawn(async move {
            yield_now().await; // it binds
            port.set(8080).unwrap();
        })
    };
    let client = spawn(async move {
        if planted {
            yields(2).await;
        } else {
            server.await.unwrap();
        }
        *port.get().expect("the server is not ready")
    });
    assert_eq!(client.await.unwrap(), 8080);
}

pub(super) async fn late_flag(planted: bool) {
    let running = Rc::new(Cell::new(false));
    let start = {
        let running = Rc::clone(&running);
        spawn(async move { running.set(true) })
    };
    yield_now().await;
    if planted {
        running.set(false);
        start.await.unwrap();
    } else {
        start.await.unwrap();
        running.set(false);
    }
    assert!(!running.get(), "it was stopped, and runs");
}

pub(super) async fn reply_of_another(planted: bool) {
    let requests = Rc::new(RefCell::new(VecDeque::new()));
    let replies = Rc::new(RefCell::new(VecDeque::new()));
    let clients = [1, 2].map(|id| {
        let (requests, replies) = (Rc::clone(&requests), Rc::clone(&replies));
        spawn(async move {
            requests.borrow_mut().push_back(id);
            loop {
                let is_mine = |reply: &i32| planted || reply / 10 == id;
                let mine = replies.borrow().iter().position(is_mine);
                if let Some(mine) = mine {
                    let reply = replies.borrow_mut().remove(mine).unwrap();
                    assert_eq!(reply / 10, id, "client {id} was given reply {reply}");
                    return;
                }
                yield_now().await;
            }
        })
    });
    let server = spawn(async move {
        for _ in 0..2 {
            while requests.borrow().is_empty() {
                yield_now().await;
            }
            let id = requests.borrow_mut().pop_front().unwrap();
            replies.borrow_mut().push_back(id * 10);
        }
    });
    for task in clients.into_iter().chain([server]) {
        task.await.unwrap();
    }
}

pub(super) async fn leaves_early(planted: bool) {
    let queue = Rc::new(RefCell::new(VecDeque::new()));
    let closed = Rc::new(Cell::new(false));
    let producer = {
        let (queue, closed) = (Rc::clone(&queue), Rc::clone(&closed));
        spawn(async move {
            for item in 0..3 {
                queue.borrow_mut().push_back(item);
                yield_now().await;
            }
            closed.set(true);
        })
    };
    let consumer = spawn(async move {
        let mut taken = 0;
        loop {
            let was_closed = closed.get();
            let item = queue.borrow_mut().pop_front();
            taken += u32::from(item.is_some());
            yield_now().await;
            let is_over = if planted { closed.get() } else { was_closed };
            if item.is_none() && is_over {
                return taken;
            }
        }
    });
    producer.await.unwrap();
    assert_eq!(consumer.await.unwrap(), 3, "items were left behind");
}
