//! [`Crowd`]: a thread that accepts connections, and one for each of a limited number of them.
//!
//! One thread for all connections would be simplest. But a client that sends nothing would keep all others out until its
//! time is over. So each connection has a thread, and there are at most [`MOST`]. If one more comes, the oldest connection
//! that has asked for nothing yet has to go: clients that connect and keep silent do not keep out one that asks.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::stream::{Listener, Stream, wait};
use crate::executor::primitives::{Condvar, Mutex, MutexGuard, wait_timeout};

/// How many connections are served at a time.
pub(super) const MOST: usize = 16;

/// How many threads there are for them: more, as those of clients that were cut off take a moment to find out. If all these are taken, the
/// next client waits until one is done: it may be the one that asks.
pub(super) const THREADS: usize = 4 * MOST;

/// When the system has no descriptor or no thread for a connection, how long to wait before the next.
const PAUSE: Duration = Duration::from_millis(100);

/// How long the drop of a [`Crowd`] waits for its threads. One that just asks a loop takes longer, and that loop may be the very
/// one that waits here.
const GRACE: Duration = Duration::from_millis(20);

/// Accepts and serves until it is dropped.
pub(super) struct Crowd<S: Stream> {
    shared: Arc<Shared<S>>,
    /// Dropped to end the wait for clients.
    end: Option<UnixStream>,
    accepting: Option<JoinHandle<()>>,
}

/// What serves a connection, until that fails or is done. It calls the function once the client has asked for something that
/// it may have: from then on the connection does not make place for others.
type Serve<S> = dyn Fn(S, &dyn Fn()) + Send + Sync;

struct Shared<S: Stream> {
    guests: Mutex<Guests<S>>,
    ended: Condvar,
    serve: Box<Serve<S>>,
}

struct Guests<S: Stream> {
    is_ended: bool,
    /// How many there are; with those that were cut off, and have still to find out.
    count: usize,
    last: u64,
    /// By the order in which they came.
    here: BTreeMap<u64, Here<S>>,
    /// Threads that are done, or nearly.
    leaving: Vec<JoinHandle<()>>,
}

struct Here<S: Stream> {
    stream: S,
    has_asked: bool,
    /// `None` for a moment: it comes after the guest.
    thread: Option<JoinHandle<()>>,
}

/// A connection, as its own thread knows it.
struct Guest<'a, S: Stream> {
    shared: &'a Shared<S>,
    number: u64,
}

impl<S: Stream> Guest<'_, S> {
    fn has_asked(&self) {
        if let Some(here) = self.shared.lock().here.get_mut(&self.number) {
            here.has_asked = true;
        }
    }
}

impl<S: Stream> Drop for Guest<'_, S> {
    fn drop(&mut self) {
        let mut guests = self.shared.lock();
        if let Some(mut here) = guests.here.remove(&self.number) {
            guests.leaving.extend(here.thread.take());
        }
        guests.count -= 1;
        drop(guests);
        self.shared.ended.notify_all();
    }
}

impl<S: Stream> Shared<S> {
    /// Nothing panics under the lock.
    fn lock(&self) -> MutexGuard<'_, Guests<S>> {
        self.guests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept<L: Listener<Stream = S>>(self: &Arc<Self>, listener: &L, end: &UnixStream) {
        loop {
            wait(listener, end);
            if self.lock().is_ended {
                return;
            }
            let accepted = listener.try_accept();
            if accepted.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
                continue; // the client has left
            }
            if accepted.and_then(|stream| self.admit(stream)).is_err() {
                let guests = self.lock();
                if !guests.is_ended {
                    drop(wait_timeout(&self.ended, &self.guests, guests, Some(PAUSE)));
                }
            }
        }
    }

    fn admit(self: &Arc<Self>, stream: S) -> io::Result<()> {
        let copy = stream.try_clone()?;
        let mut guests = self.lock();
        while guests.count >= THREADS && !guests.is_ended {
            guests = wait_timeout(&self.ended, &self.guests, guests, None).0;
        }
        if guests.is_ended {
            return Ok(());
        }
        guests.leaving.retain(|thread| !thread.is_finished()); // a panic of it was printed
        if guests.here.len() >= MOST {
            let silent = guests.here.iter().find(|(_, here)| !here.has_asked);
            let Some(number) = silent.map(|(&number, _)| number) else { return Ok(()) };
            let mut oldest = guests.here.remove(&number).expect("found above");
            oldest.stream.shut_down(Shutdown::Both); // its thread finds out, and ends
            guests.leaving.extend(oldest.thread.take());
        }
        guests.last += 1;
        let number = guests.last;
        guests.here.insert(number, Here { stream: copy, has_asked: false, thread: None });
        guests.count += 1;
        drop(guests);
        let shared = Arc::clone(self);
        let guest = move || {
            let guest = Guest { shared: &shared, number };
            (shared.serve)(stream, &|| guest.has_asked());
        };
        let thread = thread::Builder::new().name("taketurns-inspect".into()).spawn(guest);
        let mut guests = self.lock();
        match (thread, guests.here.get_mut(&number)) {
            (Ok(thread), Some(here)) => here.thread = Some(thread),
            (Ok(thread), None) => guests.leaving.push(thread), // it was quick
            (Err(error), _) => {
                guests.here.remove(&number);
                guests.count -= 1;
                return Err(error);
            }
        }
        Ok(())
    }
}

impl<S: Stream> Crowd<S> {
    pub(super) fn start<L: Listener<Stream = S>>(
        listener: L,
        serve: impl Fn(S, &dyn Fn()) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let here = BTreeMap::new();
        let guests = Guests { is_ended: false, count: 0, last: 0, here, leaving: Vec::new() };
        let (guests, ended) = (Mutex::new(guests), Condvar::new());
        let shared = Arc::new(Shared { guests, ended, serve: Box::new(serve) });
        listener.set_nonblocking()?;
        let (end, ended) = UnixStream::pair()?;
        let accepts = Arc::clone(&shared);
        let thread = thread::Builder::new().name("taketurns-inspect".into());
        let accepting = Some(thread.spawn(move || accepts.accept(&listener, &ended))?);
        Ok(Self { shared, end: Some(end), accepting })
    }
}

/// Cuts all connections, and waits for their threads, but not long: one that asks a loop ends soon by itself.
impl<S: Stream> Drop for Crowd<S> {
    fn drop(&mut self) {
        self.shared.lock().is_ended = true;
        self.shared.ended.notify_all();
        self.end = None;
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
        let mut guests = self.shared.lock();
        for here in guests.here.values() {
            here.stream.shut_down(Shutdown::Both);
        }
        let until = Instant::now() + GRACE;
        while guests.count > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            guests = wait_timeout(&self.shared.ended, &self.shared.guests, guests, Some(left)).0;
        }
        let threads = std::mem::take(&mut guests.leaving);
        drop(guests);
        for thread in threads {
            let _ = thread.join(); // its panic was printed
        }
    }
}
