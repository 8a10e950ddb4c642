//! Lesson 9: a limit on a wait.

#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use taketurns::spawn;
use taketurns::time::{sleep, timeout};

use crate::{SECOND, Said, played};

const LIMIT: Duration = Duration::from_secs(5);

/// Says when it began, when it is done, and when it is dropped, done or not.
async fn long_running_task(said: Said, work: Duration) -> &'static str {
    let _clean_up = OnDrop(said.clone(), Said::cleaned_up);
    said.say("started");
    sleep(work).await;
    said.say("done");
    "completed"
}

struct OnDrop(Said, fn(&Said));

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.1(&self.0);
    }
}

impl Said {
    fn cleaned_up(&self) {
        self.say("cleaned-up");
    }

    /// What takes its time is a task of its own: a destructor cannot await it.
    fn spawn_clean_up(&self) {
        self.say("cleaning-up");
        let said = self.clone();
        spawn(async move {
            sleep(SECOND * 3).await;
            said.cleaned_up();
        })
        .detach();
    }

    async fn limited(&self, work: impl Future<Output = &'static str>) {
        match timeout(LIMIT, work).await {
            Ok(result) => self.say(result),
            Err(elapsed) => {
                let limit = elapsed.limit().expect("it was given one");
                self.say(format_args!("timed-out-after-{limit:?}"));
            }
        }
    }
}

#[test]
fn is_an_error_at_the_limit_and_the_task_goes_on_with_it() {
    let said = played(|said| async move {
        said.limited(long_running_task(said.clone(), SECOND * 10)).await;
        sleep(SECOND).await;
        said.say("end");
    });
    assert_eq!(said, "0:started 5:cleaned-up 5:timed-out-after-5s 6:end");
}

#[test]
fn drops_what_is_too_late_before_the_error_is_out() {
    let said = played(|said| async move {
        // It lives on after the error, so what is dropped by then was dropped at the limit.
        let mut limited = pin!(timeout(LIMIT, long_running_task(said.clone(), SECOND * 10)));
        assert!(limited.as_mut().await.is_err());
        said.say("timed-out");
        sleep(SECOND).await;
    });
    assert_eq!(said, "0:started 5:cleaned-up 5:timed-out");
}

#[test]
fn leaves_what_is_done_in_time_its_value() {
    let said = played(|said| async move {
        said.limited(long_running_task(said.clone(), SECOND * 4)).await;
    });
    assert_eq!(said, "0:started 4:done 4:cleaned-up 4:completed");
}

#[test]
fn leaves_what_is_done_at_the_very_limit_its_value() {
    let said = played(|said| async move {
        said.limited(long_running_task(said.clone(), LIMIT)).await;
    });
    assert_eq!(said, "0:started 5:done 5:cleaned-up 5:completed");
}

#[test]
fn is_an_error_at_the_limit_however_long_the_clean_up_takes() {
    let said = played(|said| async move {
        let work = {
            let said = said.clone();
            async move {
                let _clean_up = OnDrop(said, Said::spawn_clean_up);
                sleep(SECOND * 10).await;
                "completed"
            }
        };
        said.limited(work).await;
        sleep(SECOND * 4).await;
        said.say("end");
    });
    assert_eq!(said, "5:cleaning-up 5:timed-out-after-5s 8:cleaned-up 9:end");
}

#[test]
fn ends_the_wait_alone_where_the_handle_is_lent() {
    let said = played(|said| async move {
        let mut task = spawn(long_running_task(said.clone(), SECOND * 10));
        said.limited(async { (&mut task).await.unwrap() }).await;
        said.say(task.await.unwrap());
    });
    assert_eq!(said, "0:started 5:timed-out-after-5s 10:done 10:cleaned-up 10:completed");
}

#[test]
fn detaches_the_task_whose_handle_is_given_away() {
    let said = played(|said| async move {
        let task = spawn(long_running_task(said.clone(), SECOND * 10));
        said.limited(async { task.await.unwrap() }).await;
    });
    assert_eq!(said, "0:started 5:timed-out-after-5s 10:done 10:cleaned-up");
}

#[test]
fn ends_the_task_whose_handle_is_a_guard() {
    let said = played(|said| async move {
        let task = spawn(long_running_task(said.clone(), SECOND * 10)).abort_on_drop();
        said.limited(async { task.await.unwrap() }).await;
    });
    assert_eq!(said, "0:started 5:timed-out-after-5s 5:cleaned-up");
}
