//! [`Options`]: what the parentheses after an attribute contain.

#![forbid(unsafe_code)]

use proc_macro::{TokenStream, TokenTree};

use crate::error::Error;
use crate::function::{is_punct, without_invisible_groups};

/// The options of one attribute.
pub(crate) struct Options {
    /// The path of taketurns, as seen from the function.
    pub(crate) taketurns: String,
    /// The runtime goes by `Clock::AutoAdvance`.
    pub(crate) auto_advance: bool,
}

impl Options {
    /// The options of `#[taketurns::main]`.
    pub(crate) fn of_main(tokens: TokenStream) -> Result<Self, Error> {
        Self::parse(tokens, |option, _| {
            Err(Error::at(
                option.span(),
                "`#[taketurns::main]` takes no option but `crate = \"path\"`: to set something, \
                 call `taketurns::Builder` in a plain `fn main`",
            ))
        })
    }

    /// The options of `#[taketurns::test]`.
    pub(crate) fn of_test(tokens: TokenStream) -> Result<Self, Error> {
        Self::parse(tokens, |option, options| {
            if option.to_string() == "auto_advance" {
                options.auto_advance = true;
                return Ok(());
            }
            let text = format!(
                "unknown option `{option}`: `#[taketurns::test]` takes `auto_advance`, for the clock \
                 `Clock::AutoAdvance`, and `crate = \"path\"`"
            );
            Err(Error::at(option.span(), text))
        })
    }

    /// Options are separated by commas. `other` is given those that are not `crate`.
    fn parse(
        tokens: TokenStream,
        other: impl Fn(&TokenTree, &mut Self) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let tokens = without_invisible_groups(tokens);
        let mut options = Self { taketurns: "::taketurns".to_owned(), auto_advance: false };
        let mut names = Vec::new();
        for option in tokens.split(|token| is_punct(token, ',')) {
            if let [name, ..] = option {
                let text = name.to_string();
                if names.contains(&text) {
                    let text = format!("`{text}` is given twice: remove one of them");
                    return Err(Error::at(name.span(), text));
                }
                names.push(text);
            }
            match option {
                [] => {}
                [name, value @ ..] if name.to_string() == "crate" => {
                    options.taketurns = path(name, value)?;
                }
                [name, rest @ ..] => {
                    other(name, &mut options)?;
                    if let Some(token) = rest.first() {
                        let text = format!("`{name}` takes no value: write `{name}` alone");
                        return Err(Error::at(token.span(), text));
                    }
                }
            }
        }
        Ok(options)
    }
}

/// Reads what follows `crate`: `= "path"`.
fn path(name: &TokenTree, value: &[TokenTree]) -> Result<String, Error> {
    let text = match value {
        [equals, TokenTree::Literal(literal)] if is_punct(equals, '=') => literal.to_string(),
        _ => String::new(),
    };
    let path = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default();
    let mut names = path.strip_prefix("::").unwrap_or(path).split("::");
    if names.all(is_name) {
        return Ok(path.to_owned());
    }
    let place = value.last().unwrap_or(name).span();
    Err(Error::at(
        place,
        "`crate` takes the path of taketurns as a string: write `crate = \"other_name\"`",
    ))
}

fn is_name(text: &str) -> bool {
    let text = text.strip_prefix("r#").unwrap_or(text);
    let is_part = |char: char| char == '_' || char.is_alphanumeric();
    text.chars().all(is_part) && text.chars().next().is_some_and(|char| !char.is_numeric())
}
