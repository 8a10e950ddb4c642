//! The running example, and the source that it reads.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::{Events, exchange};
use super::example;

/// What takes so long never comes. Only a failing test gets there.
pub(crate) const LOST: Duration = Duration::from_secs(60);

static BUILT: OnceLock<PathBuf> = OnceLock::new();

pub(crate) fn command() -> Command {
    Command::new(BUILT.get_or_init(|| example::built("live_feed")))
}

/// Runs it with arguments with which it ends by itself.
pub(crate) fn run(arguments: &[&str]) -> Output {
    command().args(arguments).output().unwrap()
}

/// A path for the source of one test, with nothing there yet.
pub(crate) fn fresh(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("live_feed-{name}"));
    let _ = fs::remove_file(&path);
    path
}

/// A file with this text.
pub(crate) fn file(name: &str, text: &str) -> PathBuf {
    let path = fresh(name);
    fs::write(&path, text).unwrap();
    path
}

pub(crate) fn fifo(name: &str) -> PathBuf {
    let path = fresh(name);
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    path
}

pub(crate) fn append(path: &Path, text: impl AsRef<[u8]>) {
    let mut file: File = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(text.as_ref()).unwrap();
}

/// Killed if the test fails.
pub(crate) struct Program {
    child: Child,
    stdout: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Program {
    pub(crate) fn start(source: &Path, arguments: &[&str]) -> Self {
        let mut command = command();
        command.arg(source).args(["--port", "0"]).args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut program = Program { child, stdout, address: ([127, 0, 0, 1], 0).into() };
        let said = program.line();
        let address = said.strip_prefix("listening on http://").unwrap_or_else(|| panic!("{said}"));
        program.address = address.parse().unwrap();
        program
    }

    /// The next line that it prints.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// A new client: what it gets from now on.
    pub(crate) fn listen(&self) -> Events {
        Events::of(self.address, None)
    }

    pub(crate) fn status(&self) -> Value {
        let answer = exchange(self.address, "GET /status HTTP/1.0\r\nhost: localhost\r\n\r\n");
        assert_eq!(answer.code, 200, "{}", answer.body);
        serde_json::from_str(&answer.body).unwrap()
    }

    /// Asks for the status until it is as wanted.
    pub(crate) fn status_when(&self, is_wanted: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        loop {
            let status = self.status();
            if is_wanted(&status) {
                return status;
            }
            assert!(start.elapsed() < LOST, "not the wanted status: {status:#}");
        }
    }

    /// Returns when the source was read to its end, as it is now: the read that has begun may have missed what
    /// was written last, and the one after that has begun and ended.
    pub(crate) fn has_read_all(&self) {
        let reads = |status: &Value| status["reads"].as_u64().unwrap();
        let before = reads(&self.status());
        self.status_when(|status| reads(status) > before + 2);
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// The rest of what it prints, and its exit code.
    pub(crate) fn end(mut self) -> (String, Option<i32>) {
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (rest, self.child.wait().unwrap().code())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
