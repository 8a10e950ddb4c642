//! Futures and outputs that run scripts: of every size and alignment, at home or sent there.

use std::marker::PhantomData;
use std::mem::align_of;
use std::pin::Pin;
use std::ptr::from_ref;
use std::task::{Context, Poll};

use super::oracle::{Kind, Token, act, finding, is_dry, is_home, run_script};
use super::program::step;
use super::wait::{self, Wait};

/// What the spawning functions take.
pub(crate) trait Future: std::future::Future + 'static {}
impl<F: std::future::Future + 'static> Future for F {}

/// Makes a future larger, or wants another alignment.
pub(crate) trait Pad: Default + Send + Unpin + 'static {}

#[derive(Default)]
pub(crate) struct Small;
#[derive(Default)]
#[repr(align(128))]
pub(crate) struct Aligned(#[expect(dead_code, reason = "it has a size")] u8);
pub(crate) struct Large(#[expect(dead_code, reason = "it has a size")] [u64; 400]);

impl Default for Large {
    fn default() -> Self {
        Self([0x5a5a; 400])
    }
}

impl Pad for Small {}
impl Pad for Aligned {}
impl Pad for Large {}

/// What a future awaits between two of its polls; a future that is sent awaits nothing of this thread's.
pub(crate) trait Place: Default + Unpin + 'static {
    const IS_SENT: bool;
    fn place(&mut self) -> Option<&mut Option<Wait>>;
}

#[derive(Default)]
pub(crate) struct Local(Option<Wait>);
#[derive(Default)]
pub(crate) struct Sent;

impl Place for Local {
    const IS_SENT: bool = false;
    fn place(&mut self) -> Option<&mut Option<Wait>> {
        Some(&mut self.0)
    }
}

impl Place for Sent {
    const IS_SENT: bool = true;
    fn place(&mut self) -> Option<&mut Option<Wait>> {
        None
    }
}

/// An output; dropping it runs a script.
pub(crate) struct Out<P = Small> {
    dropped: u8,
    token: Token,
    pad: PhantomData<P>,
    _pad: P,
}

impl<P: Pad> Out<P> {
    pub(crate) fn new(dropped: u8, is_sent: bool) -> Self {
        let token = if is_sent { Token::anywhere } else { Token::at_home };
        Self { dropped, token: token(Kind::Output), pad: PhantomData, _pad: P::default() }
    }
}

impl<P> Drop for Out<P> {
    fn drop(&mut self) {
        self.token.check();
        check_alignment(self);
        run_script(self.dropped);
    }
}

fn check_alignment<T>(value: &T) {
    if from_ref(value) as usize % align_of::<T>() != 0 {
        finding("a value is not aligned");
    }
}

/// A future takes no more polls than that.
const MOST_POLLS: u8 = 40;

/// Each poll does the next steps of a script, up to one where it waits.
pub(crate) struct Scripted<P: Pad, W: Place> {
    token: Token,
    /// It has ended, or panicked, or is being polled.
    is_closed: bool,
    polls: u8,
    address: Option<usize>,
    next: usize,
    body: u8,
    dropped: u8,
    output: u8,
    place: W,
    pad: P,
}

/// `a` and `b` choose the scripts.
pub(crate) fn scripted<P: Pad, W: Place>(a: u8, b: u8) -> Scripted<P, W> {
    let token = if W::IS_SENT { Token::anywhere } else { Token::at_home };
    Scripted {
        token: token(Kind::Future),
        is_closed: false,
        polls: 0,
        address: None,
        next: 0,
        body: 16 | b & 15,
        dropped: (b >> 4) | (a & 0x40) >> 2,
        output: (a >> 2) & 31,
        place: W::default(),
        pad: P::default(),
    }
}

impl<P: Pad, W: Place> std::future::Future for Scripted<P, W> {
    type Output = Out<P>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Out<P>> {
        let this = self.get_mut();
        this.token.stay();
        if !is_home() {
            finding("a future is polled on another thread");
        }
        if std::mem::replace(&mut this.is_closed, true) {
            finding("a future is polled after its end, or inside its own poll");
        }
        let address = from_ref(this) as usize;
        if *this.address.get_or_insert(address) != address {
            finding("a future has moved between two polls");
        }
        check_alignment(&this.pad);
        let poll = this.steps(cx);
        this.is_closed = poll.is_ready();
        poll
    }
}

impl<P: Pad, W: Place> Scripted<P, W> {
    fn steps(&mut self, cx: &mut Context<'_>) -> Poll<Out<P>> {
        self.polls += 1;
        if let Some(place) = self.place.place() {
            if let Some(wait) = place {
                if wait.poll(cx).is_pending() && self.polls < MOST_POLLS {
                    return Poll::Pending;
                }
                let ended = place.take();
                drop(ended);
            }
        }
        while let (Some(step), true) = (step(self.body, self.next), self.polls < MOST_POLLS) {
            self.next += 1;
            match step.wait() {
                None => act(step),
                Some(_) if is_dry() => {}
                Some(how) => match wait::begin(how, step, self.place.place(), cx) {
                    Poll::Ready(true) => break,
                    Poll::Ready(false) => {}
                    Poll::Pending => return Poll::Pending,
                },
            }
        }
        Poll::Ready(Out::new(self.output, W::IS_SENT))
    }
}

impl<P: Pad, W: Place> Drop for Scripted<P, W> {
    fn drop(&mut self) {
        self.token.check();
        check_alignment(&self.pad);
        run_script(self.dropped);
    }
}

/// As a detached task wants it: without an output. Not an `async fn`, as rustc leaks the output of an `await` when
/// the future's drop panics (rust-lang/rust#47949).
pub(crate) struct WithoutOutput<F>(pub(crate) F);

impl<F: std::future::Future + Unpin> std::future::Future for WithoutOutput<F> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(drop)
    }
}
