//! The set of woken children against that of `FuturesUnordered`.

use std::pin::pin;
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use proptest::prelude::*;
use taketurns::task::join_all;

use super::common::Trace;
use super::{Counting, Signal, poll_once};

#[derive(Clone, Debug)]
enum Act {
    Wake(usize),
    WakeAway(usize),
    Give(usize),
    Turn,
}

const CHILDREN: usize = 20;

fn act() -> impl Strategy<Value = Act> {
    let child = 0..CHILDREN;
    prop_oneof![
        4 => child.clone().prop_map(Act::Wake),
        1 => child.clone().prop_map(Act::WakeAway),
        2 => child.prop_map(Act::Give),
        2 => Just(Act::Turn),
    ]
}

/// What the children have done, sorted: `FuturesUnordered` promises no order.
fn sorted(trace: &Trace) -> Vec<String> {
    let text = trace.take();
    let mut events: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
    events.sort();
    events
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_same_children_are_polled_in_each_turn(acts in prop::collection::vec(act(), 0..60)) {
        let (ours, theirs) = (Trace::new(), Trace::new());
        let counting = Arc::new(Counting::default());
        let signals: Vec<_> = (0..CHILDREN).map(|_| [Signal::new(), Signal::new()]).collect();
        let traced = |which: usize, trace: &Trace| {
            let trace = trace.clone();
            signals.iter().map(move |both| both[which].clone()).enumerate()
                .map(move |(n, signal)| signal.traced(trace.clone(), n)).collect::<Vec<_>>()
        };
        let mut all = pin!(join_all(traced(0, &ours)));
        let unordered = traced(1, &theirs).into_iter().collect::<FuturesUnordered<_>>();
        let mut rest = pin!(unordered.collect::<Vec<()>>());
        let mut is_done = false;
        for act in acts.into_iter().chain([Act::Turn]).chain((0..CHILDREN).map(Act::Give)).chain([Act::Turn]) {
            match act {
                Act::Wake(n) => signals[n].iter().for_each(Signal::wake),
                Act::WakeAway(n) => {
                    for signal in &signals[n] {
                        if let Some(waker) = signal.waker.borrow().clone() {
                            std::thread::spawn(move || waker.wake()).join().unwrap();
                        }
                    }
                }
                Act::Give(n) => signals[n].iter().for_each(Signal::give),
                Act::Turn if is_done => {}
                Act::Turn => {
                    let (one, two) = (poll_once(all.as_mut(), &counting), poll_once(rest.as_mut(), &counting));
                    prop_assert_eq!(one.is_ready(), two.is_ready());
                    prop_assert_eq!(sorted(&ours), sorted(&theirs));
                    is_done = one.is_ready();
                }
            }
        }
        prop_assert!(is_done);
    }
}
