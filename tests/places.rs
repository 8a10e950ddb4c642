//! What panics in a call of this crate is said to have panicked at the caller's line.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use taketurns::executor::{EVENT_INTERVAL, Executor, ParkThread};
use taketurns::{Builder, Runtime, block_on};

type Place = (String, u32);

thread_local! {
    static PANICKED_AT: Cell<Option<Place>> = const { Cell::new(None) };
}

/// Where the panic of `f` is said to be.
#[track_caller]
fn place(f: impl FnOnce()) -> Place {
    static NOTES_PLACES: Once = Once::new();
    NOTES_PLACES.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICKED_AT.set(info.location().map(|place| (place.file().to_owned(), place.line())));
            before(info);
        }));
    });
    assert!(catch_unwind(AssertUnwindSafe(f)).is_err(), "it does not panic");
    PANICKED_AT.take().expect("a panic has a place")
}

fn here(line: u32) -> Place {
    (file!().to_owned(), line)
}

#[test]
fn a_builder_that_is_given_what_cannot_be() {
    let line = line!() + 1;
    assert_eq!(place(|| drop(Builder::new().event_interval(0))), here(line));
}

#[test]
#[cfg(feature = "time")]
fn a_builder_that_is_given_no_resolution() {
    let line = line!() + 1;
    assert_eq!(place(|| drop(Builder::new().timer_resolution(Default::default()))), here(line));
}

#[test]
#[cfg(feature = "net")]
fn a_builder_that_is_given_no_slack() {
    let line = line!() + 1;
    assert_eq!(place(|| drop(Builder::new().timer_slack(Default::default()))), here(line));
}

#[test]
#[cfg(feature = "offload")]
fn a_builder_that_is_given_no_threads() {
    let line = line!() + 1;
    assert_eq!(place(|| drop(Builder::new().max_blocking_threads(0))), here(line));
}

#[test]
fn a_run_inside_of_a_run() {
    let (outer, inner) = (Runtime::new().unwrap(), Runtime::new().unwrap());
    let executor = Executor::new(ParkThread::new(), EVENT_INTERVAL);
    outer.block_on(async {
        let line = line!();
        let places = [
            place(|| inner.block_on(async {})),
            place(|| inner.run_forever()),
            place(|| inner.run_until_stalled()),
            place(|| executor.block_on(async {})),
            place(|| executor.run_forever()),
            place(|| executor.run_until_stalled()),
            place(|| block_on(async {})),
        ];
        for (place, line) in places.into_iter().zip(line + 2..) {
            assert_eq!(place, here(line));
        }
    });
}

#[test]
#[cfg(feature = "time")]
fn what_needs_a_runtime_outside_of_one() {
    let line = line!();
    let places = [
        place(|| drop(taketurns::spawn(async {}))),
        place(|| drop(taketurns::task::Builder::new().spawn(async {}))),
        place(|| drop(taketurns::time::sleep(Default::default()))),
        place(|| drop(taketurns::time::hold())),
        place(|| taketurns::time::pause()),
        place(|| taketurns::time::resume()),
        place(|| drop(taketurns::time::interval(std::time::Duration::from_secs(1)))),
        place(|| drop(taketurns::time::timeout(Default::default(), async {}))),
        place(|| drop(taketurns::time::call_later(Default::default(), || ()))),
    ];
    for (place, line) in places.into_iter().zip(line + 2..) {
        assert_eq!(place, here(line));
    }
}

#[test]
#[cfg(feature = "time")]
fn an_exploration_that_fails_or_cannot_begin() {
    use taketurns::testing::explore;
    let line = line!();
    let places = [
        place(|| explore([0], || async { panic!() })),
        place(|| block_on(async { explore([0], || async {}) })),
    ];
    for (place, line) in places.into_iter().zip(line + 2..) {
        assert_eq!(place, here(line));
    }
}

/// It is the caller of `explore` who can look at the body, and not this crate.
#[test]
#[cfg(feature = "time")]
fn a_deadlock_in_an_exploration_names_where_it_was_begun() {
    use taketurns::testing::explore;
    let line = line!() + 1;
    let failure = catch_unwind(|| explore([0], std::future::pending)).unwrap_err();
    let text = failure.downcast::<String>().unwrap();
    let root = format!("the future of `block_on`, called at {}:{line}:", file!());
    assert!(text.contains(&root), "{text}");
}

/// As a call of the field's own traits would have it.
#[test]
fn a_task_that_is_spawned_by_a_trait_is_named_by_the_callers_line() {
    use futures::future::{FutureObj, LocalFutureObj, pending};
    use futures::task::{LocalSpawn, Spawn};
    let runtime = Runtime::new().unwrap();
    let line = line!();
    runtime.spawn_obj(FutureObj::from(Box::pin(pending::<()>()))).unwrap();
    runtime.spawn_local_obj(LocalFutureObj::from(Box::pin(pending::<()>()))).unwrap();
    runtime.handle().spawn_obj(FutureObj::from(Box::pin(pending::<()>()))).unwrap();
    let report = runtime.shutdown();
    let sites =
        report.lost().iter().map(|task| (task.site().file().to_owned(), task.site().line()));
    assert_eq!(sites.collect::<Vec<_>>(), [here(line + 1), here(line + 2), here(line + 3)]);
}
