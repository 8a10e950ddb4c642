//! What the loop tells of its tasks stands in the slab.

use std::panic::Location;
use std::sync::Arc;

use super::slab::{Row, Slab, Writer};
use crate::executor::observe::{Cause, NO_PLACE, Observe, Seen, TurnEnd};
use crate::executor::{Id, State};

#[track_caller]
fn task(id: u64, place: u32) -> Seen {
    Seen { id: Id(id), place, site: Location::caller() }
}

fn slab() -> (Arc<Slab>, Box<Writer>) {
    let slab = Slab::new();
    (Arc::clone(&slab), Writer::new(slab))
}

/// Its only row.
fn only(slab: &Slab) -> Row {
    let rows = slab.rows();
    let [row] = rows[..] else { panic!("{rows:?}") };
    row
}

#[test]
fn a_task_is_told_from_its_spawn_to_its_end() {
    let (slab, writer) = slab();
    let task = task(7, 3);
    let row = |polls, state, woken_by| Row { id: task.id, site: task.site, polls, state, woken_by };
    writer.spawned(&task, Cause::Task(Id(2)));
    writer.woken(&task, Cause::Task(Id(2)));
    assert_eq!(only(&slab), row(0, State::Ready, Cause::Task(Id(2))));
    writer.begins_turn(&task, 1);
    assert_eq!(only(&slab), row(1, State::Running, Cause::Task(Id(2))));
    writer.ends_turn(&task, TurnEnd::Waits);
    assert_eq!(only(&slab), row(1, State::Waiting, Cause::Task(Id(2))));
    writer.woken(&task, Cause::Timer);
    assert_eq!(only(&slab), row(1, State::Ready, Cause::Timer));
    writer.begins_turn(&task, 2);
    writer.ended(&task);
    writer.ends_turn(&task, TurnEnd::Done);
    assert_eq!(slab.rows(), []);
}

#[test]
fn a_task_that_is_woken_in_its_own_turn_stays_ready() {
    let (slab, writer) = slab();
    let task = task(1, 0);
    writer.spawned(&task, Cause::Outside);
    writer.begins_turn(&task, 1);
    writer.ends_turn(&task, TurnEnd::Yields);
    assert_eq!((only(&slab).state, only(&slab).woken_by), (State::Ready, Cause::Task(task.id)));
}

#[test]
fn every_cause_comes_back() {
    let (slab, writer) = slab();
    let task = task(1, 0);
    let causes = [Cause::Outside, Cause::Timer, Cause::Source, Cause::Job, Cause::Thread];
    for cause in causes.into_iter().chain([Cause::Task(Id::ROOT), Cause::Task(Id(1 << 50))]) {
        writer.spawned(&task, cause);
        assert_eq!(only(&slab).woken_by, cause);
    }
}

#[test]
fn a_slot_that_is_used_again_tells_nothing_of_the_task_before() {
    let (slab, writer) = slab();
    let (one, two) = (task(1, 0), task(2, 0));
    writer.spawned(&one, Cause::Timer);
    writer.begins_turn(&one, 9);
    writer.ended(&one);
    writer.spawned(&two, Cause::Source);
    let expected = (Id(2), two.site, 0, State::Waiting, Cause::Source);
    let row = only(&slab);
    assert_eq!((row.id, row.site, row.polls, row.state, row.woken_by), expected);
}

#[test]
fn each_task_keeps_its_own_place_in_the_source() {
    let (slab, writer) = slab();
    let (one, two) = (task(1, 0), task(2, 1));
    for task in [one, two] {
        writer.spawned(&task, Cause::Outside);
        writer.begins_turn(&task, 1);
    }
    let sites: Vec<_> = slab.rows().iter().map(|row| (row.id, row.site, row.polls)).collect();
    assert_eq!(sites, [(one.id, one.site, 1), (two.id, two.site, 1)]);
}

#[test]
fn the_future_of_block_on_is_told_while_it_runs() {
    let (slab, writer) = slab();
    for _ in 0..2 {
        let root = task(0, NO_PLACE); // each run has a place in the source of its own
        writer.woken(&root, Cause::Outside);
        writer.begins_turn(&root, 1);
        writer.ends_turn(&root, TurnEnd::Waits);
        writer.woken(&root, Cause::Thread);
        let row = only(&slab);
        assert_eq!((row.id, row.site, row.polls), (Id::ROOT, root.site, 1));
        writer.ended(&root);
        assert_eq!(slab.rows(), []);
    }
}

#[test]
fn a_task_that_has_left_the_list_is_not_taken_for_the_future_of_block_on() {
    let (slab, writer) = slab();
    writer.woken(&task(0, NO_PLACE), Cause::Outside);
    writer.woken(&task(5, NO_PLACE), Cause::Timer); // as when a callback comes late
    assert_eq!(only(&slab).woken_by, Cause::Outside);
}

#[test]
fn slots_in_every_chunk_are_found_again() {
    let (slab, writer) = slab();
    let places = [0, 62, 63, 64, 190, 191, 192, 447, 448, 100_000];
    for place in places {
        writer.spawned(&task(u64::from(place) + 1, place), Cause::Outside);
    }
    let found: Vec<u64> = slab.rows().iter().map(|row| row.id.0).collect();
    assert_eq!(found, places.map(|place| u64::from(place) + 1));
}
