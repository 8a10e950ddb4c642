//! One process that can be asked.

use std::error::Error;
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// The server answers also while its loop is stuck. What takes longer than this never comes.
const LIMIT: Duration = Duration::from_secs(10);

/// A process that is stopped accepts nothing. Once enough clients wait for that, `connect` waits too, without a limit.
fn connect(path: &Path) -> io::Result<UnixStream> {
    let (path, (tell, connected)) = (path.to_owned(), mpsc::channel());
    thread::spawn(move || tell.send(UnixStream::connect(path)));
    connected.recv_timeout(LIMIT).unwrap_or_else(|_| Err(ErrorKind::TimedOut.into()))
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
            return found.ok_or_else(|| {
                format!("process {pid} cannot be asked: it does not call `insight::serve`, or runs as another user").into()
            });
        }
        match all.len() {
            0 => Err("no process can be asked (`inspect demo` can)".into()),
            1 => Ok(all.remove(0)),
            _ => {
                let pids: Vec<String> = all.iter().map(|process| process.pid.to_string()).collect();
                Err(format!("which process? {}", pids.join(", ")).into())
            }
        }
    }

    /// The answer to one question.
    pub(crate) fn ask(&self, question: &str) -> Result<String, Box<dyn Error>> {
        let mut stream = connect(&self.path)?;
        stream.set_read_timeout(Some(LIMIT))?;
        writeln!(stream, "{question}")?;
        let mut answer = BufReader::new(stream);
        let mut head = String::new();
        answer.read_line(&mut head)?;
        if let Some(why) = head.strip_prefix("error ") {
            return Err(why.trim_end().into());
        }
        let length = head.strip_prefix("ok ").ok_or("this is not an answer of taketurns")?;
        let mut body = vec![0; length.trim_end().parse()?];
        answer.read_exact(&mut body)?;
        Ok(String::from_utf8(body)?)
    }

    pub(crate) fn ask_json(&self, question: &str) -> Result<Value, Box<dyn Error>> {
        Ok(serde_json::from_str(&self.ask(question)?)?)
    }
}
