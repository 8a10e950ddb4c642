//! Lesson 14: the error of one of several.

#![forbid(unsafe_code)]

use taketurns::cancel::OrCancelled;
use taketurns::spawn;
use taketurns::task::{TaskGroup, gather_settled, try_join_all};
use taketurns::time::sleep;

use crate::{SECOND, Said, played};

type Outcome = Result<u32, &'static str>;

async fn fails() -> Outcome {
    Err("no")
}

async fn sibling(said: Said) -> Outcome {
    match sleep(SECOND).or_cancelled().await {
        Ok(()) => said.say("end"),
        Err(_) => said.say("cancelled"),
    }
    Ok(1)
}

#[test]
fn is_the_first_and_the_sibling_goes_on_unseen() {
    let said = played(|said| async move {
        let tasks = [spawn(fails()), spawn(sibling(said.clone()))];
        let all = try_join_all(tasks.map(|task| async { task.await.unwrap() }));
        said.say(all.await.unwrap_err());
        sleep(2 * SECOND).await;
    });
    assert_eq!(said, "0:no 1:end");
}

#[test]
fn drops_a_sibling_that_is_a_plain_future() {
    let said = played(|said| async move {
        let sibling = async { sibling(said.clone()).await };
        let futures: [std::pin::Pin<Box<dyn Future<Output = Outcome>>>; 2] =
            [Box::pin(fails()), Box::pin(sibling)];
        said.say(try_join_all(futures).await.unwrap_err());
        sleep(2 * SECOND).await;
    });
    assert_eq!(said, "0:no");
}

#[test]
fn is_one_outcome_of_all() {
    let said = played(|said| async move {
        let third = spawn(sibling(said.clone()));
        third.abort();
        let all = gather_settled([spawn(fails()), spawn(sibling(said.clone())), third]).await;
        assert_eq!(*all[0].as_ref().unwrap(), Err("no"));
        assert_eq!(*all[1].as_ref().unwrap(), Ok(1));
        assert!(all[2].as_ref().unwrap_err().is_cancelled());
        said.say("all");
    });
    assert_eq!(said, "1:end 1:all");
}

#[test]
fn cancels_the_siblings_in_a_group_which_ends_after_them() {
    let said = played(|said| async move {
        let tell = said.clone();
        let group = TaskGroup::scope(async |group| {
            group.spawn(sibling(tell));
            group.spawn(fails());
            Ok(())
        });
        let errors = group.await.unwrap_err();
        said.say(errors.failures()[0].error().unwrap());
    });
    assert_eq!(said, "0:cancelled 0:no");
}
