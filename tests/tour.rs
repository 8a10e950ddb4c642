//! The tour, run as a user runs it: its arguments, its exit codes, its page, and every lesson.
//! `tour/page.rs`: what is on the page; `tour/ends.rs`: what can cut it short.
//!
//! It is run with the `python3` of this machine and without any. As the lessons must agree with
//! asyncio in the one run and with the recorded lists in the other, the recorded lists are true.

#![cfg(all(feature = "net", feature = "time", feature = "offload"))]
#![forbid(unsafe_code)]

#[cfg(unix)]
#[path = "tour/ends.rs"]
mod ends;
#[path = "common/example.rs"]
mod example;
#[path = "tour/page.rs"]
mod page;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

const LESSONS: [(&str, &str); 38] = [
    ("1", "lost-task"),
    ("2", "awaited-task"),
    ("7", "concurrent-waits"),
    ("8", "event"),
    ("9", "time-limit"),
    ("13", "gathering"),
    ("27", "await-and-spawn"),
    ("19", "done-callbacks"),
    ("17", "task-group"),
    ("15", "starvation"),
    ("16", "yielding"),
    ("26", "ready-awaits"),
    ("32", "yield-every-k"),
    ("11", "asked-to-end"),
    ("14", "several-errors"),
    ("28", "unseen-error"),
    ("31", "shared-state"),
    ("35", "futurelock"),
    ("10", "limited-workers"),
    ("18", "back-pressure"),
    ("12", "blocking-sleep"),
    ("20", "blocking-handler"),
    ("21", "offloaded-handler"),
    ("30", "computation"),
    ("22", "nested-run"),
    ("24", "running-loop"),
    ("29", "second-run"),
    ("4", "thread-target"),
    ("3", "background-loop"),
    ("6", "stop-from-outside"),
    ("23", "submitted-task"),
    ("25", "waiting-thread"),
    ("5", "two-loops"),
    ("33", "virtual-time"),
    ("34", "replayed-schedule"),
    ("37", "timeline"),
    ("36", "deadlock"),
    ("38", "stuck-loop"),
];

fn binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| example::built("tour"))
}

fn tour(arguments: &[&str]) -> Output {
    command().args(arguments).output().expect("the tour runs")
}

/// The tour, in a locale that has blocks.
fn command() -> Command {
    let mut command = Command::new(binary());
    command.env("LC_ALL", "C.UTF-8").env_remove("TERM");
    command
}

/// The tour with this folder as the only one to find `python3` in.
fn tour_with_path(path: &Path, arguments: &[&str]) -> Output {
    command().args(arguments).env("PATH", path).output().expect("the tour runs")
}

/// Every lesson, beside the `python3` of this machine; played once for all tests.
fn whole_tour() -> &'static Output {
    static WHOLE: OnceLock<Output> = OnceLock::new();
    WHOLE.get_or_init(|| tour(&[]))
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("the tour prints UTF-8")
}

/// Fails unless the tour ended well, with the whole page in the message.
fn assert_all_hold(output: &Output) {
    let page = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{page}\n{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "", "nothing goes to stderr when all is well");
    assert!(page.lines().last().is_some_and(|line| line.contains("all hold")), "{page}");
}

fn titles(output: &Output) -> Vec<&str> {
    let lines = text(&output.stdout).lines();
    lines.filter_map(|line| line.strip_prefix("Lesson ")?.split(':').next()).collect()
}

#[test]
fn every_lesson_holds_beside_asyncio() {
    assert_all_hold(whole_tour());
    assert_eq!(titles(whole_tour()), LESSONS.map(|(number, _)| number));
}

#[test]
fn every_lesson_holds_against_the_recorded_lists() {
    let nowhere = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-python");
    let output = tour_with_path(&nowhere, &[]);
    assert_all_hold(&output);
    let said = text(&output.stdout).matches("asyncio, as recorded").count();
    assert_eq!(said, LESSONS.len(), "each lesson says that it was compared with the record");
}

#[test]
fn lessons_are_played_as_asked_each_once() {
    let output = tour(&["22", "starvation", "nested-run", "15"]);
    assert_all_hold(&output);
    assert_eq!(titles(&output), ["22", "15"]);
}

#[test]
fn a_wrong_argument_is_one_line_and_exit_code_2() {
    for wrong in [
        &["99"][..],
        &["seven"],
        &["7", "99"],
        &["Starvation"],
        &["--break"],
        &["--break", "all"],
        &["--break", "--list"],
        &["--loud"],
        &["--timeline"],
        &["two\nlines"],
        &[""],
    ] {
        let output = tour(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert_eq!(text(&output.stdout), "", "{wrong:?}");
        assert_eq!(text(&output.stderr).lines().count(), 1, "{wrong:?}");
    }
}

#[test]
fn an_argument_that_would_be_ignored_is_named() {
    for (wrong, told) in [
        (&["--list", "starvation"][..], r#"--list is used alone, without "starvation""#),
        (&["--step", "--list"], r#"--list is used alone, without "--step""#),
        (&["--break", "15", "16", "-s"], r#"--break is used with one lesson, without "16" "-s""#),
    ] {
        let output = tour(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
        assert_eq!(text(&output.stdout), "", "{wrong:?}");
        assert_eq!(text(&output.stderr), format!("tour: {told}\n"));
    }
}

#[test]
fn the_loops_of_a_lesson_are_written_as_pages_with_an_index() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("timelines");
    let _ = std::fs::remove_dir_all(&folder); // of an earlier run
    let output = tour(&["--timeline", folder.to_str().unwrap(), "lost-task", "nested-run"]);
    assert_all_hold_but_the_last_line(&output);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let index = read("index.html");
    let links: Vec<_> =
        index.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(
        links,
        ["lost-task.html", "lost-task-2.html", "lost-task-3.html", "lost-task-4.html"]
    );
    for link in links {
        let page = read(link);
        let data = page.split_once("id=\"trace\">").unwrap().1.split_once("</script>").unwrap().0;
        let data: serde_json::Value = serde_json::from_str(data).unwrap();
        assert!(data["events"].as_u64() > Some(0), "{link}");
        let lost = |lane: &serde_json::Value| lane["ended"][2] == "lost";
        assert!(data["lanes"].as_array().unwrap().iter().any(lost), "{link} shows the lost task");
    }
    assert!(index.contains("<h3>22 "), "a lesson without a page is in the index, too");
}

/// As [`assert_all_hold`], with a line about the timelines below.
fn assert_all_hold_but_the_last_line(output: &Output) {
    let page = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{page}\n{}", text(&output.stderr));
    let mut last = page.lines().rev();
    assert!(last.next().is_some_and(|line| line.starts_with("their timelines: ")), "{page}");
    assert!(last.next().is_some_and(|line| line.contains("all hold")), "{page}");
}

#[test]
fn a_folder_for_timelines_that_cannot_be_made_is_told_before_any_lesson() {
    let output = tour(&["--timeline", "/dev/null/timelines", "lost-task"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("tour: cannot write the timelines: "));
    assert_eq!(titles(&output), [""; 0]);
}

#[cfg(unix)]
#[test]
fn a_twin_that_says_something_else_fails_the_tour() {
    const ANOTHER_PYTHON: &str = r#"
        cat > python3 <<'END'
#!/bin/sh
case "$*" in *version_info*) echo 3.11.0 ;; *) echo '== right way'; echo One ;; esac
END
        chmod +x python3
    "#;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("another-python");
    std::fs::create_dir_all(&folder).expect("a folder");
    // A shell writes it: a file this process had open for writing might still be busy.
    let written = Command::new("sh").current_dir(&folder).args(["-c", ANOTHER_PYTHON]).status();
    assert!(written.expect("a shell").success());

    let output = tour_with_path(&folder, &["7"]);
    let page = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{page}");
    assert!(page.contains("differs  asyncio plays `right way` here"), "{page}");
    assert!(page.contains("differs  asyncio says: One\n"), "{page}");
    assert!(page.contains("FAIL     the same lines in the same order"), "{page}");
}
