//! What is said of a process of another user.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use super::program::{Folder, said};

#[path = "../../examples/inspect/owner.rs"]
mod rule;

#[test]
fn a_process_of_another_user_is_told_from_one_that_is_not_there() {
    let (ours, theirs) = (Some(1000), Some(1001));
    assert_eq!(rule::why_not(ours, theirs), Some("it runs as another user"));
    assert_eq!(
        rule::why_not(Some(0), theirs),
        Some("it runs as another user"),
        "root is one user too"
    );
    assert_eq!(rule::why_not(ours, Some(0)), Some("it runs as another user"));
    assert_eq!(rule::why_not(ours, None), Some("there is no such process"));
    assert_eq!(rule::why_not(ours, ours), None, "it does not serve");
    assert_eq!(rule::why_not(None, None), None, "not known");
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The process is this test's own, as another user, or else the first of the system, which is root's.
#[test]
fn a_process_of_another_user_cannot_be_asked_and_the_command_says_so() {
    let runtime = Folder::new("owner");
    let is_root = fs::metadata(&*runtime).unwrap().uid() == 0;
    let theirs = is_root.then(|| {
        let mut sleeps = Command::new("sleep");
        sleeps.arg("60").stdin(Stdio::null()).uid(65534).gid(65534);
        Killed(sleeps.spawn().unwrap())
    });
    let pid = theirs.as_ref().map_or(1, |process| process.0.id());
    if !is_root && fs::metadata("/proc/1").is_ok_and(|it| it.uid() != 0) {
        println!("skipped: only root can become another user, and no process of root's is seen");
        return;
    }
    let (is_ok, text) = said(&runtime, &["tree", &pid.to_string()]);
    let why = format!("inspect: process {pid} cannot be asked: it runs as another user\n");
    assert!(!is_ok && text == why, "{text}");
}
