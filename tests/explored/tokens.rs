//! Cancellation: a tree of tokens, and scopes inside each other.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;

use taketurns::cancel::{CancellationToken, Reason, Scope, cancelled};
use taketurns::yield_now;

use super::world::{Dice, Model, Shared, World, patiently};

/// The tokens by their numbers: the parent, and the reason.
#[derive(Default)]
struct Tree {
    tokens: Vec<(Option<usize>, Option<String>)>,
    waiting: Vec<(usize, usize)>,
}

impl Tree {
    fn child(&mut self, parent: Option<usize>) -> usize {
        let reason = parent.and_then(|parent| self.tokens[parent].1.clone());
        self.tokens.push((parent, reason));
        self.tokens.len() - 1
    }

    fn cancel(&mut self, token: usize, reason: &str) {
        if self.tokens[token].1.is_some() {
            return;
        }
        self.tokens[token].1 = Some(reason.to_owned());
        for child in token + 1..self.tokens.len() {
            if self.tokens[child].0 == Some(token) {
                self.cancel(child, reason);
            }
        }
    }
}

impl Model for Tree {
    type Ask = usize;
    type Outcome = String;

    fn come(&mut self, number: usize, token: usize) -> Option<String> {
        self.waiting.push((number, token));
        self.look(number)
    }

    fn look(&mut self, number: usize) -> Option<String> {
        let &(_, token) = self.waiting.iter().find(|waiting| waiting.0 == number)?;
        let reason = self.tokens[token].1.clone()?;
        self.leave(number);
        Some(reason)
    }

    fn leave(&mut self, number: usize) {
        self.waiting.retain(|waiting| waiting.0 != number);
    }

    fn let_go(&self) -> Vec<usize> {
        let ready = self.waiting.iter().filter(|(_, token)| self.tokens[*token].1.is_some());
        ready.map(|(number, _)| *number).collect()
    }
}

pub(crate) struct OfToken {
    tokens: RefCell<Vec<CancellationToken>>,
    shared: Shared<Tree>,
}

impl World for OfToken {
    fn new(_: &mut Dice) -> Self {
        let mut tree = Tree::default();
        tree.child(None);
        let tokens = RefCell::new(vec![CancellationToken::new()]);
        OfToken { tokens, shared: Shared::new(tree) }
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let shared = &self.shared;
        let number = dice.below(self.tokens.borrow().len());
        let token = self.tokens.borrow()[number].clone();
        match dice.below(8) {
            0 | 1 => {
                self.tokens.borrow_mut().push(token.child_token());
                shared.model(|model| model.child(Some(number)));
            }
            2 => {
                let reason = format!("reason {}", dice.below(100));
                shared.model(|model| model.cancel(number, &reason));
                token.cancel(reason);
            }
            3 => {
                let wait = token.clone().cancelled_owned();
                patiently(&mut dice, shared.beside(number, wait, Reason::to_string)).await;
            }
            _ => {
                let wait = shared.beside(number, token.cancelled(), Reason::to_string);
                patiently(&mut dice, wait).await;
            }
        }
        let reason = shared.model(|model| model.tokens[number].1.clone());
        assert_eq!(token.reason().map(|reason| reason.to_string()), reason);
    }

    fn settled(&self) {
        self.shared.settled();
    }

    fn ended(&self) {
        let tokens = self.tokens.borrow();
        assert!(tokens.iter().all(|token| format!("{token:?}").contains("waiters: 0")));
    }
}

/// Scopes that any task may cancel, by the numbers of their first reasons.
#[derive(Default)]
pub(crate) struct OfScope {
    scopes: RefCell<Vec<(Scope, Option<String>)>>,
    /// The outer ones of the pairs that run.
    running: RefCell<Vec<usize>>,
}

/// Takes the pair from those that run.
struct Runs<'a>(&'a OfScope, usize);

impl Drop for Runs<'_> {
    fn drop(&mut self) {
        self.0.running.borrow_mut().retain(|&pair| pair != self.1);
    }
}

impl OfScope {
    fn reason(&self, scope: usize) -> Option<String> {
        self.scopes.borrow()[scope].1.clone()
    }
}

impl World for OfScope {
    fn new(_: &mut Dice) -> Self {
        Self::default()
    }

    async fn step(self: Rc<Self>, mut dice: Dice) {
        let count = self.scopes.borrow().len();
        if count > 0 && dice.one_in(3) {
            let scope = dice.below(count);
            let reason = format!("reason {}", dice.below(100));
            let (real, first) = &mut self.scopes.borrow_mut()[scope];
            first.get_or_insert_with(|| reason.clone());
            real.cancel(reason);
            return;
        }
        let [outer, inner] = [Scope::new(), Scope::new()];
        self.scopes.borrow_mut().extend([(outer.clone(), None), (inner.clone(), None)]);
        self.running.borrow_mut().push(count);
        let _runs = Runs(&self, count);
        let reasons = || [self.reason(count), self.reason(count + 1)];
        let (kind, many) = (dice.below(3), dice.below(6));
        let content = async {
            if kind == 0 {
                // The reason of the outermost that was asked.
                let seen = cancelled().await.to_string();
                let [outer, inner] = reasons();
                assert_eq!(Some(seen), outer.or(inner));
                return 1;
            }
            for _ in 0..many {
                yield_now().await;
                assert_eq!(reasons(), [None, None], "it does not listen, and has one more turn");
            }
            if kind == 1 {
                pending::<()>().await; // until it is dropped
            }
            2
        };
        let run = outer.run(inner.run(content));
        let Some(outcome) = patiently(&mut dice, Box::pin(run)).await else { return };
        let [of_outer, of_inner] = reasons();
        match outcome {
            Ok(Ok(value)) => assert!(value == 2 || of_outer.or(of_inner).is_some()),
            Ok(Err(error)) => assert_eq!(Some(error.reason().to_string()), of_inner),
            Err(error) => assert_eq!(Some(error.reason().to_string()), of_outer),
        }
    }

    fn settled(&self) {
        for &pair in &*self.running.borrow() {
            let asked = self.reason(pair).or(self.reason(pair + 1));
            assert_eq!(asked, None, "it was asked to end, and waits");
        }
    }

    fn ended(&self) {}
}
