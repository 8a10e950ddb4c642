//! What a run prints: of each column, each system's median, and how many times ours it has.

use super::{Asked, Column};

/// One system's numbers: a row for each round, in it a number for each column.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) name: &'static str,
    pub(super) rounds: Vec<Vec<f64>>,
    /// Why it could not run on this machine.
    pub(super) refused: Option<String>,
}

impl Measured {
    pub(super) fn new(name: &'static str) -> Self {
        Self { name, rounds: Vec::new(), refused: None }
    }

    fn column(&self, column: usize) -> impl Iterator<Item = f64> {
        self.rounds.iter().map(move |round| round[column])
    }
}

/// The first, second and third quartile, each the upper one of two.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Quartiles([f64; 3]);

impl Quartiles {
    /// Nothing, if there are none, or one of them is not a number.
    fn of(numbers: impl Iterator<Item = f64>) -> Option<Self> {
        let mut numbers: Vec<_> = numbers.collect();
        if numbers.is_empty() || numbers.iter().any(|number| number.is_nan()) {
            return None;
        }
        numbers.sort_by(f64::total_cmp);
        Some(Self([1, 2, 3].map(|quarter| numbers[numbers.len() * quarter / 4])))
    }

    fn median(self) -> f64 {
        self.0[1]
    }
}

/// A block for each column, ours first; then the systems that could not run.
pub(super) fn table(columns: &[Column], systems: &[Measured]) -> String {
    let mut text =
        String::from("Medians; then how many times ours, in the same round: median (quartiles).\n");
    for (index, column) in columns.iter().enumerate() {
        text += &format!("\n{}\n", column.heading);
        text += &block(index, column, systems);
    }
    for system in systems {
        if let Some(reason) = &system.refused {
            text += &format!("\n{} cannot run here: {reason}\n", system.name);
        }
    }
    text
}

fn block(index: usize, column: &Column, systems: &[Measured]) -> String {
    let (ours, peers) = systems.split_first().expect("ours is among them");
    let mut text = String::new();
    let mut times_of_peers = Vec::new();
    for system in systems.iter().filter(|system| system.refused.is_none()) {
        let Some(numbers) = Quartiles::of(system.column(index)) else {
            text += &format!("  {:22} {:>10}\n", system.name, "-");
            continue;
        };
        text += &format!("  {:22} {:>10.1}", system.name, numbers.median());
        let is_peer = peers.iter().any(|peer| peer.name == system.name);
        if let Some(times) = times(system, ours, index).filter(|_| column.compared && is_peer) {
            let [low, median, high] = times.0;
            text += &format!("  {median:7.2}x ({low:.2} to {high:.2})");
            times_of_peers.push((system.name, median));
        }
        text.push('\n');
    }
    if let Some((name, times)) = least(&times_of_peers) {
        text += &format!("  best peer: {name}, {times:.2}x\n");
    }
    if let Some(asked) = column.asked {
        text += &match asked {
            Asked::AtMost(most) => format!("  asked of {}: at most {most}\n", ours.name),
            Asked::TokioTimes(times) => {
                times_of_peers.retain(|(name, _)| name.starts_with("tokio_"));
                let best = has(&times_of_peers);
                format!("  asked of the best of tokio: at least {times}x{best}\n")
            }
            Asked::TimesOf(asked) => {
                let line = |&(names, times): &(&[&str], f64)| {
                    let named = times_of_peers.iter().filter(|(name, _)| names.contains(name));
                    let best = has(&named.copied().collect::<Vec<_>>());
                    format!("  asked of {}: at least {times:.2}x{best}\n", names.join(" and "))
                };
                asked.iter().map(line).collect()
            }
        };
    }
    text
}

/// How many times ours the system has, round by round.
fn times(system: &Measured, ours: &Measured, index: usize) -> Option<Quartiles> {
    let pairs = system.column(index).zip(ours.column(index));
    Quartiles::of(pairs.map(|(theirs, ours)| theirs / ours))
}

/// What the best of these has.
fn has(times: &[(&str, f64)]) -> String {
    least(times).map_or(String::new(), |(_, best)| format!(", has {best:.2}x"))
}

fn least<'a>(times: &[(&'a str, f64)]) -> Option<(&'a str, f64)> {
    times.iter().copied().min_by(|(_, one), (_, other)| one.total_cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured<const COLUMNS: usize>(name: &'static str, rounds: &[[f64; COLUMNS]]) -> Measured {
        let rounds = rounds.iter().map(|round| round.to_vec()).collect();
        Measured { rounds, ..Measured::new(name) }
    }

    #[test]
    fn quartiles_are_of_the_sorted_numbers() {
        let numbers = [5.0, 1.0, 4.0, 2.0, 3.0];
        assert_eq!(Quartiles::of(numbers.into_iter()), Some(Quartiles([2.0, 3.0, 4.0])));
        assert_eq!(Quartiles::of([7.0].into_iter()), Some(Quartiles([7.0; 3])));
        assert_eq!(Quartiles::of([1.0, f64::NAN].into_iter()), None);
    }

    #[test]
    fn a_peer_is_compared_with_ours_of_the_same_round() {
        // The machine was ten times as slow in the second round, for both.
        let ours = measured("ours", &[[10.0, 1.0], [100.0, 1.0], [10.0, 1.0]]);
        let peer = measured("peer", &[[20.0, 4.0], [200.0, 4.0], [40.0, 4.0]]);
        assert_eq!(times(&peer, &ours, 0), Some(Quartiles([2.0, 2.0, 4.0])));
    }

    #[test]
    fn the_best_peer_is_named_and_so_is_what_is_asked_and_what_cannot_run() {
        let columns = [
            Column::compared("ns a task").asked(Asked::TokioTimes(2.0)),
            Column::told("million polls").asked(Asked::AtMost(104.0)),
            Column::compared("ns a value")
                .asked(Asked::TimesOf(&[(&["tokio_a", "tokio_b"], 2.5), (&["other"], 1.0)])),
        ];
        let systems = [
            measured("ours", &[[50.0, 1.0, 10.0]]),
            measured("tokio_a", &[[400.0, 2.0, 40.0]]),
            measured("tokio_b", &[[200.0, 20.0, 30.0]]),
            measured("other", &[[100.0, f64::NAN, f64::NAN]]),
            Measured { refused: Some("no io_uring".to_owned()), ..Measured::new("ring") },
        ];
        let expected = "\
Medians; then how many times ours, in the same round: median (quartiles).

ns a task
  ours                         50.0
  tokio_a                     400.0     8.00x (8.00 to 8.00)
  tokio_b                     200.0     4.00x (4.00 to 4.00)
  other                       100.0     2.00x (2.00 to 2.00)
  best peer: other, 2.00x
  asked of the best of tokio: at least 2x, has 4.00x

million polls
  ours                          1.0
  tokio_a                       2.0
  tokio_b                      20.0
  other                           -
  asked of ours: at most 104

ns a value
  ours                         10.0
  tokio_a                      40.0     4.00x (4.00 to 4.00)
  tokio_b                      30.0     3.00x (3.00 to 3.00)
  other                           -
  best peer: tokio_b, 3.00x
  asked of tokio_a and tokio_b: at least 2.50x, has 3.00x
  asked of other: at least 1.00x

ring cannot run here: no io_uring
";
        assert_eq!(table(&columns, &systems), expected);
    }
}
