//! Every future of `sync` and `group` is dropped at every place where it waits: nothing is lost, leaked or stuck.
//!
//! `drops/scene.rs` polls a future k times and drops it, for each k, under many schedules. The table of each file has one
//! scene for each public function that returns a future, and the last test here says which function has none.

#![cfg(feature = "time")]
#![allow(
    clippy::await_holding_refcell_ref,
    reason = "what a future under test borrows, no other future uses before it is dropped"
)]

#[path = "drops/cancel.rs"]
mod cancel;
#[path = "drops/channels.rs"]
mod channels;
#[path = "drops/groups.rs"]
mod groups;
#[path = "drops/listed.rs"]
mod listed;
#[path = "drops/locks.rs"]
mod locks;
#[path = "drops/scene.rs"]
mod scene;

use scene::{Scene, drop_everywhere};

/// The file and the function, and a scene in which its future is under test.
type Row = (&'static str, fn() -> Scene);

fn all_of(rows: &[Row]) {
    for (name, make) in rows {
        println!("{name}"); // shown if it fails
        drop_everywhere(*make);
    }
}

#[test]
fn futures_of_locks_events_and_barriers() {
    all_of(locks::ROWS);
}

#[test]
fn futures_of_channels() {
    all_of(channels::ROWS);
}

#[test]
fn futures_of_groups() {
    all_of(groups::ROWS);
}

#[test]
fn futures_of_cancellation() {
    all_of(cancel::ROWS);
}

#[test]
fn every_function_that_returns_a_future_has_a_scene() {
    let parts = [locks::ROWS, channels::ROWS, groups::ROWS, cancel::ROWS];
    let mut rows: Vec<_> = parts.iter().flat_map(|rows| rows.iter().map(|row| row.0)).collect();
    rows.sort_unstable();
    rows.dedup(); // a function may have several
    assert_eq!(listed::functions(), rows);
}
