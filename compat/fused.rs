//! [`FusedFuture`] for handles, [`WaitCancelled`] and receivers: whether one has given its output. `futures::select!` asks that before it
//! polls.

#![forbid(unsafe_code)]

use std::future::Future;

use futures_core::FusedFuture;

use crate::common::{Abort, AbortOnDrop};
use crate::executor::JoinHandle;
use crate::group::cancel::WaitCancelled;
#[cfg(feature = "offload")]
use crate::offload::BlockingHandle;
use crate::sync::oneshot;
use crate::threads::RemoteHandle;

impl<T> FusedFuture for JoinHandle<T> {
    fn is_terminated(&self) -> bool {
        self.is_taken()
    }
}

impl<T> FusedFuture for RemoteHandle<T> {
    fn is_terminated(&self) -> bool {
        self.is_taken()
    }
}

impl FusedFuture for WaitCancelled {
    fn is_terminated(&self) -> bool {
        self.is_done()
    }
}

impl<T> FusedFuture for oneshot::Receiver<T> {
    fn is_terminated(&self) -> bool {
        self.is_done()
    }
}

#[cfg(feature = "offload")]
impl<T> FusedFuture for BlockingHandle<T> {
    fn is_terminated(&self) -> bool {
        self.is_taken()
    }
}

impl<H: Abort + FusedFuture + Future + Unpin> FusedFuture for AbortOnDrop<H> {
    fn is_terminated(&self) -> bool {
        self.handle().is_terminated()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use futures::future::{FusedFuture, ready};
    use futures::select;

    use crate::executor::spawn;
    use crate::group::cancel::cancelled;
    use crate::runtime::{Builder, OnExit, Runtime};

    #[test]
    fn cancelled_is_terminated_once_the_task_was_asked() {
        let grace = std::time::Duration::from_secs(3600);
        let runtime = Builder::new().on_exit(OnExit::Cancel { grace }).build().unwrap();
        let times_asked = Rc::new(Cell::new(0));
        let tell = Rc::clone(&times_asked);
        runtime.block_on(async {
            let cleans_up = async move {
                let mut asked = cancelled();
                let mut times = 0;
                loop {
                    assert_eq!(asked.is_terminated(), times > 0);
                    select! {
                        _ = asked => times += 1,
                        complete => break,
                    }
                }
                tell.set(times);
            };
            spawn(cleans_up).detach();
        });
        assert!(runtime.shutdown().lost().is_empty());
        assert_eq!(times_asked.get(), 1);
    }

    #[test]
    fn a_handle_is_terminated_once_it_has_given_its_output() {
        let runtime = Runtime::new().unwrap();
        let mut remote = runtime.handle().spawn(ready(2));
        runtime.block_on(async {
            let (mut local, mut guard) = (spawn(ready(1)), spawn(ready(3)).abort_on_drop());
            let mut sum = 0;
            while ![local.is_terminated(), remote.is_terminated(), guard.is_terminated()]
                .iter()
                .all(|&terminated| terminated)
            {
                select! {
                    output = local => sum += output.unwrap(),
                    output = remote => sum += output.unwrap(),
                    output = guard => sum += output.unwrap(),
                }
            }
            assert_eq!(sum, 6);
            #[cfg(feature = "offload")]
            {
                let mut job = crate::offload::spawn_blocking(|| 4);
                assert!(!job.is_terminated());
                assert_eq!((&mut job).await.unwrap(), 4);
                assert!(job.is_terminated());
            }
        });
    }
}
