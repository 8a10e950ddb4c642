//! For the tests of this part: a reactor whose looks the test makes, and wakers that record their name when woken.

#![forbid(unsafe_code)]

use std::future::Future;
use std::os::unix::net::UnixStream;
use std::pin::pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use super::reactor::Reactor;
use super::source::Source;
use crate::common::scoped::Entered;

/// A wait that takes this long has lost an event. Only a failing test waits so long.
const LOST: Duration = Duration::from_secs(10);

pub(crate) struct Harness {
    pub(crate) reactor: Rc<Reactor>,
    woken: Arc<Mutex<Vec<&'static str>>>,
    _entered: Entered<Reactor>,
}

struct Recorder {
    name: &'static str,
    woken: Arc<Mutex<Vec<&'static str>>>,
}

impl Wake for Recorder {
    fn wake(self: Arc<Self>) {
        self.woken.lock().unwrap().push(self.name);
    }
}

impl Harness {
    pub(crate) fn new() -> Self {
        let reactor = Reactor::new().unwrap();
        Harness { _entered: reactor.enter(), reactor, woken: Arc::default() }
    }

    pub(crate) fn waker(&self, name: &'static str) -> Waker {
        Arc::new(Recorder { name, woken: Arc::clone(&self.woken) }).into()
    }

    /// The names of the wakers woken since the last call, in order.
    pub(crate) fn woken(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.woken.lock().unwrap())
    }

    /// A look that does not wait.
    pub(crate) fn look(&self) {
        self.reactor.wait(Some(Duration::ZERO));
        self.reactor.dispatch();
    }

    /// The first half of a look: waits for events.
    pub(crate) fn collect(&self) {
        let start = Instant::now();
        self.reactor.wait(Some(LOST));
        assert!(start.elapsed() < LOST, "nothing happened: an event or an unpark is lost");
    }

    /// Looks until a waker is woken, and returns the names of those woken.
    pub(crate) fn look_until_woken(&self) -> Vec<&'static str> {
        loop {
            self.collect();
            self.reactor.dispatch();
            let woken = self.woken();
            if !woken.is_empty() {
                return woken;
            }
        }
    }

    /// Drives a future to its output.
    pub(crate) fn run<F: Future>(&self, future: F) -> F::Output {
        let mut future = pin!(future);
        let waker = self.waker("run");
        loop {
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return output;
            }
            self.look_until_woken();
        }
    }

    /// Both ends of a connection inside this process: a registered one, and its peer.
    pub(crate) fn pair(&self) -> (Source<UnixStream>, UnixStream) {
        let (ours, peer) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        (Source::new(Rc::clone(&self.reactor), ours).unwrap(), peer)
    }
}
