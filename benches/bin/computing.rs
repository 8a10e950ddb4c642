//! `cargo run --profile bench -p taketurns-benches --bin computing`: what jobs that compute on the thread pool cost the
//! loop beside them.
//!
//! **Measured**: a task sleeps for 1 ms, again and again, while 0, 1, 2 and 4 jobs compute without end: how late the sleeps
//! end, the median and the 99th percentile. Then a task yields without end beside them: how long a turn takes, on the wall.
//! Each system in a process of its own, in turn, some rounds. The program says how many cores there are, since that is what
//! the numbers depend on.
//!
//! **Read with it**: with fewer jobs than cores the loop has a core of its own. With more it is the system's scheduler that
//! decides, and Linux lets a thread that slept go first: a loop that is idle most of the time is hardly late. A loop that is
//! never idle gets a thread's share of the cores, no more than a job gets. tokio's sleeps end at the next ms, so they are up
//! to 1 ms late before a job has begun.
//!
//! **Not claimed**: what the jobs lose. Nor that memory bandwidth and caches are shared as gently by every computation:
//! this one stays in registers.

#![forbid(unsafe_code)]

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use taketurns_benches::offloading::{Offloads, beats_beside, yields_beside};
use taketurns_benches::side_by_side::{self, Column, Error, Measure};
use taketurns_benches::system::{Sleeps, System};
use taketurns_benches::systems::{SmolLocalExecutor, Taketurns, TokioCurrentThread};

const COLUMNS: [Column; 12] = [
    Column::told("0 jobs: a sleep of 1 ms is late by, us"),
    Column::told("0 jobs: the 99th percentile"),
    Column::compared("0 jobs: a turn of a loop that is never idle, ns"),
    Column::told("1 job: a sleep of 1 ms is late by, us"),
    Column::told("1 job: the 99th percentile"),
    Column::compared("1 job: a turn of a loop that is never idle, ns"),
    Column::told("2 jobs: a sleep of 1 ms is late by, us"),
    Column::told("2 jobs: the 99th percentile"),
    Column::compared("2 jobs: a turn of a loop that is never idle, ns"),
    Column::told("4 jobs: a sleep of 1 ms is late by, us"),
    Column::told("4 jobs: the 99th percentile"),
    Column::compared("4 jobs: a turn of a loop that is never idle, ns"),
];
const ROUNDS: usize = 9;

const JOBS: [usize; 4] = [0, 1, 2, 4];
const BEATS: usize = 500;
const SPAN: Duration = Duration::from_millis(200);

fn main() -> ExitCode {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    eprintln!("on {cores} cores");
    let entrants: [(&str, Measure); 3] = [
        ("taketurns", measure::<Taketurns>),
        ("tokio_current_thread", measure::<TokioCurrentThread>),
        ("blocking_on_smol", measure::<SmolLocalExecutor>),
    ];
    side_by_side::main(&COLUMNS, ROUNDS, &entrants)
}

fn measure<S: System<Spawner: Offloads + Sleeps>>() -> Result<Vec<f64>, Error> {
    let on = &mut S::new()?;
    let late = JOBS.map(|jobs| {
        let mut late = on.run(|spawner| beats_beside(spawner, jobs, BEATS));
        late.sort();
        let yields = on.run(|spawner| yields_beside(spawner, jobs, SPAN));
        let [median, high] =
            [BEATS / 2, BEATS * 99 / 100].map(|rank| late[rank].as_secs_f64() * 1e6);
        [median, high, SPAN.as_nanos() as f64 / yields as f64]
    });
    Ok(late.concat())
}
