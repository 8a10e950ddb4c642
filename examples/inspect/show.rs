//! What is written to the terminal.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::client::Process;

/// Names come from the program that is asked. As they are, they could send commands to the terminal.
fn printable(text: &str) -> String {
    let plain = |char: char| if char.is_control() && char != '\n' { '\u{fffd}' } else { char };
    text.chars().map(plain).collect()
}

fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// A line for each loop of each process.
pub(crate) fn list(processes: &[Process]) -> Result<(), Box<dyn Error>> {
    let mut text = format!("{:>7}  {:<16} {:<14} {}\n", "PID", "PROGRAM", "LOOP", "WHAT IT DOES");
    for process in processes {
        match process.ask_json("loops json") {
            Ok(told) => text += &lines(process.pid, &told),
            Err(why) => text += &format!("{:>7}  does not answer: {why}\n", process.pid),
        }
    }
    if processes.is_empty() {
        text += "no process can be asked (`inspect demo` can)\n";
    }
    Ok(io::stdout().write_all(printable(&text).as_bytes())?)
}

fn lines(pid: u32, told: &Value) -> String {
    let mut text = String::new();
    let (mut pid, mut program) = (pid.to_string(), string(told, "program"));
    let mut line = |name: &str, what: &str| {
        text += &format!("{pid:>7}  {program:<16} {name:<14} {what}\n");
        (pid, program) = (String::new(), ""); // once is enough
    };
    for it in told["loops"].as_array().into_iter().flatten() {
        line(&format!("{} {}", it["number"], string(it, "name")), string(it, "told"));
    }
    if let Some(page) = told["page"].as_str() {
        line("page", page);
    }
    text
}

/// An answer as it is.
pub(crate) fn text(process: &Process, question: &str) -> Result<(), Box<dyn Error>> {
    Ok(io::stdout().write_all(printable(&process.ask(question)?).as_bytes())?)
}

/// What the loops do, again and again, until the process ends.
pub(crate) fn top(process: &Process) -> Result<(), Box<dyn Error>> {
    let mut before: Option<(Instant, Value)> = None;
    loop {
        let (now, told) = (Instant::now(), process.ask_json("loops json")?);
        let mut text = format!("{} ({})\n\n", string(&told, "program"), process.pid);
        text += &format!(
            "{:<14} {:>12} {:>12} {:>8} {:>8}  {}\n",
            "LOOP", "TURNS/s", "LOOKS/s", "TASKS", "READY", "WHAT IT DOES"
        );
        for it in told["loops"].as_array().into_iter().flatten() {
            let rate = |key: &str| {
                let (since, told) = before.as_ref()?;
                let loops = told["loops"].as_array()?;
                let earlier = loops.iter().find(|other| other["number"] == it["number"])?;
                let new = it[key].as_u64()?.checked_sub(earlier[key].as_u64()?)?;
                Some(format!("{:.0}", new as f64 / (now - *since).as_secs_f64()))
            };
            text += &format!(
                "{:<14} {:>12} {:>12} {:>8} {:>8}  {}\n",
                format!("{} {}", it["number"], string(it, "name")),
                rate("turns").unwrap_or_default(),
                rate("looks").unwrap_or_default(),
                it["live"].to_string(),
                it["ready"].to_string(),
                string(it, "told"),
            );
        }
        text += &format!("\n{}", process.ask("metrics").unwrap_or_else(|why| why.to_string()));
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            out.write_all(b"\x1b[H\x1b[2J")?; // to the corner, and clear
        }
        out.write_all(printable(&text).as_bytes())?;
        out.flush()?;
        drop(out);
        before = Some((now, told));
        thread::sleep(Duration::from_secs(1));
    }
}
