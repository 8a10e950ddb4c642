//! One process that can be asked.

use std::error::Error;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::answer::{self, Limits};
use super::owner;
use super::show::{name, printable, string};

/// For Perfetto the timeline of a million events has some 400 MB, which a debug build makes in a minute on a slow machine.
const LIMITS: Limits =
    Limits { silence: Duration::from_secs(10), time: Duration::from_secs(600), bytes: 2 << 30 };

/// A process that is stopped accepts nothing. Once enough clients wait for that, `connect` waits too, without a limit.
fn connect(path: &Path, limit: Duration) -> io::Result<UnixStream> {
    let (path, (tell, connected)) = (path.to_owned(), mpsc::channel());
    thread::spawn(move || tell.send(UnixStream::connect(path)));
    connected.recv_timeout(limit).unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
}

/// What is said when no process serves.
pub(crate) fn none() -> Result<String, Box<dyn Error>> {
    let folders = folders()?;
    let (dead, others): (Vec<_>, Vec<_>) = by_name()?.into_iter().partition(Process::is_dead);
    let what = if !others.is_empty() {
        format!("the sockets in {folders} are not trusted: a folder has to be yours, of mode 0700")
    } else if !dead.is_empty() {
        format!("in {folders} are only sockets of processes that have ended: {}", pids(&dead))
    } else {
        format!("no socket in {folders}")
    };
    let which = "A program can be if it calls `taketurns::insight::serve`; `inspect demo` does";
    Ok(format!("no process can be asked: {what}. {which}"))
}

fn pids(processes: &[Process]) -> String {
    processes.iter().map(|it| it.pid.to_string()).collect::<Vec<_>>().join(", ")
}

/// The sockets that are there, by their names alone. The next process that serves in their folder removes those of dead ones.
fn by_name() -> io::Result<Vec<Process>> {
    let folders = taketurns::insight::socket_folders()?.into_iter();
    let entries = folders.flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let process = |path: PathBuf| {
        let pid = path.file_name()?.to_str()?.strip_suffix(".sock")?.parse().ok()?;
        Some(Process { pid, path })
    };
    Ok(entries.filter_map(|entry| process(entry.path())).collect())
}

/// Where sockets were looked for.
fn folders() -> io::Result<String> {
    let folders = taketurns::insight::socket_folders()?;
    Ok(folders.iter().map(|it| it.display().to_string()).collect::<Vec<_>>().join(" and "))
}

/// Why there is no socket of this process.
fn why_not(pid: u32) -> Result<String, Box<dyn Error>> {
    let user = |pid: &str| fs::metadata(Path::new("/proc").join(pid)).map(|it| it.uid()).ok();
    Ok(match owner::why_not(user("self"), user(&pid.to_string())) {
        Some(why) => why.to_owned(),
        None if by_name()?.iter().any(|it| it.pid == pid && it.is_dead()) => {
            "the socket of this pid is of a process that has ended".to_owned()
        }
        None => format!(
            "no socket in {}. It does not call `insight::serve`, has another `XDG_RUNTIME_DIR` or `TMPDIR`, or its socket was removed",
            folders()?
        ),
    })
}

pub(crate) struct Process {
    pub(crate) pid: u32,
    path: PathBuf,
}

impl Process {
    /// All processes of this user that can be asked.
    pub(crate) fn all() -> Result<Vec<Self>, Box<dyn Error>> {
        let found = taketurns::insight::sockets()?;
        Ok(found.into_iter().map(|(pid, path)| Self { pid, path }).collect())
    }

    /// The process of this pid; without one, the only one there is.
    pub(crate) fn find(pid: Option<&str>) -> Result<Self, Box<dyn Error>> {
        let mut all = Self::all()?;
        if let Some(pid) = pid {
            let number: u32 = pid.parse().map_err(|_| format!("{pid:?} is not a pid"))?;
            let found = all.into_iter().find(|process| process.pid == number);
            return match found {
                Some(process) => Ok(process),
                None => Err(format!("process {pid} cannot be asked: {}", why_not(number)?).into()),
            };
        }
        match all.len() {
            0 => Err(none()?.into()),
            1 => Ok(all.remove(0)),
            _ => Err(format!("which process? {} (`inspect ps` says more)", pids(&all)).into()),
        }
    }

    fn is_dead(&self) -> bool {
        connect(&self.path, LIMITS.silence)
            .is_err_and(|it| it.kind() == ErrorKind::ConnectionRefused)
    }

    /// The answer to one question.
    pub(crate) fn ask(&self, question: &str) -> Result<String, Box<dyn Error>> {
        let answer = self.ask_within(LIMITS, question);
        answer.map_err(|why| format!("process {}: {why}", self.pid).into())
    }

    /// The answer, if it keeps to these limits.
    pub(crate) fn ask_within(&self, limits: Limits, question: &str) -> Result<String, String> {
        let answer = self.exchange(limits, question).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => "it has ended".to_owned(),
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                format!("no answer within {:?}: it may be stopped", limits.silence)
            }
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                "it has closed the connection: it ends, or has too many clients".to_owned()
            }
            _ => error.to_string(),
        });
        answer.and_then(|answer| answer)
    }

    /// The inner error is the answer, too.
    fn exchange(&self, limits: Limits, question: &str) -> io::Result<Result<String, String>> {
        let mut stream = connect(&self.path, limits.silence)?;
        writeln!(stream, "{question}")?;
        let lives = |limit| {
            let another = connect(&self.path, limit);
            another.is_ok_and(|stream| answer::lives(stream, limit))
        };
        answer::read(stream, limits, lives)
    }

    /// The number of the loop that is called so, or has that number.
    pub(crate) fn number_of(&self, called: &str) -> Result<u64, Box<dyn Error>> {
        if let Ok(number) = called.parse() {
            return Ok(number);
        }
        let told = self.ask_json("loops json")?;
        let all: Vec<_> = told["loops"].as_array().into_iter().flatten().collect();
        let is_called =
            |it: &&&Value| it["name"] == called || printable(string(it, "name")) == called;
        let numbers: Vec<u64> =
            all.iter().filter(is_called).filter_map(|it| it["number"].as_u64()).collect();
        let pid = self.pid;
        let why = match numbers[..] {
            [number] => return Ok(number),
            [] => {
                let all: Vec<_> = all.iter().map(|it| printable(&name(it))).collect();
                format!("no loop of process {pid} is called {called:?}: it has {}", all.join(", "))
            }
            _ => format!(
                "the loops {numbers:?} of process {pid} are called {called:?}: give a number"
            ),
        };
        Err(why.into())
    }

    pub(crate) fn ask_json(&self, question: &str) -> Result<Value, Box<dyn Error>> {
        Ok(serde_json::from_str(&self.ask(question)?)?)
    }
}
