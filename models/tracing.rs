//! The ring of a trace, which home writes while another thread copies it.

#![forbid(unsafe_code)]

use std::sync::Arc;

use super::{UNBOUNDED, model, thread};
use crate::insight::trace::ring::{Copied, Ring};

/// The nth event: two words that belong together.
fn event(n: u64) -> [u64; 2] {
    [n, n * 100]
}

/// Home writes events, in a ring of two, while another thread copies: it gets whole events, the last of those that it knows to
/// be written, in order, and knows how many came before.
///
/// Unbounded: two threads.
#[test]
fn write_against_copy() {
    model(UNBOUNDED, || {
        let ring = Arc::new(Ring::new(2));
        ring.write(event(1));
        ring.write(event(2));
        let copies = Arc::clone(&ring);
        let away = thread::spawn(move || copies.copy());
        ring.write(event(3));
        ring.write(event(4));
        let Copied { dropped, events } = away.join().unwrap();
        let first = dropped + 1;
        let expected: Vec<_> = (first..first + events.len() as u64).map(event).collect();
        assert_eq!(events, expected, "after {dropped}");
        assert!(dropped + events.len() as u64 >= 2, "what was written before is known");
    });
}
