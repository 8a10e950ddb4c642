//! Lesson 19: callbacks at the end of a task.

#![forbid(unsafe_code)]

use taketurns::task::OnDoneError;
use taketurns::time::sleep;
use taketurns::{JoinHandle, spawn, yield_now};

use crate::{SECOND, Said, played};

type Work = JoinHandle<Result<u32, &'static str>>;

fn work(said: &Said, result: Result<u32, &'static str>) -> Work {
    let said = said.clone();
    spawn(async move {
        sleep(SECOND).await;
        said.say("end");
        result
    })
}

fn calls(said: &Said, name: &'static str, task: &Work) {
    let said = said.clone();
    task.on_done(move |outcome| match outcome {
        Ok(result) => said.say(format_args!("{name}-{result:?}")),
        Err(error) => said.say(format_args!("{name}-cancelled-{}", error.is_cancelled())),
    })
    .unwrap();
}

#[test]
fn are_called_in_the_order_of_registering_before_the_awaiter_goes_on() {
    let said = played(|said| async move {
        let mut task = work(&said, Ok(222));
        calls(&said, "first", &task);
        calls(&said, "second", &task);
        said.say((&mut task).await.unwrap().unwrap());
        let late = task.on_done(|_| panic!("the output is gone"));
        assert_eq!(late, Err(OnDoneError::Taken));
    });
    assert_eq!(said, "1:end 1:first-Ok(222) 1:second-Ok(222) 1:222");
}

#[test]
fn are_given_a_turn_of_their_own_when_they_come_late() {
    let said = played(|said| async move {
        let task = work(&said, Ok(222));
        sleep(2 * SECOND).await;
        calls(&said, "late", &task);
        said.say("added");
        yield_now().await;
        said.say("a-turn-later");
    });
    assert_eq!(said, "1:end 2:added 2:late-Ok(222) 2:a-turn-later");
}

#[test]
fn are_given_errors_and_cancellations_as_the_handle_is() {
    let said = played(|said| async move {
        let (fails, aborted) = (work(&said, Err("no")), work(&said, Ok(222)));
        calls(&said, "fails", &fails);
        calls(&said, "aborted", &aborted);
        aborted.abort();
        assert_eq!(fails.await.unwrap(), Err("no"));
        assert!(aborted.await.unwrap_err().is_cancelled());
    });
    assert_eq!(said, r#"0:aborted-cancelled-true 1:end 1:fails-Err("no")"#);
}
