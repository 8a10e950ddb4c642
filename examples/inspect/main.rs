//! Asks running programs what their loops do, also while they are stuck.
//!
//! ```text
//! cargo run --features inspect --example inspect -- demo      a program to try it on
//! cargo run --features inspect --example inspect -- ps        in a second terminal
//! ```
//!
//! In a checkout of taketurns, that is. `cargo install --path . --example inspect --features inspect` there installs it as `inspect`.
//!
//! A program can be asked if it calls `taketurns::insight::serve`. The messages go over a Unix socket that only its user can
//! open; the documentation of `serve` has their rules.

mod answer;
mod client;
mod demo;
mod owner;
mod show;

use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

use client::Process;

const USAGE: &str = "\
usage: inspect ps [PID]                       the processes that can be asked, and what their loops do
       inspect tree [PID [LOOP]]              the tasks, each below the task that awaits it
       inspect stalls [PID [LOOP]]            the turns that took too long
       inspect deadlocks [PID [LOOP]]         the deadlocks that were reported, and the tasks without a waker
       inspect top [PID]                      the numbers of the loops, every second, until Ctrl-C
       inspect trace [PID [FILE]]             writes the timeline to a page: trace-PID.html
       inspect trace --perfetto [PID [FILE]]  the same for https://ui.perfetto.dev: trace-PID.json
       inspect trace --text [PID]             draws it in the terminal
       inspect demo                           a program to try it on
Without PID: the only process that can be asked. A program can be if it calls `taketurns::insight::serve`.
LOOP is the number or the name of a loop, as `ps` shows them; without it, all loops are asked.";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_unread(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            let why = show::lines(&error.to_string());
            let _ = writeln!(io::stderr(), "inspect: {why}"); // it may be unread, too
            ExitCode::FAILURE
        }
    }
}

/// `inspect top | head`: the reader has seen enough.
fn is_unread(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|it| it.kind() == ErrorKind::BrokenPipe)
}

fn run(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let process = |pid: &[&str]| Process::find(pid.first().copied());
    if arguments.iter().any(|it| ["--help", "-h"].contains(it)) {
        return show::say(&format!("{USAGE}\n"));
    }
    match *arguments {
        ["ps"] => show::list(&Process::all()?),
        ["ps", pid] => show::list(&[Process::find(Some(pid))?]),
        [command @ ("tree" | "stalls" | "deadlocks"), ref whose @ ..] if whose.len() < 3 => {
            let question = if command == "tree" { "dump" } else { command };
            let process = process(whose)?;
            match whose.get(1) {
                None => show::text(&process, question),
                Some(of) => show::text(&process, &format!("{question} {}", process.number_of(of)?)),
            }
        }
        ["top", ref pid @ ..] if pid.len() < 2 => show::top(&process(pid)?),
        ["trace", ..] => trace(arguments),
        ["demo"] => demo::run(),
        ["help", ..] => show::say(&format!("{USAGE}\n")),
        [] => Err(format!("which command?\n{USAGE}").into()),
        _ => Err(not_understood(arguments)),
    }
}

fn not_understood(arguments: &[&str]) -> Box<dyn Error> {
    let command = arguments.join(" ");
    format!("`{command}` is none of the commands; `inspect help` lists them").into()
}

fn trace(arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let (options, plain): (Vec<&str>, Vec<&str>) =
        arguments[1..].iter().partition(|it| it.starts_with("--"));
    let (question, end, what) = match (&options[..], plain.len()) {
        ([], 0..=2) => ("trace", "html", "open it in a browser"),
        (["--perfetto"], 0..=2) => ("trace json", "json", "open it in https://ui.perfetto.dev"),
        (["--text"], 0..=1) => {
            return show::text(&Process::find(plain.first().copied())?, "trace text");
        }
        _ => return Err(not_understood(arguments)),
    };
    let process = Process::find(plain.first().copied())?;
    let written = process.ask(question)?;
    let default = format!("trace-{}.{end}", process.pid);
    let file = plain.get(1).copied().unwrap_or(&default);
    fs::write(file, written).map_err(|error| format!("{file}: {error}"))?;
    show::say(&format!("{file}: {what}\n"))
}
