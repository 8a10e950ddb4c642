//! [`TimerSlack`]: how much later than asked Linux may end this thread's waits.
//!
//! The kernel ends waits together if their spans `[asked, asked + slack]` overlap, so that one interrupt serves many. The
//! slack is 50 us by default. On an idle loop nothing else delays a timer as much.

#![forbid(unsafe_code)]

use std::io;
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::{current_timer_slack, set_current_timer_slack};

/// In ns. A greater slack could not be read back, as rustix takes the kernel's answer for a C `int`.
const MAX_SLACK: u64 = i32::MAX as u64;

/// Sets the slack of this thread, and restores the former one when it is dropped.
pub(crate) struct TimerSlack {
    former: Option<NonZeroU64>,
    /// The slack belongs to the thread, so this must not be dropped on another.
    _not_send: PhantomData<*const ()>,
}

impl TimerSlack {
    /// `slack` must not be zero, by which the kernel means its default.
    pub(crate) fn set(slack: Duration) -> io::Result<Self> {
        let nanos = u64::try_from(slack.as_nanos()).unwrap_or(MAX_SLACK).min(MAX_SLACK);
        let former = NonZeroU64::new(current_timer_slack().map_err(refused)?);
        set_current_timer_slack(NonZeroU64::new(nanos)).map_err(refused)?;
        Ok(TimerSlack { former, _not_send: PhantomData })
    }
}

impl Drop for TimerSlack {
    fn drop(&mut self) {
        // It cannot fail: the kernel accepted the call in `set`.
        let _ = set_current_timer_slack(self.former);
    }
}

fn refused(errno: Errno) -> io::Error {
    let error = io::Error::from(errno);
    io::Error::new(error.kind(), format!("`timer_slack`: the kernel refuses: {error}"))
}
