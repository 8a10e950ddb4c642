//! The example `foreign_loop`, run as a user runs it.

#[path = "../common/example.rs"]
mod program;

use std::process::Command;

#[test]
fn the_example_plays_through() {
    let output = Command::new(program::built("foreign_loop")).output().expect("the example runs");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    let said = String::from_utf8_lossy(&output.stdout);
    let expected = "\
loop: read `hello`
loop: read `world`
task: the server echoed `hello`
task: the server echoed `world`
task: slept
a task that the other thread sent
task: the other thread answered 42
loop: the task has ended
";
    assert_eq!(said, expected);
}
