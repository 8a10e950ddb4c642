//! What is measured: the sleeps, and the loops they are on.

use std::future::Future;
use std::time::{Duration, Instant};

/// Each measures a part of the sleeps.
pub(crate) const ROUNDS: usize = 5;

/// How many sleeps a series has of [`Plan::Spread`].
const SLEEPS: usize = 10_000;

/// And of [`Plan::Millisecond`].
const MILLISECONDS: usize = 1_000;

/// A turn of the load.
const TURN: Duration = Duration::from_micros(1);

const US: Duration = Duration::from_micros(1);

/// How long the sleeps are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Plan {
    /// 50 us to 5 ms, evenly over the orders of magnitude, long and short ones in turn.
    Spread,
    /// 1 ms.
    Millisecond,
}

impl Plan {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Plan::Spread => "spread",
            Plan::Millisecond => "millisecond",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Plan::Spread, Plan::Millisecond].into_iter().find(|plan| plan.name() == name)
    }

    /// Those of a round.
    pub(crate) fn sleeps(self, round: usize) -> Vec<Duration> {
        let part = |all: usize| all / ROUNDS * round..all / ROUNDS * (round + 1);
        match self {
            Plan::Spread => part(SLEEPS).map(spread).collect(),
            Plan::Millisecond => part(MILLISECONDS).map(|_| 1000 * US).collect(),
        }
    }
}

/// The nth of [`Plan::Spread`].
fn spread(nth: usize) -> Duration {
    // A step near the golden section of them all, and prime to it: no two alike, and no run of long ones.
    let rank = nth * 6181 % SLEEPS;
    (50 * US).mul_f64(100_f64.powf((rank as f64 + 0.5) / SLEEPS as f64))
}

/// A loop to sleep on.
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) system: System,
    loaded: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum System {
    /// With this slack and these ticks, where they are not the default.
    Taketurns {
        slack: Option<Duration>,
        tick: Option<Duration>,
    },
    Tokio,
}

const DEFAULT: System = System::Taketurns { slack: None, tick: None };
const SLACK: System = System::Taketurns { slack: Some(US), tick: None };
const FINEST: System = System::Taketurns { slack: Some(US), tick: Some(US) };

/// Ours, by default and otherwise, then tokio's; on an idle loop, then under load.
pub(crate) const SERIES: [Series; 8] = [
    Series { name: "idle: taketurns", system: DEFAULT, loaded: false },
    Series { name: "idle: taketurns, slack 1 us", system: SLACK, loaded: false },
    Series { name: "idle: taketurns, slack 1 us, tick 0.5 us", system: FINEST, loaded: false },
    Series { name: "idle: tokio current_thread", system: System::Tokio, loaded: false },
    Series { name: "load: taketurns", system: DEFAULT, loaded: true },
    Series { name: "load: taketurns, slack 1 us", system: SLACK, loaded: true },
    Series { name: "load: taketurns, slack 1 us, tick 0.5 us", system: FINEST, loaded: true },
    Series { name: "load: tokio current_thread", system: System::Tokio, loaded: true },
];

/// The two that sleep for [`Plan::Millisecond`] as well.
pub(crate) const OURS: &Series = &SERIES[0];
pub(crate) const TOKIO: &Series = &SERIES[3];

impl Series {
    /// Sleeps so long, one after another; how late each was.
    pub(crate) fn measure(&self, sleeps: &[Duration]) -> Vec<Duration> {
        match self.system {
            System::Taketurns { slack, tick } => self.on_taketurns(slack, tick, sleeps),
            System::Tokio => self.on_tokio(sleeps),
        }
    }

    fn on_taketurns(
        &self,
        slack: Option<Duration>,
        tick: Option<Duration>,
        sleeps: &[Duration],
    ) -> Vec<Duration> {
        let mut builder = taketurns::Builder::new().on_lost(|_| {});
        if let Some(slack) = slack {
            builder = builder.timer_slack(slack);
        }
        if let Some(tick) = tick {
            builder = builder.timer_resolution(tick);
        }
        let runtime = builder.build().expect("taketurns: no runtime");
        if self.loaded {
            runtime.spawn(compute(taketurns::yield_now)).detach();
        }
        runtime.block_on(sleep_all(sleeps, taketurns::time::sleep))
    }

    fn on_tokio(&self, sleeps: &[Duration]) -> Vec<Duration> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("tokio: no runtime");
        if self.loaded {
            runtime.spawn(compute(tokio::task::yield_now));
        }
        runtime.block_on(sleep_all(sleeps, tokio::time::sleep))
    }
}

async fn sleep_all<S: Future>(sleeps: &[Duration], sleep: impl Fn(Duration) -> S) -> Vec<Duration> {
    let mut late = Vec::with_capacity(sleeps.len());
    for &span in sleeps {
        let start = Instant::now();
        sleep(span).await;
        late.push(start.elapsed().checked_sub(span).expect("a sleep ended early"));
    }
    late
}

/// Takes turns for ever.
async fn compute<Y: Future + Send>(yield_now: impl Fn() -> Y) {
    loop {
        let start = Instant::now();
        while start.elapsed() < TURN {}
        yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rounds_are_all_sleeps_evenly_over_their_orders_of_magnitude() {
        let mut sleeps: Vec<_> = (0..ROUNDS).flat_map(|round| Plan::Spread.sleeps(round)).collect();
        sleeps.sort_unstable();
        assert_eq!(sleeps.len(), SLEEPS);
        assert!((50 * US..51 * US).contains(&sleeps[0]));
        assert!((4990 * US..5000 * US).contains(&sleeps[SLEEPS - 1]));
        let shorter = sleeps.iter().filter(|&&sleep| sleep < 500 * US).count();
        assert_eq!(shorter, SLEEPS / 2);
        let widest =
            sleeps.windows(2).map(|two| two[1].div_duration_f64(two[0])).fold(0.0, f64::max);
        assert!(widest < 1.0005);
        let milliseconds = (0..ROUNDS).flat_map(|round| Plan::Millisecond.sleeps(round));
        assert_eq!(milliseconds.count(), MILLISECONDS);
    }

    #[test]
    fn a_plan_is_found_by_its_name() {
        for plan in [Plan::Spread, Plan::Millisecond] {
            assert_eq!(Plan::named(plan.name()), Some(plan));
        }
        assert_eq!(Plan::named("fortnight"), None);
    }

    #[test]
    fn every_series_sleeps_as_often_as_it_is_told() {
        for series in &SERIES {
            assert_eq!(series.measure(&[US, 70 * US, 1100 * US]).len(), 3, "{}", series.name);
        }
    }

    #[test]
    #[should_panic(expected = "a sleep ended early")]
    fn an_early_end_is_an_error() {
        taketurns::block_on(sleep_all(&[1_000_000 * US], |_| std::future::ready(())));
    }
}
