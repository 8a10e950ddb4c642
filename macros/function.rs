//! [`Function`]: the function under an attribute, in the few pieces the expansion needs.
//!
//! The tokens are read from left to right: attributes, visibility, qualifiers, name, arguments, result, body. The
//! pieces keep their tokens and spans unchanged, so that the compiler reports errors where they were written.

#![forbid(unsafe_code)]

use std::iter::{self, Peekable};
use std::vec::IntoIter;

use proc_macro::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};

use crate::error::Error;

/// An `async fn` without arguments and generics.
pub(crate) struct Function {
    /// Attributes and visibility.
    pub(crate) outside: TokenStream,
    pub(crate) name: Ident,
    /// `-> R`, or nothing.
    pub(crate) result: TokenStream,
    pub(crate) body: Group,
}

type Tokens = Peekable<IntoIter<TokenTree>>;

impl Function {
    /// `attribute` is the attribute of this crate, as the errors spell it.
    pub(crate) fn parse(attribute: &str, item: TokenStream) -> Result<Self, Error> {
        let mut tokens = without_invisible_groups(item).into_iter().peekable();
        let mut outside = attributes(attribute, &mut tokens)?;
        outside.extend(visibility(&mut tokens));
        qualifiers(attribute, &mut tokens)?;
        let name = name(attribute, &mut tokens)?;
        no_generics(attribute, &name, tokens.peek().filter(|token| is_punct(token, '<')))?;
        arguments(attribute, &mut tokens)?;
        let (result, body) = result_and_body(attribute, &name, tokens)?;
        Ok(Self { outside, name, result, body })
    }
}

/// Unpacks groups without delimiters, in which a `macro_rules!` macro passes its `$vis`, `$ty` or `$block`.
pub(crate) fn without_invisible_groups(tokens: TokenStream) -> Vec<TokenTree> {
    let open = |token| match token {
        TokenTree::Group(group) if group.delimiter() == Delimiter::None => {
            without_invisible_groups(group.stream())
        }
        token => vec![token],
    };
    tokens.into_iter().flat_map(open).collect()
}

fn attributes(attribute: &str, tokens: &mut Tokens) -> Result<TokenStream, Error> {
    let mut kept = TokenStream::new();
    while let Some(hash) = tokens.next_if(|token| is_punct(token, '#')) {
        let brackets = tokens.next();
        if let Some(TokenTree::Group(brackets)) = &brackets {
            no_second(attribute, brackets)?;
        }
        kept.extend([hash].into_iter().chain(brackets));
    }
    Ok(kept)
}

/// Refuses another `main` or `test`, of any crate.
fn no_second(attribute: &str, brackets: &Group) -> Result<(), Error> {
    let in_path = |token: &TokenTree| matches!(token, TokenTree::Ident(_)) || is_punct(token, ':');
    let path: Vec<TokenTree> = brackets.stream().into_iter().take_while(in_path).collect();
    match path.last().map(ToString::to_string).as_deref() {
        Some("main" | "test") => {
            let second: String = path.iter().map(ToString::to_string).collect();
            let text = format!("`#[{second}]` beside {attribute}: remove one of them");
            Err(Error::at(path[0].span(), text))
        }
        _ => Ok(()),
    }
}

fn visibility(tokens: &mut Tokens) -> TokenStream {
    let Some(public) = tokens.next_if(|token| token.to_string() == "pub") else {
        return TokenStream::new();
    };
    let scope = tokens.next_if(|token| is_group(token, Delimiter::Parenthesis));
    [public].into_iter().chain(scope).collect()
}

/// Reads up to `fn`. Only `async` is allowed.
fn qualifiers(attribute: &str, tokens: &mut Tokens) -> Result<(), Error> {
    let words = iter::from_fn(|| tokens.next_if(|token| token.to_string() != "fn"));
    let words: Vec<(Span, String)> = words.map(|word| (word.span(), word.to_string())).collect();
    let of_a_function = |word: &str| {
        ["async", "const", "unsafe", "safe", "extern"].contains(&word) || word.ends_with('"')
    };
    match (tokens.next(), words.iter().find(|(_, word)| word != "async")) {
        (Some(keyword), None) if words.is_empty() => Err(Error::at(
            keyword.span(),
            format!("{attribute} is for an `async fn`: write `async` before `fn`"),
        )),
        (Some(_), None) => Ok(()),
        (Some(_), Some((span, word))) if words.iter().all(|(_, word)| of_a_function(word)) => {
            let text = format!("{attribute} is for a plain `async fn`: remove `{word}`");
            Err(Error::at(*span, text))
        }
        _ => Err(no_function(attribute, words.first().map(|(span, _)| *span))),
    }
}

fn no_function(attribute: &str, span: Option<Span>) -> Error {
    let text = format!("{attribute} is for an `async fn`, and this is not a function");
    Error::at(span.unwrap_or_else(Span::call_site), text)
}

fn name(attribute: &str, tokens: &mut Tokens) -> Result<Ident, Error> {
    match tokens.next() {
        Some(TokenTree::Ident(name)) => Ok(name),
        other => Err(no_function(attribute, other.map(|token| token.span()))),
    }
}

/// `mark` is the token that shows that there are generics, if there are.
fn no_generics(attribute: &str, name: &Ident, mark: Option<&TokenTree>) -> Result<(), Error> {
    let Some(mark) = mark else { return Ok(()) };
    let text = format!("{attribute} can run no generic function: remove this from `{name}`");
    Err(Error::at(mark.span(), text))
}

fn arguments(attribute: &str, tokens: &mut Tokens) -> Result<(), Error> {
    let first = match tokens.next() {
        Some(TokenTree::Group(parentheses)) => parentheses.stream().into_iter().next(),
        other => other,
    };
    let Some(first) = first else { return Ok(()) };
    let text = format!("{attribute} calls the function without arguments: remove them");
    Err(Error::at(first.span(), text))
}

fn result_and_body(
    attribute: &str,
    name: &Ident,
    tokens: Tokens,
) -> Result<(TokenStream, Group), Error> {
    let mut result: Vec<TokenTree> = tokens.collect();
    no_generics(attribute, name, result.iter().find(|token| token.to_string() == "where"))?;
    match result.pop() {
        Some(TokenTree::Group(body)) => Ok((result.into_iter().collect(), body)),
        other => Err(Error::at(
            other.map_or_else(|| name.span(), |token| token.span()),
            format!("{attribute} needs a body to run: write one for `{name}`"),
        )),
    }
}

pub(crate) fn is_punct(token: &TokenTree, char: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == char)
}

fn is_group(token: &TokenTree, delimiter: Delimiter) -> bool {
    matches!(token, TokenTree::Group(group) if group.delimiter() == delimiter)
}
