//! [`Tree`]: a token, all its descendants, and what waits for them, under one lock.
//!
//! A lock for each token would let two branches go on side by side. But a cancel goes down the tree, and a token that is
//! dropped hands its children to its parent, up the tree; with a lock for each, the two meet half-way. And another thread
//! could see a parent cancelled and its child not yet. So a tree has one lock. It is held for moves alone: no waker is
//! cloned, woken or dropped under it, as that may run any code, this very token's functions included.
//!
//! Invariants, each kept by the one function that could break it:
//!
//! * **ALONE** A cancelled node has no parent, no children and no waiters: `cancel` takes them all. So whatever holds the key
//!   of a waiter looks at its node's reason first, and forgets the key if there is one.
//! * **HELD** A node is there while a token of it is: `leave` of the last one removes it.

#![forbid(unsafe_code)]

use std::mem;
use std::sync::{Arc, PoisonError};
use std::task::{Poll, Waker};

use super::lists::{List, Lists};
use crate::executor::primitives::{Mutex, MutexGuard};
use crate::executor::{Reason, contain};

/// What all tokens of one tree share.
pub(super) struct Tree(Mutex<State>);

struct State {
    nodes: Lists<Node>,
    wakers: Lists<Waker>,
}

/// One token and its clones.
#[derive(Default)]
struct Node {
    /// How many tokens hold it.
    tokens: usize,
    /// Why it is cancelled, once it is.
    reason: Option<Reason>,
    /// `None` also if the parent is gone and had none.
    parent: Option<usize>,
    /// A list of the tree's nodes.
    children: List,
    /// A list of the tree's wakers, in the order in which they came.
    waiters: List,
}

/// What a token's `Debug` shows.
pub(super) struct Shown {
    pub(super) reason: Option<Reason>,
    pub(super) waiters: usize,
    pub(super) children: usize,
}

impl Tree {
    /// A tree of one node, and that node's key.
    pub(super) fn new() -> (Arc<Self>, usize) {
        let mut state = State { nodes: Lists::new(), wakers: Lists::new() };
        let root = state.nodes.insert(Node { tokens: 1, ..Node::default() });
        (Arc::new(Self(Mutex::new(state))), root)
    }

    /// Nothing panics under the lock, so it is never poisoned.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new child of `parent`. The child of a cancelled node is cancelled, for the same reason.
    pub(super) fn child(&self, parent: usize) -> usize {
        let mut state = self.lock();
        let reason = state.nodes.get(parent).reason.clone();
        let is_cancelled = reason.is_some();
        let child = state.nodes.insert(Node { tokens: 1, reason, ..Node::default() });
        if !is_cancelled {
            state.adopt(Some(parent), child);
        }
        child
    }

    /// One more token of the node.
    pub(super) fn hold(&self, key: usize) {
        self.lock().nodes.get_mut(key).tokens += 1;
    }

    /// One token of the node less.
    pub(super) fn leave(&self, key: usize) {
        let mut state = self.lock();
        let node = state.nodes.get_mut(key);
        node.tokens -= 1;
        if node.tokens == 0 {
            let forgotten = state.remove(key);
            drop(state);
            forgotten.into_iter().for_each(|waker| contain(|| drop(waker)));
        }
    }

    pub(super) fn reason(&self, key: usize) -> Option<Reason> {
        self.lock().nodes.get(key).reason.clone()
    }

    pub(super) fn is_cancelled(&self, key: usize) -> bool {
        self.lock().nodes.get(key).reason.is_some()
    }

    pub(super) fn shown(&self, key: usize) -> Shown {
        let state = self.lock();
        let node = state.nodes.get(key);
        Shown {
            reason: node.reason.clone(),
            waiters: node.waiters.len,
            children: node.children.len,
        }
    }

    /// Cancels the node and all its descendants in one step, then wakes what waits for them.
    pub(super) fn cancel(&self, key: usize, reason: &Reason) {
        let mut woken = self.lock().cancel(key, reason).into_iter();
        // One `contain` serves all wakers, and after a panic another one serves the rest.
        while woken.len() > 0 {
            contain(|| woken.by_ref().for_each(Waker::wake));
        }
    }

    /// Ready once the node is cancelled. Until then it keeps `waker`, under the key in `waiter`, and gives back the waker of
    /// an earlier poll.
    pub(super) fn poll(
        &self,
        key: usize,
        waiter: &mut Option<usize>,
        waker: &Waker,
    ) -> Poll<Reason> {
        let mut cloned = None;
        loop {
            let mut state = self.lock();
            if let Some(reason) = state.nodes.get(key).reason.clone() {
                drop(state);
                *waiter = None; // (ALONE)
                contain(|| drop(cloned));
                return Poll::Ready(reason);
            }
            if waiter.is_some_and(|waiter| state.wakers.get(waiter).will_wake(waker)) {
                return Poll::Pending;
            }
            if let Some(cloned) = cloned.take() {
                let before = state.keep(key, waiter, cloned);
                drop(state);
                contain(|| drop(before));
                return Poll::Pending;
            }
            drop(state);
            // A clone may run any code, so it is made without the lock, and the node may be cancelled by then.
            cloned = Some(waker.clone());
        }
    }

    /// Gives back the waker that `poll` kept, if it is still there.
    pub(super) fn forget(&self, key: usize, waiter: usize) {
        let mut state = self.lock();
        if state.nodes.get(key).reason.is_some() {
            return; // (ALONE)
        }
        let waker = state.forget(key, waiter);
        drop(state);
        contain(|| drop(waker));
    }
}

/// What happens under the lock. What comes out is for the caller to drop or wake without it.
impl State {
    /// Makes `child` the last child of `parent`, or of none.
    fn adopt(&mut self, parent: Option<usize>, child: usize) {
        self.nodes.get_mut(child).parent = parent;
        if let Some(parent) = parent {
            let mut children = self.nodes.get(parent).children;
            self.nodes.push(&mut children, child);
            self.nodes.get_mut(parent).children = children;
        }
    }

    /// Takes `child` from its parent, if it has one.
    fn orphan(&mut self, child: usize) {
        if let Some(parent) = self.nodes.get_mut(child).parent.take() {
            let mut children = self.nodes.get(parent).children;
            self.nodes.unlink(&mut children, child);
            self.nodes.get_mut(parent).children = children;
        }
    }

    /// Removes a node that no token holds any more. Its parent gets its children. Returns the wakers of futures that were
    /// forgotten, not dropped.
    #[must_use]
    fn remove(&mut self, key: usize) -> Vec<Waker> {
        let parent = self.nodes.get(key).parent;
        while let Some(child) = self.nodes.get(key).children.first {
            self.orphan(child);
            self.adopt(parent, child);
        }
        self.orphan(key);
        let mut forgotten = Vec::new();
        let mut waiters = self.nodes.remove(key).waiters;
        self.take_wakers(&mut waiters, &mut forgotten);
        forgotten
    }

    /// Marks the node and its descendants, and takes their wakers: first the node's own, then those of its children, then
    /// those of their children.
    #[must_use]
    fn cancel(&mut self, key: usize, reason: &Reason) -> Vec<Waker> {
        let mut woken = Vec::new();
        if self.nodes.get(key).reason.is_some() {
            return woken; // the first reason stays
        }
        let mut marked = vec![key];
        let mut next = 0;
        while let Some(&key) = marked.get(next) {
            next += 1;
            self.orphan(key);
            while let Some(child) = self.nodes.get(key).children.first {
                self.orphan(child);
                marked.push(child);
            }
            let node = self.nodes.get_mut(key);
            node.reason = Some(reason.clone());
            let mut waiters = mem::take(&mut node.waiters);
            self.take_wakers(&mut waiters, &mut woken);
        }
        woken
    }

    fn take_wakers(&mut self, waiters: &mut List, taken: &mut Vec<Waker>) {
        while let Some(waiter) = self.wakers.pop(waiters) {
            taken.push(self.wakers.remove(waiter));
        }
    }

    /// Keeps `waker`, in the place of the one before if there is one, which it returns.
    #[must_use]
    fn keep(&mut self, key: usize, waiter: &mut Option<usize>, waker: Waker) -> Option<Waker> {
        if let Some(waiter) = *waiter {
            return Some(mem::replace(self.wakers.get_mut(waiter), waker));
        }
        let new = self.wakers.insert(waker);
        self.wakers.push(&mut self.nodes.get_mut(key).waiters, new);
        *waiter = Some(new);
        None
    }

    #[must_use]
    fn forget(&mut self, key: usize, waiter: usize) -> Waker {
        self.wakers.unlink(&mut self.nodes.get_mut(key).waiters, waiter);
        self.wakers.remove(waiter)
    }
}
