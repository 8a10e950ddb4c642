//! Bugs that were planted: each passes in plain order, and has a fixed twin.

mod order;
mod protocols;
mod rare;
mod updates;

use std::pin::Pin;

/// A test of somebody's, as [`taketurns::testing::explore`] runs it.
pub(crate) type Test = Pin<Box<dyn Future<Output = ()>>>;

pub(crate) struct Bug {
    /// As the page calls it.
    pub(crate) name: &'static str,
    test: fn(bool) -> Test,
}

impl Bug {
    /// With the bug in it.
    pub(crate) fn planted(&self) -> Test {
        (self.test)(true)
    }

    pub(crate) fn fixed(&self) -> Test {
        (self.test)(false)
    }
}

macro_rules! bugs {
    ($($name:literal: $test:path),* $(,)?) => {
        [$(Bug { name: $name, test: |planted| Box::pin($test(planted)) }),*]
    };
}

pub(crate) const BUGS: [Bug; 15] = bugs! {
    "a lost update across a yield": updates::lost_update,
    "check, then act": updates::check_then_act,
    "a snapshot torn by a transfer": updates::torn_snapshot,
    "an abort between two writes": updates::abort_between_writes,
    "ABA: a slot freed and taken again between look and swap": updates::aba,
    "three tasks that rely on their order": order::three_tasks,
    "used before it is ready": order::used_before_ready,
    "a flag set again by a late task": order::late_flag,
    "a reply taken for another's": order::reply_of_another,
    "a consumer that leaves before the last item": order::leaves_early,
    "a missed notification": protocols::missed_notification,
    "a permit leaked on cancel": protocols::leaked_permit,
    "two locks in two orders": protocols::lock_order,
    "used after it was closed": protocols::used_after_close,
    "a value lost as its timeout ends": protocols::lost_in_timeout,
};

/// A uniform choice finds none of these in 100,000 seeds.
pub(crate) const RARE: [Bug; 4] = bugs! {
    "a request before the cache is warm": rare::cold_cache,
    "a version number that wraps between two reads": rare::wrapped_version,
    "two locks in two orders, the second much later": rare::late_lock_order,
    "an old leader that goes on while the new one writes": rare::stale_leader,
};
