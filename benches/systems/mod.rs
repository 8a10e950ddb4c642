//! The systems: taketurns and its peers, each in the few lines that make it one.
//!
//! Like for like: every system has the timers and the reactor that its documentation has a program turn on,
//! and they have nothing to do. Each runs on one thread. Each file says in which order its system polls,
//! since a row of a table means what it says only where that is alike.
//!
//! monoio, glommio and compio take a minute to build, so they are behind the feature `peers`.

#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

#[cfg(all(feature = "peers", target_os = "linux"))]
mod compio;
mod futures;
#[cfg(all(feature = "peers", target_os = "linux"))]
mod glommio;
#[cfg(all(feature = "peers", target_os = "linux"))]
mod monoio;
mod ours;
mod smol;
mod tokio;

#[cfg(all(feature = "peers", target_os = "linux"))]
pub use self::compio::Compio;
pub use self::futures::FuturesLocalPool;
#[cfg(all(feature = "peers", target_os = "linux"))]
pub use self::glommio::Glommio;
#[cfg(all(feature = "peers", target_os = "linux"))]
pub use self::monoio::Monoio;
pub use self::ours::{Taketurns, TaketurnsAdaptive, TaketurnsSpawner};
pub use self::smol::{SmolExecutor, SmolLocalExecutor, SmolSharedSpawner, SmolSpawner};
pub use self::tokio::{TokioCurrentThread, TokioLocalRuntime, TokioLocalSet, TokioSpawner};

/// Evaluates an expression once for every system, which it names by the identifier given; ours first.
///
/// ```
/// use taketurns_benches::{for_each_system, system::System};
///
/// let mut names = Vec::new();
/// for_each_system!(|S| names.push(S::NAME));
/// assert_eq!(names[..2], ["taketurns", "tokio_current_thread"]);
/// ```
#[macro_export]
macro_rules! for_each_system {
    (|$S:ident| $run:expr) => {{
        $crate::for_each_woken_from_away!(|$S| $run);
        #[cfg(all(feature = "peers", target_os = "linux"))]
        $crate::for_each_of!(|$S| $run, Glommio, Monoio);
    }};
}

/// As [`for_each_system`], of those that see a wake from another thread within some turns: monoio panics at it,
/// glommio sees it when nothing else is to do, or after 100 ms.
#[macro_export]
macro_rules! for_each_woken_from_away {
    (|$S:ident| $run:expr) => {{
        $crate::for_each_of!(|$S| $run, Taketurns, TokioCurrentThread, TokioLocalSet);
        $crate::for_each_of!(|$S| $run, TokioLocalRuntime, SmolLocalExecutor, FuturesLocalPool);
        #[cfg(all(feature = "peers", target_os = "linux"))]
        $crate::for_each_of!(|$S| $run, Compio);
    }};
}

/// As [`for_each_system`], of those that see a wake from another thread when nothing else is to do: monoio panics at it.
#[macro_export]
macro_rules! for_each_woken_when_idle {
    (|$S:ident| $run:expr) => {{
        $crate::for_each_woken_from_away!(|$S| $run);
        #[cfg(all(feature = "peers", target_os = "linux"))]
        $crate::for_each_of!(|$S| $run, Glommio);
    }};
}

/// As [`for_each_system`], of those that have timers: LocalPool has none.
#[macro_export]
macro_rules! for_each_that_sleeps {
    (|$S:ident| $run:expr) => {{
        $crate::for_each_of!(|$S| $run, Taketurns, TokioCurrentThread, TokioLocalSet);
        $crate::for_each_of!(|$S| $run, TokioLocalRuntime, SmolLocalExecutor);
        #[cfg(all(feature = "peers", target_os = "linux"))]
        $crate::for_each_of!(|$S| $run, Glommio, Compio, Monoio);
    }};
}

/// As [`for_each_system`], of those that are named.
#[macro_export]
macro_rules! for_each_of {
    (|$S:ident| $run:expr, $($system:ident),+) => {
        $({
            type $S = $crate::systems::$system;
            $run
        })+
    };
}

/// The yield of a system that has none: wakes its own task and waits once.
#[derive(Default)]
struct SelfWake {
    woken: bool,
}

impl Future for SelfWake {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.woken {
            return Poll::Ready(());
        }
        self.woken = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use crate::system::System;

    /// The system, or else its name and the reason on stderr.
    pub(crate) fn started<S: System>() -> Option<S> {
        let refused = |reason| eprintln!("{} cannot run here: {reason}", S::NAME);
        S::new().map_err(refused).ok()
    }
}
