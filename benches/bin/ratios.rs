//! `cargo run -p taketurns-benches --bin ratios`: what the last `cargo bench -p taketurns-benches`
//! found, as one table: for each workload the median nanoseconds per operation of each system, and
//! how many times as fast as the best of tokio's three taketurns is.
//!
//! It reads what Criterion wrote to `$CRITERION_HOME`, `$CARGO_TARGET_DIR/criterion` or the
//! workspace's `target/criterion`, or to the folder given as the argument. Since only numbers of
//! one run compare, it says so when they were written far apart. Exit code 1 when one is missing.

#![forbid(unsafe_code)]

use std::env;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use taketurns_benches::system::System;
use taketurns_benches::systems::{
    FuturesLocalPool, Taketurns, TokioCurrentThread, TokioLocalRuntime, TokioLocalSet,
};
use taketurns_benches::workloads::{PingPong, SpawnJoin, SpawnOne, Workload, YieldMany};

const WORKLOADS: [&str; 4] = [SpawnOne::NAME, SpawnJoin::NAME, YieldMany::NAME, PingPong::NAME];

const SYSTEMS: [&str; 5] = [
    Taketurns::NAME,
    TokioCurrentThread::NAME,
    TokioLocalSet::NAME,
    TokioLocalRuntime::NAME,
    FuturesLocalPool::NAME,
];

/// No run takes longer than this.
const ONE_RUN: Duration = Duration::from_secs(15 * 60);

type Error = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let folder = env::args_os().nth(1).map_or_else(criterion_folder, PathBuf::from);
    match read_all(&folder) {
        Ok((rows, far_apart)) => {
            print!("{}", table(&rows));
            if far_apart {
                println!("Not of one run: `cargo bench -p taketurns-benches` without a filter is.");
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("ratios: {error}; run `cargo bench -p taketurns-benches` first");
            ExitCode::FAILURE
        }
    }
}

fn criterion_folder() -> PathBuf {
    if let Some(folder) = env::var_os("CRITERION_HOME") {
        return folder.into();
    }
    let target = env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), PathBuf::from);
    target.join("criterion")
}

/// One workload: nanoseconds per operation, in the order of [`SYSTEMS`].
struct Row {
    workload: &'static str,
    nanoseconds: [f64; SYSTEMS.len()],
}

impl Row {
    /// How many times as fast as the best of tokio's three taketurns is.
    fn ratio(&self) -> f64 {
        let tokio = SYSTEMS.iter().zip(self.nanoseconds).filter(|(name, _)| is_tokio(name));
        let best = tokio.map(|(_, nanoseconds)| nanoseconds).fold(f64::INFINITY, f64::min);
        best / self.nanoseconds[0]
    }
}

fn is_tokio(system: &str) -> bool {
    system.starts_with("tokio_")
}

/// All rows, and whether they were written too far apart to be of one run.
fn read_all(folder: &Path) -> Result<(Vec<Row>, bool), Error> {
    let mut rows = Vec::new();
    let mut written = Vec::new();
    for workload in WORKLOADS {
        let mut row = Row { workload, nanoseconds: [0.0; SYSTEMS.len()] };
        for (nanoseconds, system) in row.nanoseconds.iter_mut().zip(SYSTEMS) {
            let result = folder.join(workload).join(system).join("new");
            *nanoseconds = per_operation(&result)?;
            written.push(modified(&result.join("estimates.json"))?);
        }
        rows.push(row);
    }
    written.sort();
    let span = written[written.len() - 1].duration_since(written[0])?;
    Ok((rows, span > ONE_RUN))
}

/// Median nanoseconds per operation of one benchmark.
fn per_operation(result: &Path) -> Result<f64, Error> {
    let benchmark = read(&result.join("benchmark.json"))?;
    let estimates = read(&result.join("estimates.json"))?;
    let operations = benchmark["throughput"]["Elements"].as_f64();
    let iteration = estimates["median"]["point_estimate"].as_f64();
    match (iteration, operations) {
        (Some(iteration), Some(operations)) => Ok(iteration / operations),
        _ => Err(format!("{} has no median or no operations", result.display()).into()),
    }
}

fn read(path: &Path) -> Result<Value, Error> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(serde_json::from_reader(BufReader::new(file))?)
}

fn modified(path: &Path) -> Result<SystemTime, Error> {
    Ok(fs::metadata(path)?.modified()?)
}

/// The table, in 80 columns.
fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "Median nanoseconds per operation; ratio: best of tokio's three to taketurns.\n",
    );
    text += &format!("\n{:10}", "");
    for system in SYSTEMS {
        text += &format!("  {}", heading(system));
    }
    text += "   ratio\n";
    for row in rows {
        text += &format!("{:10}", row.workload);
        for (system, nanoseconds) in SYSTEMS.iter().zip(row.nanoseconds) {
            text += &format!("  {nanoseconds:>width$.1}", width = heading(system).len());
        }
        text += &format!(" {:>6.1}x\n", row.ratio());
    }
    text
}

/// The system's name without its library's.
fn heading(system: &str) -> &str {
    system.split_once('_').map_or(system, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(nanoseconds: [f64; 5]) -> Row {
        Row { workload: "spawn_join", nanoseconds }
    }

    #[test]
    fn the_ratio_is_of_the_best_of_tokio_alone() {
        assert_eq!(row([10.0, 300.0, 200.0, 250.0, 100.0]).ratio(), 20.0);
        assert_eq!(row([10.0, 80.0, 200.0, 250.0, 100.0]).ratio(), 8.0);
        assert_eq!(row([10.0, 80.0, 200.0, 70.0, 5.0]).ratio(), 7.0);
    }

    #[test]
    fn the_table_has_a_column_for_each_system_in_80_columns() {
        let text = table(&[row([10.0, 300.0, 1200.0, 250.0, 100.0])]);
        let lines: Vec<_> = text.lines().skip(2).collect();
        let expected = [
            "            taketurns  current_thread  LocalSet  LocalRuntime  LocalPool   ratio",
            "spawn_join       10.0           300.0    1200.0         250.0      100.0   25.0x",
        ];
        assert_eq!(lines, expected);
        assert!(text.lines().all(|line| line.len() <= 80));
    }

    #[test]
    fn a_missing_result_is_named() {
        let error = read_all(Path::new("no/such/folder")).err().expect("nothing to read");
        let text = error.to_string();
        assert!(text.contains("no/such/folder/spawn_one/taketurns/new/benchmark.json"), "{text}");
    }
}
