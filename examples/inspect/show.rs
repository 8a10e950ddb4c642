//! What is written to the terminal.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::answer::Limits;
use super::client::{Process, none};

/// A text on one line, without what has no width. Names come from the program that is asked. As they are, they could send commands
/// to the terminal, look like a line of another loop, or turn the rest of their line round. What `{:?}` escapes is escaped as
/// there, but for quotes and backslashes: texts that were escaped already stay as they are.
pub(crate) fn printable(text: &str) -> String {
    let escaped = |char: char| {
        let (plain, escaped) = match char {
            '"' | '\'' | '\\' => (Some(char), None),
            _ => (None, Some(char.escape_debug())),
        };
        plain.into_iter().chain(escaped.into_iter().flatten())
    };
    text.chars().flat_map(escaped).collect()
}

/// The same of each line. All that a terminal gets has been through this.
pub(crate) fn lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

/// Not by `print!`, which panics when the reader of a pipe is gone.
pub(crate) fn say(text: &str) -> Result<(), Box<dyn Error>> {
    Ok(io::stdout().write_all(lines(text).as_bytes())?)
}

pub(crate) fn string<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Rows under their headings, each on one line. Numbers stand at the right, and the last column is as wide as it is.
fn table<const N: usize>(numbers: [bool; N], rows: &[[String; N]]) -> String {
    let rows: Vec<_> = rows.iter().map(|row| row.each_ref().map(|cell| printable(cell))).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().enumerate().map(|(column, cell)| match width(column) {
            Some(width) if numbers[column] => format!("{cell:>width$}"),
            Some(width) if column + 1 < N => format!("{cell:<width$}"),
            _ => cell.clone(),
        });
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}

/// `2 main`, or `2`.
pub(crate) fn name(it: &Value) -> String {
    format!("{} {}", it["number"], string(it, "name")).trim_end().to_owned()
}

/// How long the list waits for a process that may be stopped, and what it takes from one of which it knows nothing yet.
const SOON: Limits =
    Limits { silence: Duration::from_secs(3), time: Duration::from_secs(10), bytes: 16 << 20 };

/// A line for each loop of each process. All are asked at once: no process waits behind one that is silent.
pub(crate) fn list(processes: &[Process]) -> Result<(), Box<dyn Error>> {
    let mut rows = vec![["PID", "PROGRAM", "LOOP", "WHAT IT DOES"].map(str::to_owned)];
    rows.extend(thread::scope(|scope| {
        let asked: Vec<_> = processes.iter().map(|it| scope.spawn(|| rows_of(it))).collect();
        asked.into_iter().flat_map(|it| it.join().expect("no panic")).collect::<Vec<_>>()
    }));
    say(&match processes.is_empty() {
        true => none()? + "\n",
        false => table([true, false, false, false], &rows),
    })
}

fn rows_of(process: &Process) -> Vec<[String; 4]> {
    let pid = process.pid.to_string();
    let told = process.ask_within(SOON, "loops json");
    let told = told.and_then(|told| serde_json::from_str(&told).map_err(|why| why.to_string()));
    let told: Value = match told {
        Ok(told) => told,
        Err(why) => return vec![[pid, String::new(), String::new(), why]],
    };
    let loops = told["loops"].as_array().into_iter().flatten();
    let mut lines: Vec<_> = loops.map(|it| (name(it), string(it, "told"))).collect();
    let pages = told["pages"].as_array().into_iter().flatten().filter_map(Value::as_str);
    lines.extend(pages.map(|page| ("page".to_owned(), page)));
    let mut first = Some((pid, string(&told, "program").to_owned()));
    let row = |(name, what): (String, &str)| {
        let (pid, program) = first.take().unwrap_or_default(); // once is enough
        [pid, program, name, what.to_owned()]
    };
    lines.into_iter().map(row).collect()
}

/// An answer as it is.
pub(crate) fn text(process: &Process, question: &str) -> Result<(), Box<dyn Error>> {
    say(&process.ask(question)?)
}

/// What the loops do, again and again, until the process ends.
pub(crate) fn top(process: &Process) -> Result<(), Box<dyn Error>> {
    let mut before: Option<(Instant, Value)> = None;
    loop {
        let (now, told) = (Instant::now(), process.ask_json("loops json")?);
        let mut text = format!("{} ({})\n\n", printable(string(&told, "program")), process.pid);
        let mut rows = vec![["LOOP", "TURNS/s", "LOOKS/s", "TASKS", "READY"].map(str::to_owned)];
        for it in told["loops"].as_array().into_iter().flatten() {
            let rate = |key: &str| {
                let (since, told) = before.as_ref()?;
                let loops = told["loops"].as_array()?;
                let earlier = loops.iter().find(|other| other["number"] == it["number"])?;
                let new = it[key].as_u64()?.checked_sub(earlier[key].as_u64()?)?;
                Some(format!("{:.0}", new as f64 / (now - *since).as_secs_f64()))
            };
            let rates = ["turns", "looks"].map(|key| rate(key).unwrap_or_else(|| "-".to_owned()));
            let [turns, looks] = rates;
            let [live, ready] = ["live", "ready"].map(|key| it[key].to_string());
            rows.push([name(it), turns, looks, live, ready]);
        }
        text += &table([false, true, true, true, true], &rows);
        text += &format!("\n{}", process.ask("metrics")?);
        let mut out = io::stdout().lock();
        match (out.is_terminal(), &before) {
            (true, _) => out.write_all(b"\x1b[H\x1b[2J")?, // to the corner, and clear
            (false, Some(_)) => out.write_all(b"\n")?,
            (false, None) => {}
        }
        out.write_all(lines(&text).as_bytes())?;
        out.flush()?;
        drop(out);
        before = Some((now, told));
        thread::sleep(Duration::from_secs(1));
    }
}
