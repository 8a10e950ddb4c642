//! The example `inspect` as a program: the demo that is asked, and the commands that ask it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;

use super::example;

static BUILT: OnceLock<PathBuf> = OnceLock::new();

fn built() -> &'static Path {
    BUILT.get_or_init(|| example::built("inspect"))
}

/// A folder of its own for the sockets of one test. It is removed when this is dropped: after the programs that use it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// Short, as the path of a socket is.
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tt-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path); // of an earlier test that was killed
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        Self(path)
    }
}

impl Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// `inspect` with these arguments, by a user whose runtime directory is this folder.
pub(crate) fn inspect(runtime: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(built());
    command.args(arguments).env("XDG_RUNTIME_DIR", runtime).env("TMPDIR", runtime);
    command
}

/// What it writes, and whether it succeeds.
pub(crate) fn said(runtime: &Path, arguments: &[&str]) -> (bool, String) {
    let Output { status, stdout, stderr } = inspect(runtime, arguments).output().unwrap();
    let text = String::from_utf8([stdout, stderr].concat()).unwrap();
    (status.success(), text)
}

/// The demo. It is killed when it is dropped.
pub(crate) struct Demo {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    pub(crate) socket: PathBuf,
    pub(crate) url: String,
}

impl Demo {
    pub(crate) fn start(runtime: &Path) -> Self {
        Self::run(&mut inspect(runtime, &["demo"]))
    }

    /// `command` runs the demo.
    pub(crate) fn run(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        let (socket, url) = (PathBuf::new(), String::new());
        let mut demo = Self { child, input, output, socket, url };
        demo.socket = demo.line().rsplit_once(' ').unwrap().1.into();
        demo.url = demo.line().strip_prefix("page ").unwrap().to_owned();
        demo.line();
        demo
    }

    pub(crate) fn pid(&self) -> String {
        self.child.id().to_string()
    }

    /// The next line that it writes.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// The user presses Enter.
    pub(crate) fn enter(&mut self) {
        self.input.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// The end of its input, and then its own.
    pub(crate) fn end(mut self) {
        drop(self.input.take());
        assert!(self.child.wait().unwrap().success());
    }

    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn ps_lists_the_loops_of_each_process() {
    let runtime = Folder::new("ps");
    let (one, other) = (Demo::start(&runtime), Demo::start(&runtime));
    let (is_ok, text) = said(&runtime, &["ps"]);
    assert!(is_ok, "{text}");
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), 1 + 2 * 3, "{text}");
    let column = text.find("LOOP").unwrap();
    for (line, begin) in
        text.lines().skip(1).zip(["1 worker  ", "2 main    ", "page      "].iter().cycle())
    {
        assert!(line[column..].starts_with(begin), "{text}");
    }
    let mut pids = [one.pid(), other.pid()];
    pids.sort_by_key(|pid| pid.parse::<u32>().unwrap());
    for (pid, rows) in pids.iter().zip(rows[1..].chunks(3)) {
        assert_eq!(rows[0][..4], [pid, "inspect", "1", "worker"], "{text}");
        assert_eq!(rows[1][..2], ["2", "main"], "{text}");
        assert_eq!(rows[2][0], "page", "{text}");
        assert!([&one, &other].iter().any(|demo| demo.url == rows[2][1]), "{text}");
    }
    let (is_ok, text) = said(&runtime, &["tree"]);
    assert!(!is_ok && text.starts_with("inspect: which process? "), "{text}");
    other.end();
    assert!(!said(&runtime, &["ps"]).1.contains(&pids[1]) || pids[1] == one.pid());
}

#[test]
fn ps_of_a_stuck_process_names_the_task_and_its_place() {
    let runtime = Folder::new("stuck");
    let mut demo = Demo::start(&runtime);
    demo.enter();
    assert_eq!(demo.line(), "the loop is blocked");
    let text = loop {
        let (is_ok, text) = said(&runtime, &["ps", &demo.pid()]);
        assert!(is_ok, "{text}");
        if text.contains("STUCK") {
            break text;
        }
    };
    let line = text.lines().find(|line| line.contains("STUCK")).unwrap();
    assert!(line.contains(" 2 main "), "{text}");
    let (_, rest) = line.split_once(" STUCK: task #").unwrap();
    let (_, place) = rest.split_once(" \"user\", spawned at ").unwrap();
    assert!(place.starts_with("examples/inspect/demo.rs:"), "{text}");
    demo.enter();
    assert_eq!(demo.line(), "the loop goes on");
    while said(&runtime, &["ps"]).1.contains("STUCK") {}
    demo.end();
}

#[test]
fn the_commands_say_what_is_wrong() {
    let runtime = Folder::new("wrong");
    let (is_ok, text) = said(&runtime, &["ps"]);
    let searched = format!("no socket in {}/taketurns and ", runtime.display());
    let none = format!("no process can be asked: {searched}");
    assert!(is_ok && text.starts_with(&none), "{text}");
    assert!(
        text.ends_with(" if it calls `taketurns::insight::serve`; `inspect demo` does\n"),
        "{text}"
    );
    let here = std::process::id().to_string(); // it has another runtime directory
    let elsewhere = format!("process {here} cannot be asked: {searched}");
    let ended = "process 999999999 cannot be asked: there is no such process\n";
    for arguments in
        [&["help"][..], &["help", "ps"], &["--help"], &["ps", "--help"], &["tree", "1", "-h"]]
    {
        let (is_ok, text) = said(&runtime, arguments);
        assert!(is_ok && text.starts_with("usage: "), "{arguments:?}: {text}");
    }
    let (_, text) = said(&runtime, &["tree", &here]);
    assert!(text.ends_with(", or its socket was removed\n"), "{text}");
    for (arguments, why) in [
        (&["tree"][..], "no process can be asked"),
        (&["tree", "1"], "process 1 cannot be asked"),
        (&["tree", "x"], "\"x\" is not a pid"),
        (&["tree", &here], &elsewhere),
        (&["tree", "999999999"], ended),
        (&["top", "1"], "process 1 cannot be asked"),
        (&["stalls", "1", "2"], "process 1 cannot be asked"),
        (&["nonsense"], "`nonsense` is none of the commands; `inspect help` lists them\n"),
        (&["tree", "1", "2", "3"], "`tree 1 2 3` is none of the commands; "),
        (&["trace", "--svg"], "`trace --svg` is none of the commands; "),
        (&["trace", "1", "file", "--text"], "`trace 1 file --text` is none of the commands; "),
        (&[], "which command?\nusage: "),
    ] {
        let (is_ok, text) = said(&runtime, arguments);
        assert!(!is_ok && text.starts_with(&format!("inspect: {why}")), "{arguments:?}: {text}");
    }
}

#[test]
fn the_reports_are_shown_and_the_end_of_a_process_is_said() {
    let runtime = Folder::new("reports");
    let demo = Demo::start(&runtime);
    let pid = demo.pid();
    let reported = loop {
        let (is_ok, text) = said(&runtime, &["deadlocks", &pid, "2"]);
        assert!(is_ok, "{text}");
        if !text.contains("no deadlock was reported") {
            break text;
        }
    };
    assert!(reported.contains(" s ago: deadlock: tasks can never go on, "), "{reported}");
    let (_, text) = said(&runtime, &["ps", &pid]);
    let main = text.lines().find(|line| line.contains(" 2 main ")).unwrap();
    assert!(main.ends_with("; 11 tasks, 0 ready; see `deadlocks`"), "{text}");
    let (_, text) = said(&runtime, &["stalls", &pid]);
    let none = "\nno stall of 1s or more (`Builder::stall_threshold` sets from when on)\n";
    assert_eq!(text.matches(none).count(), 2, "{text}");
    let (is_ok, text) = said(&runtime, &["stalls", &pid, "3"]);
    assert!(
        !is_ok && text == format!("inspect: process {pid}: there is no loop 3 here\n"),
        "{text}"
    );

    let mut top = inspect(&runtime, &["top", &pid]);
    let mut top = top.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut shown = BufReader::new(top.stdout.take().unwrap()).lines().map(Result::unwrap);
    let heading = shown.find(|line| line.starts_with("LOOP")).unwrap();
    assert_eq!(heading, "LOOP      TURNS/s  LOOKS/s  TASKS  READY");
    assert_eq!(shown.next().unwrap(), "1 worker        -        -      1      0");
    let before_next = shown.by_ref().take_while(|line| !line.starts_with("inspect (")).last();
    assert_eq!(before_next.unwrap(), "", "between one second and the next");
    std::thread::spawn(move || shown.for_each(drop)); // it shows more than a pipe can keep
    demo.end();
    let text = String::from_utf8(top.wait_with_output().unwrap().stderr).unwrap();
    assert!(text.starts_with(&format!("inspect: process {pid}: it has ")), "{text}");
}

#[test]
fn a_loop_is_asked_by_the_name_that_ps_shows() {
    let runtime = Folder::new("named");
    let demo = Demo::start(&runtime);
    let pid = demo.pid();
    let (is_ok, text) = said(&runtime, &["tree", &pid, "main"]);
    assert!(is_ok && text.starts_with("loop 2 \"main\": "), "{text}");
    assert!(!text.contains("loop 1"), "{text}");
    let (is_ok, text) = said(&runtime, &["stalls", &pid, "json"]);
    let why = format!("no loop of process {pid} is called \"json\": it has 1 worker, 2 main\n");
    assert!(!is_ok && text == format!("inspect: {why}"), "{text}");
    let nowhere = runtime.join("none/page");
    let nowhere = nowhere.to_str().unwrap();
    let (is_ok, text) = said(&runtime, &["trace", &pid, nowhere]);
    assert!(!is_ok && text.starts_with(&format!("inspect: {nowhere}: No such file ")), "{text}");
}

#[test]
fn a_reader_that_has_seen_enough_ends_a_command_quietly() {
    let runtime = Folder::new("head");
    let demo = Demo::start(&runtime);
    let (pid, file) = (demo.pid(), runtime.join("page"));
    for arguments in [
        &["help"][..],
        &["ps"],
        &["tree", &pid],
        &["top", &pid],
        &["trace", &pid, file.to_str().unwrap()],
    ] {
        let (written, _) = UnixStream::pair().unwrap(); // its reader is gone
        let mut command = inspect(&runtime, arguments);
        let output = command.stdout(OwnedFd::from(written)).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && text.is_empty(), "{arguments:?}: {text}");
    }
}
