//! [`serve`], [`Serve`] and [`Server`]: the public face.

#![forbid(unsafe_code)]

use std::fmt;
use std::io;
use std::mem;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::crowd::Crowd;
use super::http::Secret;
use super::lines;
use super::loops::Loops;
use super::page::Page;
use super::place::Place;
use super::source::{Asked, Served};

/// Lets this user's programs ask what a loop does, until the [`Server`] is dropped; also while the loop is stuck.
///
/// The process has one Unix socket for all of its loops: `PID.sock` in `$XDG_RUNTIME_DIR/taketurns`, or else in
/// `taketurns-UID` in the temporary folder. (`$XDG_RUNTIME_DIR` has to be the user's own folder, into which no other user can write, and no
/// symbolic link. The temporary folder may be one that all users share if it is sticky, as `/tmp` is.) Only this user can connect.
///
/// In a checkout of taketurns, `cargo run --features inspect --example inspect` asks it: `ps` lists the processes that serve, `tree PID` shows
/// the tasks of one. For a page in a browser, see [`Serve::http`].
///
/// A loop that is served twice is listed once, until both servers are dropped. If something removes the socket while the process serves, no
/// client finds it any more, until a loop of the process is served again: that makes a new one, for all loops.
///
/// # The protocol
///
/// A line asks: `COMMAND [json | text] [LOOP]`. The answer is the line `ok LENGTH` and so many bytes, or the line `error WHY`.
///
/// | command | answer |
/// |---|---|
/// | `loops` | which loops there are, and what each does: the task whose turn it is, and for how long it has stood still |
/// | `metrics` | their numbers |
/// | `dump` | their tasks, as a tree |
/// | `stalls` | the turns that took too long |
/// | `deadlocks` | the deadlocks that were reported, and the tasks without a waker |
/// | `trace` | the timeline of one loop, as an HTML page; `trace json`: for [Perfetto](https://ui.perfetto.dev); `trace text`: as a chart |
/// | `page` | the address of the live page, or of each, on a line |
/// | `help` | these commands |
///
/// Without `json`, all but `trace` give text; `page` and `help` have no JSON. LOOP is a number from `loops`; without one, all loops
/// answer, and of `trace` the first that keeps a timeline. A connection may ask again and again. It is closed when it asks for nothing
/// for 10 s, or has not read an answer within 10 s.
///
/// The answers of `dump`, `deadlocks` and `trace` may be long. So that clients do not fill the memory of the program, such an answer is begun only while less than
/// 64 MiB are taken by others, which are being made or are not read yet. A client waits for that for 30 s, with 7 others at most. Otherwise it is
/// told `error busy: ..`, and may ask again.
///
/// # Errors
///
/// When the handle is that of a bare executor, or of a runtime that has ended; when the system gives no socket or thread; when neither folder can be used, as
/// it belongs to another user or is open to others, or as another user could replace it, or the path of a socket in it would be too long (on Linux 108 bytes or more); when the socket has been taken by a process of another container that has the same pid.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::Shutdown;
/// use std::os::unix::net::UnixStream;
///
/// let runtime = taketurns::Runtime::new()?;
/// let server = taketurns::insight::serve(&runtime.handle())?;
///
/// let mut client = UnixStream::connect(server.path())?; // another program would
/// client.write_all(b"loops\n")?;
/// client.shutdown(Shutdown::Write)?;
/// let mut answer = String::new();
/// client.read_to_string(&mut answer)?;
/// assert!(answer.starts_with("ok "), "{answer}");
/// # std::io::Result::Ok(())
/// ```
pub fn serve(handle: &impl Served) -> io::Result<Server> {
    Serve::new().start(handle)
}

/// Sets up what [`serve`] does.
///
/// ```
/// use taketurns::insight::Serve;
///
/// let runtime = taketurns::Runtime::new()?;
/// let server = Serve::new().name("main").http(0).start(&runtime.handle())?;
/// println!("{}", server.url().unwrap()); // http://127.0.0.1:40123/0ad3...f1/
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is served until `start`"]
pub struct Serve {
    name: Option<String>,
    port: Option<u16>,
}

impl Serve {
    /// The Unix socket alone.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the loop is called: the first 200 bytes of it are told. Without a name it has a number. A loop that is served twice keeps the first
    /// name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Serves a live page too, at this port of 127.0.0.1; 0: the system chooses one. The page shows all loops of the process, so one is enough. A second call opens a
    /// second page, at its own port.
    ///
    /// [`Server::url`] is its address. There is a secret in it, new each time, as other users of the machine can connect
    /// to the port. Requests that lack it, or that a page of another site makes, are refused.
    pub fn http(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Begins to serve.
    ///
    /// # Errors
    ///
    /// As [`serve`]; and when the port is in use, by another program or by another page of this one, or may not be used. The error names it.
    pub fn start(self, handle: &impl Served) -> io::Result<Server> {
        let asked = handle.asked()?;
        let listener = self.port.map(listen);
        let listener = listener.transpose()?; // the last that may be refused for what the caller said
        let (loops, path, number) = enter(self.name, asked)?;
        let mut server = Server { loops, path, number, pid: process::id(), page: None, url: None };
        if let Some(listener) = listener {
            server.open(listener)?;
        }
        Ok(server)
    }
}

/// Listens for the browsers of this machine.
fn listen(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|error| {
        let remedy = "`http(0)` takes a free port, and one page shows all loops of a process";
        io::Error::new(error.kind(), format!("port {port} of 127.0.0.1: {error}; {remedy}"))
    })
}

/// A loop that can be asked from outside, until this is dropped.
///
/// The drop waits for threads of the server, which end at once. But one that just asks a loop for its tasks may take half a second, and the loop may
/// be that of the task which drops this. So the drop waits for them for 20 ms at most, of the page and of the socket each, and leaves it to them to end.
///
/// The end of the process without that drop leaves the socket's name behind. It does no harm: the next process that serves
/// removes it. After a `fork` without an `exec` the child has the parent's sockets too, and does not answer: if the parent is killed, clients find out
/// only as no answer comes.
#[must_use = "dropped, it serves no more"]
pub struct Server {
    loops: Arc<Loops>,
    path: PathBuf,
    number: u64,
    /// After a `fork` the child has this value too, but it is its parent that serves.
    pid: u32,
    page: Option<Crowd<TcpStream>>,
    url: Option<String>,
}

impl Server {
    /// The Unix socket of this process, as it was when this loop was served.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The address of the live page, with its secret. `None` without [`Serve::http`].
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    fn open(&mut self, listener: TcpListener) -> io::Result<()> {
        let page = Page { address: listener.local_addr()?, secret: Secret::new()? };
        let url = page.secret.url(page.address);
        let loops = Arc::clone(&self.loops);
        self.page = Some(Crowd::start(listener, move |stream, has_asked| {
            page.serve(&loops, stream, has_asked);
        })?);
        self.loops.add_page(url.clone());
        self.url = Some(url);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.pid != process::id() {
            return mem::forget(self.page.take()); // it would wait for the parent's threads
        }
        let mut process = lock();
        let (_looped, is_left) = self.loops.remove(self.number, self.url());
        let ended = if is_left { None } else { process.take() };
        // Its name goes while the lock is held, so it cannot be that of the next one.
        let socket = ended.map(|Process { place, socket, .. }| {
            drop(place);
            socket
        });
        drop(process);
        drop(socket);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the address of the page, as its secret does not belong into a log.
        f.debug_struct("Server").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What the servers of one process share. The first makes it, the last ends it.
struct Process {
    place: Place,
    loops: Arc<Loops>,
    socket: Crowd<UnixStream>,
}

impl Process {
    /// A socket at which these loops can be asked.
    fn start(loops: Arc<Loops>) -> io::Result<Self> {
        let (place, listener) = Place::take()?;
        let asked = Arc::clone(&loops);
        let socket = Crowd::start(listener, move |stream, has_asked| {
            lines::serve(&asked, stream, has_asked);
        })?;
        Ok(Self { place, loops, socket })
    }
}

static PROCESS: Mutex<Option<Process>> = Mutex::new(None);

/// Nothing of a user's runs under the lock, so nothing panics under it.
fn lock() -> MutexGuard<'static, Option<Process>> {
    PROCESS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a loop. Gives the loops of this process, the path of its socket, and the number of the loop.
fn enter(name: Option<String>, asked: Asked) -> io::Result<(Arc<Loops>, PathBuf, u64)> {
    let mut guard = lock();
    if guard.as_ref().is_some_and(|it| !it.place.is_ours()) {
        mem::forget(guard.take()); // after a `fork`: what it would wait for are the parent's threads
    }
    let (process, old) = match guard.take() {
        Some(process) if process.place.is_there() => (process, None),
        before => {
            let loops = before.as_ref().map(|it| Arc::clone(&it.loops)).unwrap_or_default();
            match Process::start(loops) {
                Ok(process) => (process, before),
                Err(error) => {
                    *guard = before;
                    return Err(error);
                }
            }
        }
    };
    let process = guard.insert(process);
    let (number, again) = process.loops.add(name, asked);
    let entered = (Arc::clone(&process.loops), process.place.path().to_owned(), number);
    drop(guard);
    drop((old, again)); // they wait for threads
    Ok(entered)
}
