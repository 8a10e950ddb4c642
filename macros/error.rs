//! [`Error`]: a misuse of an attribute, which becomes a compile error at the place of the mistake.

#![forbid(unsafe_code)]

use proc_macro::{Delimiter, Group, Literal, Span, TokenStream, TokenTree};

/// A compile error. Its text names the remedy.
pub(crate) struct Error {
    span: Span,
    text: String,
}

impl Error {
    pub(crate) fn at(span: Span, text: impl Into<String>) -> Self {
        Self { span, text: text.into() }
    }

    /// `::core::compile_error! { "text" }`, with the span on each token, so that the compiler points there.
    pub(crate) fn into_tokens(self) -> TokenStream {
        let text = TokenTree::Literal(Literal::string(&self.text));
        let braces = Group::new(Delimiter::Brace, self.here(text.into()));
        let mut tokens: TokenStream =
            "::core::compile_error!".parse().expect("this is a path and a `!`");
        tokens.extend([TokenTree::Group(braces)]);
        self.here(tokens)
    }

    fn here(&self, tokens: TokenStream) -> TokenStream {
        let moved = |mut token: TokenTree| {
            token.set_span(self.span);
            token
        };
        tokens.into_iter().map(moved).collect()
    }
}
