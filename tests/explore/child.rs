//! What is said on stderr, and what the environment says: scenes in processes of their own.

use std::cell::RefCell;
use std::env;
use std::process::Command;
use std::thread;

use taketurns::testing::{Explorer, explore};
use taketurns::yield_now;

const SCENE: &str = "TAKETURNS_TEST_SCENE";

/// Runs the test `name` in a child, where [`is_child`] is true, in this environment; gives its stderr.
fn said(name: &str, environment: &[(&str, &str)]) -> String {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    child.env(SCENE, name).env("RUST_BACKTRACE", "0").env_remove("TAKETURNS_SEED");
    child.env_remove("TAKETURNS_SCHEDULE").env_remove("TAKETURNS_CHOICES");
    child.envs(environment.iter().copied());
    String::from_utf8(child.output().unwrap().stderr).unwrap()
}

fn is_child() -> bool {
    env::var_os(SCENE).is_some()
}

#[test]
fn the_environment_names_the_one_seed_to_run() {
    if is_child() {
        let seen = RefCell::new(Vec::new());
        let seeds = (0..9).inspect(|&seed| seen.borrow_mut().push(seed));
        explore(seeds, || async { eprintln!("a run") });
        assert!(seen.borrow().is_empty(), "the other seeds are not even asked for");
        explore(0..9, || async { panic!("found") });
    }
    let name = "child::the_environment_names_the_one_seed_to_run";
    let said_with = |seed| said(name, &[("TAKETURNS_SEED", seed)]);
    let text = said_with("17");
    assert_eq!(text.matches("a run").count(), 1, "{text}");
    assert!(text.contains("seed 17 fails, after 0 that passed"), "{text}");
    for wrong in ["abc", "", "-1", "18446744073709551616"] {
        let text = said_with(wrong);
        let remedy = format!("`TAKETURNS_SEED` is {wrong:?}: set it to the seed");
        assert!(text.contains(&remedy), "{text}");
        assert_eq!(text.matches("a run").count(), 0, "{text}");
    }
}

#[test]
fn the_environment_names_the_schedule_and_the_choices() {
    if is_child() {
        Explorer::new().run(0..9, || async { eprintln!("a run") });
        let report = Explorer::new().exhaust(100, || async {
            let order = std::rc::Rc::new(RefCell::new(String::new()));
            let say = |name| {
                let order = std::rc::Rc::clone(&order);
                taketurns::spawn(async move { order.borrow_mut().push(name) })
            };
            for task in ['a', 'b', 'c'].map(say) {
                task.await.unwrap();
            }
            eprintln!("in the order {}", order.borrow());
        });
        eprintln!("{report}");
        return;
    }
    let name = "child::the_environment_names_the_schedule_and_the_choices";
    // Under priorities there is a first run, to measure.
    for (schedule, runs) in [("uniform", 9), ("pct", 10), ("pct:2", 10)] {
        let text = said(name, &[("TAKETURNS_SCHEDULE", schedule)]);
        assert_eq!(text.matches("a run").count(), runs, "{schedule}: {text}");
        assert!(text.contains("all 13 schedules passed"), "{text}");
    }
    let text = said(name, &[("TAKETURNS_SCHEDULE", "pct:2"), ("TAKETURNS_SEED", "3")]);
    assert_eq!(text.matches("a run").count(), 2, "{text}");
    let text = said(name, &[("TAKETURNS_CHOICES", "2,1")]);
    assert_eq!(text.matches("in the order cba\n1 schedule passed").count(), 1, "{text}");
    for wrong in ["", "random", "pct:", "pct:0", "pct:-1", "uniform:1"] {
        let text = said(name, &[("TAKETURNS_SCHEDULE", wrong)]);
        let remedy = format!("`TAKETURNS_SCHEDULE` is {wrong:?}: set it to `uniform`, or `pct:3`");
        assert!(text.contains(&remedy), "{text}");
    }
    for wrong in ["", "a", "1,,2", "1;2"] {
        let text = said(name, &[("TAKETURNS_CHOICES", wrong)]);
        let remedy = format!("`TAKETURNS_CHOICES` is {wrong:?}: set it to the choices");
        assert!(text.contains(&remedy), "{text}");
    }
}

#[test]
fn what_panics_while_exploring_is_silent_and_everything_else_is_not() {
    if is_child() {
        explore(0..2, || async {
            let caught = taketurns::spawn(async { panic!("while exploring") }).await;
            assert!(caught.is_err());
            let other = thread::Builder::new().name("other".into());
            let other = other.spawn(|| panic!("on another thread")).unwrap();
            assert!(other.join().is_err());
            taketurns::spawn(std::future::pending::<()>()).detach();
            yield_now().await;
        });
        let _caught = std::panic::catch_unwind(|| panic!("afterwards"));
        explore([0], || async { panic!("found") });
    }
    let line = line!() - 2;
    let name = "child::what_panics_while_exploring_is_silent_and_everything_else_is_not";
    let text = said(name, &[]);
    assert_eq!(text.matches("while exploring").count(), 0, "{text}");
    assert_eq!(text.matches("lost when").count(), 0, "{text}");
    assert_eq!(text.matches("thread 'other'").count(), 2, "{text}");
    assert_eq!(text.matches("on another thread").count(), 2, "{text}");
    assert_eq!(text.matches("afterwards").count(), 1, "{text}");
    // The failure itself is at the line of the call.
    assert!(text.contains(&format!("panicked at {}:{line}:9:\nseed 0 fails", file!())), "{text}");
}

#[test]
fn a_backtrace_that_is_asked_for_comes_last() {
    if is_child() {
        explore([0], || async { panic!("found") });
    }
    let name = "child::a_backtrace_that_is_asked_for_comes_last";
    let text = said(name, &[("RUST_BACKTRACE", "1")]);
    assert!(text.contains("explore([0], ..)\nbacktrace of the first panic:\n   0: "), "{text}");
    assert!(!said(name, &[]).contains("backtrace of"), "{text}");
}

#[test]
fn a_panic_in_a_panic_is_told_of_before_the_process_aborts() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("the second");
        }
    }
    if is_child() {
        explore([0], || async {
            let _bomb = Bomb;
            panic!("the first");
        });
    }
    let text = said("child::a_panic_in_a_panic_is_told_of_before_the_process_aborts", &[]);
    for which in ["the first", "the second"] {
        let told = |line: &str| line.starts_with("while exploring: ") && line.ends_with(which);
        assert!(text.lines().any(told), "{text}");
    }
}
