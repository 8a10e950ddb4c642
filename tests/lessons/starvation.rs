//! Lesson 15: a manager that never yields keeps the thread, and its children pile up.

#![forbid(unsafe_code)]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::mpsc;
use std::time::Duration;

use taketurns::time::sleep;
use taketurns::{Builder, spawn, task};

use crate::common::Trace;
use crate::{SECOND, losing};

const BOUND: usize = 1000;

/// A kilobyte; counts how many are held.
struct Parcel(Vec<u8>, Rc<Cell<usize>>);

impl Parcel {
    fn new(held: &Rc<Cell<usize>>) -> Parcel {
        let content = vec![b'a'; 1000];
        held.set(held.get() + content.len());
        Parcel(content, held.clone())
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        self.1.set(self.1.get() - self.0.len());
    }
}

async fn child(number: usize, trace: Trace, parcel: Parcel) {
    if number % (BOUND / 4) == 0 {
        trace.push(format_args!("child-{number}"));
    }
    sleep(SECOND).await;
    drop(parcel);
}

#[test]
fn no_child_runs_until_the_manager_ends_then_each_in_the_order_of_spawning() {
    let trace = Trace::new();
    let held = Rc::new(Cell::new(0));
    let runtime = losing();
    runtime.block_on(async {
        for made in 0..BOUND {
            spawn(child(made, trace.clone(), Parcel::new(&held))).detach();
            if made % (BOUND / 2) == 0 {
                trace.push(format_args!("made-{made}"));
            }
        }
        trace.push(format_args!("end-with-{}-bytes", held.get()));
    });
    let children = "child-0 child-250 child-500 child-750";
    assert_eq!(trace.take(), format!("made-0 made-500 end-with-1000000-bytes {children}"));
    assert_eq!(held.get(), BOUND * 1000, "each holds its parcel while it sleeps");
    assert_eq!(runtime.shutdown().lost().len(), BOUND);
    assert_eq!(held.get(), 0);
}

#[test]
fn a_manager_without_an_end_is_named_while_it_makes_tasks() {
    let (tell, told) = mpsc::channel();
    let on_stall = move |stall: &taketurns::insight::Stall| {
        if stall.name() == Some("manager") {
            let _ = tell.send((stall.is_over(), stall.ready() as usize));
        }
    };
    let builder = Builder::new().stall_threshold(Duration::from_millis(2)).on_stall(on_stall);
    let runtime = builder.on_lost(|_| {}).build().unwrap();
    let manager = async move {
        (0..BOUND).for_each(|_| spawn(std::future::pending::<()>()).detach());
        // That it ends is the watchdog's work. That tells again, should it have told before all were made.
        loop {
            if let (is_over, BOUND) = told.recv_timeout(SECOND * 10).expect("it is told of") {
                return is_over;
            }
        }
    };
    let spawn = async { task::Builder::new().name("manager").spawn(manager).await };
    let told = runtime.block_on(spawn);
    assert!(!told.unwrap(), "told while the turn lasted");
}
