//! Where a future is: inside which scopes and shields, in which task.
//!
//! A scope could hand its content a token, and each function would pass it on. But then a function that does not know of it,
//! in another crate perhaps, could not be cancelled. So each scope and each shield is a *frame* that is in force while its
//! content is polled: a thread-local holds the innermost one, and each frame knows the one around it.

#![forbid(unsafe_code)]

use std::cell::RefCell;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::task::Waker;

use crate::executor::{CancelRequest, Hub, ListenerKey, Reason, with_current};

thread_local! {
    /// Empty when the thread ends, so it needs no destructor.
    static INNERMOST: ManuallyDrop<RefCell<Option<Rc<Frame>>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
}

/// A scope or a shield, while it is in force.
pub(crate) struct Frame {
    around: Option<Rc<Frame>>,
    /// The scope's request. `None`: a shield, which no request from outside passes.
    request: Option<Rc<CancelRequest>>,
}

impl Frame {
    /// A frame inside the innermost one.
    pub(crate) fn new(request: Option<Rc<CancelRequest>>) -> Rc<Self> {
        Rc::new(Self { around: innermost(), request })
    }

    /// The code here is inside of this frame, until the guard is dropped.
    pub(crate) fn enter(self: &Rc<Self>) -> Entered {
        Entered(replace(Some(Rc::clone(self))))
    }
}

/// Puts the frame back that was in force before, on unwind too.
pub(crate) struct Entered(Option<Rc<Frame>>);

impl Drop for Entered {
    fn drop(&mut self) {
        replace(self.0.take());
    }
}

fn innermost() -> Option<Rc<Frame>> {
    INNERMOST.try_with(|frame| frame.borrow().clone()).ok().flatten()
}

fn replace(frame: Option<Rc<Frame>>) -> Option<Rc<Frame>> {
    INNERMOST.try_with(|innermost| innermost.replace(frame)).ok().flatten()
}

/// Where a future is first polled: what may ask it to end.
pub(crate) struct Place {
    innermost: Option<Rc<Frame>>,
    /// The task's request, unless a shield is between.
    task: Option<Rc<CancelRequest>>,
}

impl Place {
    /// Where this is called. `None` outside of every task of this crate and of every scope and shield.
    pub(crate) fn here() -> Option<Self> {
        let innermost = innermost();
        let is_shielded = frames(innermost.as_ref()).any(|frame| frame.request.is_none());
        let request = || with_current(Hub::current_request).flatten();
        let task = if is_shielded { None } else { request() };
        (innermost.is_some() || task.is_some()).then_some(Self { innermost, task })
    }

    /// From the innermost scope outwards, up to the first shield; then that of the task, if there is no shield.
    fn requests(&self) -> impl Iterator<Item = &CancelRequest> {
        let scopes = frames(self.innermost.as_ref()).map_while(|frame| frame.request.as_deref());
        scopes.chain(self.task.as_deref())
    }

    /// Why the code here is asked to end, if it is. If several ask, this is the outermost one, as that ends most.
    pub(crate) fn reason(&self) -> Option<Reason> {
        self.requests().filter_map(CancelRequest::reason).last().cloned()
    }

    /// Each request that was made has now been heard.
    pub(crate) fn hear(&self) {
        let asked = self.requests().filter(|request| request.reason().is_some());
        asked.for_each(CancelRequest::hear);
    }

    /// Keeps what is around from being dropped, until [`release`](Self::release).
    pub(crate) fn hold(&self) {
        self.requests().for_each(CancelRequest::hold);
    }

    pub(crate) fn release(&self) {
        self.requests().for_each(CancelRequest::release);
    }

    /// A group here has heard, and ends its tasks.
    pub(crate) fn hear_in_group(&self) {
        let asked = self.requests().filter(|request| request.reason().is_some());
        asked.for_each(CancelRequest::hear_in_group);
    }

    /// Whether something around is about to drop the code here.
    pub(crate) fn will_drop(&self) -> bool {
        self.requests().any(CancelRequest::will_drop)
    }

    /// Registers a listener, or its new waker. `is_inside`: for the code here, which is then not dropped but told.
    pub(crate) fn listen(&self, key: ListenerKey, waker: &Waker, is_inside: bool) {
        self.requests().for_each(|request| request.listen(key, waker, is_inside));
    }

    pub(crate) fn forget(&self, key: ListenerKey) {
        self.requests().for_each(|request| request.forget(key));
    }
}

/// This frame and those around it, from the innermost outwards.
fn frames(innermost: Option<&Rc<Frame>>) -> impl Iterator<Item = &Frame> {
    std::iter::successors(innermost, |frame| frame.around.as_ref()).map(Rc::as_ref)
}
