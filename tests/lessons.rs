//! The lessons of the tour, as traces in exact order: who says what, and when by a virtual clock.
//!
//! The tour plays most of them in real time, scaled down, where only the order is certain. Here the spans
//! are those of the source documents, and the times are exact. Every scene is played twice, by a clock
//! moved by hand and by one that moves itself, and must not differ.

#![cfg(feature = "time")]
#![forbid(unsafe_code)]

mod common;

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use common::Trace;
use futures::future::join_all;
use taketurns::time::{Clock, Instant, advance, sleep, timeout};
use taketurns::{Builder, spawn};

const SECOND: Duration = Duration::from_secs(1);

const HOUR: Duration = Duration::from_secs(3600);

/// Writes down what is said, with the seconds since the scene began.
#[derive(Clone)]
struct Said {
    began: Instant,
    trace: Trace,
}

impl Said {
    fn say(&self, event: impl Display) {
        self.trace.push(format_args!("{}:{event}", self.began.elapsed().as_secs_f64()));
    }
}

/// What is said in a day of `scene`, which is over by then.
fn played<F: Future<Output = ()> + 'static>(scene: impl Fn(Said) -> F) -> String {
    let by_hand = played_by(Clock::Manual, &scene, advance);
    let by_itself = played_by(Clock::AutoAdvance, &scene, sleep);
    assert_eq!(by_hand, by_itself, "the two clocks agree");
    by_hand
}

/// As [`played`], under this clock, where `pass` is how time passes.
fn played_by<F, P>(clock: Clock, scene: &impl Fn(Said) -> F, pass: impl Fn(Duration) -> P) -> String
where
    F: Future<Output = ()> + 'static,
    P: Future<Output = ()>,
{
    let trace = Trace::new();
    let runtime = Builder::new().clock(clock).build().unwrap();
    runtime.block_on(async {
        let task = spawn(scene(Said { began: Instant::now(), trace: trace.clone() }));
        pass(24 * HOUR).await;
        assert!(task.is_finished(), "the scene has an end: {}", trace.take());
        task.await.unwrap();
    });
    trace.take()
}

/// Lesson 7.
mod three_counts {
    use super::*;

    async fn count(said: Said, name: char) {
        said.say(format_args!("One-{name}"));
        sleep(SECOND).await;
        said.say(format_args!("Two-{name}"));
    }

    #[test]
    fn one_after_the_other_take_three_seconds() {
        let said = played(|said| async move {
            for name in ['a', 'b', 'c'] {
                count(said.clone(), name).await;
            }
            said.say("end");
        });
        assert_eq!(said, "0:One-a 1:Two-a 1:One-b 2:Two-b 2:One-c 3:Two-c 3:end");
    }

    #[test]
    fn spawned_together_take_one_second() {
        let said = played(|said| async move {
            join_all(['a', 'b', 'c'].map(|name| spawn(count(said.clone(), name)))).await;
            said.say("end");
        });
        assert_eq!(said, "0:One-a 0:One-b 0:One-c 1:Two-a 1:Two-b 1:Two-c 1:end");
    }

    #[test]
    fn joined_in_one_task_take_one_second_too() {
        let said = played(|said| async move {
            join_all(['a', 'b', 'c'].map(|name| count(said.clone(), name))).await;
            said.say("end");
        });
        assert_eq!(said, "0:One-a 0:One-b 0:One-c 1:Two-a 1:Two-b 1:Two-c 1:end");
    }
}

/// Lesson 9.
mod a_time_limit {
    use super::*;

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
}

/// Lesson 33.
mod an_hour {
    use super::*;

    async fn heartbeat(said: Said) {
        for _ in 0..4 {
            sleep(1000 * SECOND).await;
            said.say("alive");
        }
    }

    #[test]
    fn passes_in_exact_order_without_waiting() {
        let said = played(|said| async move {
            let beats = spawn(heartbeat(said.clone()));
            if timeout(HOUR, sleep(2 * HOUR)).await.is_err() {
                said.say("timed-out");
            }
            beats.await.unwrap();
            said.say("end");
        });
        let beats = "1000:alive 2000:alive 3000:alive 3600:timed-out 4000:alive 4000:end";
        assert_eq!(said, beats);
    }
}
