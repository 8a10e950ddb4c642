//! What can cut the tour short, or change its signs: the terminal, the reader, the network, a lesson that fails.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Output, Stdio};

use super::{assert_all_hold, binary, command, text, titles, tour};

/// The tour with these variables in its environment.
fn tour_where(environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    command().args(arguments).envs(environment.iter().copied()).output().expect("the tour runs")
}

/// The tour on a terminal of this name; `None` where no `python3` can make one.
fn on_a_terminal(term: &str, arguments: &[&str]) -> Option<String> {
    let spawn = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)";
    let mut command = Command::new("python3");
    command.args(["-c", spawn]).arg(binary()).args(arguments);
    command.env("TERM", term).env("LC_ALL", "C.UTF-8").env_remove("NO_COLOR");
    let output = command.stdin(Stdio::null()).output().ok()?;
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    Some(text(&output.stdout).to_owned())
}

#[test]
fn a_dumb_terminal_gets_neither_colour_nor_blocks() {
    let Some(able) = on_a_terminal("xterm", &["--list"]) else {
        return eprintln!("skipped: no python3 to make a terminal with");
    };
    assert!(able.contains("\x1b[1m"), "{able:?}");
    let dumb = on_a_terminal("dumb", &["nested-run"]).expect("it made the first");
    assert!(!dumb.contains('\x1b'), "{dumb:?}");
    assert!(dumb.is_ascii(), "{dumb}");
}

#[test]
fn blocks_are_for_a_locale_with_utf_8() {
    let plain = tour_where(&[("LC_ALL", "C")], &["yielding"]);
    assert_all_hold(&plain);
    assert!(text(&plain.stdout).contains("\n   |       #           Executing task for: a\n"));
    assert!(plain.stdout.is_ascii());
    // What comes first decides.
    let utf8 = tour_where(&[("LC_ALL", "en_GB.utf8"), ("LANG", "C")], &["yielding"]);
    assert!(text(&utf8.stdout).contains("\n   │       █           Executing task for: a\n"));
}

#[test]
fn a_reader_that_leaves_ends_the_tour_quietly() {
    let mut command = command();
    command.args(["nested-run", "virtual-time"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut running = command.spawn().expect("the tour runs");
    let mut read = BufReader::new(running.stdout.take().expect("it is piped"));
    read.read_line(&mut String::new()).expect("the title");
    drop(read);
    let output = running.wait_with_output().expect("it ends");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_that_is_named() {
    let full = File::create("/dev/full").expect("Linux has one");
    let output = Command::new(binary()).arg("--list").stdout(full).output().expect("the tour runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).starts_with("tour: cannot write: "), "{}", text(&output.stderr));
}

#[test]
fn a_lesson_that_panics_fails_and_the_rest_is_played() {
    // No such seed: lesson 34 finds no report to read.
    let output = tour_where(&[("TAKETURNS_SEED", "none")], &["34", "22"]);
    let page = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{page}");
    assert!(page.contains("FAIL     the lesson can be played: it panicked, "), "{page}");
    assert_eq!(titles(&output), ["34", "22"]);
    assert!(page.contains("\nFAIL  34  replayed-schedule"), "{page}");
    assert!(page.contains("\nok    22  nested-run"), "{page}");
}

#[cfg(target_os = "linux")]
#[test]
fn without_a_network_the_cause_is_told_at_once() {
    let arguments = ["--user", "--map-root-user", "--net"];
    if !Command::new("unshare")
        .args(arguments)
        .arg("true")
        .status()
        .is_ok_and(|done| done.success())
    {
        return eprintln!("skipped: this machine lets no user take the network away");
    }
    let mut command = Command::new("unshare");
    command.args(arguments).arg(binary()).args(["20", "21"]);
    let output = command.output().expect("it has just run");
    let page = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{page}");
    let cause = "FAIL     the lesson can be played: Network is unreachable";
    assert_eq!(page.matches(cause).count(), 2, "{page}");
}

#[test]
fn step_waits_for_enter_between_lessons() {
    let step = |keys: &str| {
        let mut command = command();
        command.args(["--step", "22", "15", "33"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut running = command.spawn().expect("the tour runs");
        let mut input = running.stdin.take().expect("it is piped");
        input.write_all(keys.as_bytes()).expect("it reads them, or they wait");
        drop(input);
        running.wait_with_output().expect("it ends")
    };
    for (keys, played) in
        [("\nq\n", &["22", "15"][..]), ("q\n", &["22"]), ("", &["22", "15", "33"])]
    {
        let output = step(keys);
        assert_all_hold(&output);
        assert_eq!(titles(&output), played);
        let prompts = text(&output.stdout).matches("\nEnter: the next lesson").count();
        assert_eq!(prompts, if played.len() == 3 { 2 } else { played.len() });
    }
    assert!(!text(&tour(&["22", "33"]).stdout).contains("Enter:"));
}
