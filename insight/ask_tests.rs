//! How many tasks an answer has at most.

#![forbid(unsafe_code)]

use std::future::pending;
use std::time::Duration;

use super::ask::{Answer, Questions, STEP, list};
use crate::Runtime;
use crate::executor::{with_current, yield_now};

/// What takes so long never comes. Only a failing test gets there.
const LOST: Duration = Duration::from_secs(60);

#[test]
fn an_answer_has_so_many_tasks_as_were_asked_for() {
    let runtime = Runtime::new().unwrap();
    (0..20_000).for_each(|_| runtime.spawn(pending::<()>()).detach());
    let ids = |listed: &[super::ask::Listed]| -> Vec<u64> {
        listed.iter().map(|listed| listed.task.id().0).collect()
    };
    let hub = runtime.handle().hub().clone();
    let asks = std::thread::spawn(move || {
        [4, 15_000, 100_000].map(|most| match Questions::default().ask(&hub, LOST, most) {
            Answer::All(listed, _) => listed,
            answer => panic!("{answer:?}"),
        })
    });
    let slices = runtime.block_on(async {
        for most in 1..5 {
            let at_once = with_current(|hub| list(hub, most)).unwrap();
            assert_eq!(ids(&at_once), [0, 1, 2, 3][..most]);
        }
        while !asks.is_finished() {
            yield_now().await;
        }
        with_current(|hub| hub.pulse().turns() - hub.turns_of_work()).unwrap()
    });
    assert!(slices > (15_000 + 20_000) / STEP as u64, "{slices}");
    let [few, many, all] = asks.join().unwrap();
    assert_eq!(ids(&few), [0, 1, 2, 3]);
    assert_eq!((many.len(), all.len()), (15_000, 20_001));
}
