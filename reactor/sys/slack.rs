//! [`TimerSlack`]: how much later than asked Linux may end this thread's waits.
//!
//! The kernel ends those together whose spans `[asked, asked + slack]` overlap: one interrupt for many. That
//! is 50 us unless somebody changed it, more than everything else that makes a timer late on an idle loop.

#![forbid(unsafe_code)]

use std::io;
use std::marker::PhantomData;
use std::num::NonZeroU64;
use std::time::Duration;

use rustix::io::Errno;
use rustix::thread::{current_timer_slack, set_current_timer_slack};

/// In ns. What is more could not be read back: the kernel's answer is taken for a C `int`.
const MOST: u64 = i32::MAX as u64;

/// The thread has this slack until it is dropped, and then what it had before.
pub(crate) struct TimerSlack {
    former: Option<NonZeroU64>,
    /// An attribute of the thread, so not to be dropped on another.
    _not_send: PhantomData<*const ()>,
}

impl TimerSlack {
    /// `slack` is not zero, which the kernel takes for its default.
    pub(crate) fn set(slack: Duration) -> io::Result<Self> {
        let nanos = u64::try_from(slack.as_nanos()).unwrap_or(MOST).min(MOST);
        let former = NonZeroU64::new(current_timer_slack().map_err(refused)?);
        set_current_timer_slack(NonZeroU64::new(nanos)).map_err(refused)?;
        Ok(TimerSlack { former, _not_send: PhantomData })
    }
}

impl Drop for TimerSlack {
    fn drop(&mut self) {
        // The kernel has just taken another value, so it takes this one.
        let _ = set_current_timer_slack(self.former);
    }
}

fn refused(errno: Errno) -> io::Error {
    let error = io::Error::from(errno);
    io::Error::new(error.kind(), format!("`timer_slack`: the kernel refuses: {error}"))
}
