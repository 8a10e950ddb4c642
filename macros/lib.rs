//! The attributes of taketurns' feature `macros`: an `async fn` as `main`, and as a test.
//!
//! Use them as `taketurns::main` and `taketurns::test`. Both put the function, as it was written, inside of a
//! plain one of the same name that runs it:
//!
//! ```text
//! #[taketurns::main]                  fn main() -> R {
//! async fn main() -> R {                  async fn main() -> R {
//!     body                     =>             body
//! }                                       }
//!                                         ::taketurns::block_on(main())
//!                                     }
//! ```
//!
//! So the compiler finds errors of the body where they were written, and `return`, `?` and `.await` mean
//! there what they mean in every `async fn`. Where Cargo.toml gives taketurns another name, or another crate
//! exports it, `crate = "path"` says where it is: `#[other_name::main(crate = "other_name")]`.
//!
//! # Layout
//!
//! 1. this file: the two attributes, and what they expand to.
//! 2. `options.rs`: what stands in their parentheses.
//! 3. `function.rs`: the function under the attribute, in the few pieces the expansion needs.
//! 4. `error.rs`: a misuse, as an error of the compiler at the place of the mistake.
//! 5. `tests/`: what the attributes keep and run, and the text and place of each error.
//!
//! `proc_macro` alone: there is too little to parse for a parser, and no crate to build before this one.

#![forbid(unsafe_code)]

mod error;
mod function;
mod options;

use proc_macro::{Delimiter, Group, Ident, TokenStream, TokenTree};

use error::Error;
use function::Function;
use options::Options;

/// Makes an `async fn main` the program's: its body runs by `taketurns::block_on`.
///
/// The function takes no arguments and no generics; it may return what every `main` may. Attributes,
/// documentation and visibility stay as they are.
///
/// ```
/// use std::process::ExitCode;
///
/// #[taketurns::main]
/// async fn main() -> ExitCode {
///     let task = taketurns::spawn(async { 6 * 7 });
///     match task.await {
///         Ok(42) => ExitCode::SUCCESS,
///         _ => ExitCode::FAILURE,
///     }
/// }
/// ```
///
/// To set something, or for a `Handle` that other threads send tasks by, write what it stands for:
///
/// ```
/// fn main() -> std::io::Result<()> {
///     let runtime = taketurns::Builder::new().event_interval(31).build()?;
///     let handle = runtime.handle();
///     let thread = std::thread::spawn(move || handle.spawn(async { 6 * 7 }));
///     runtime.block_on(async { assert_eq!(thread.join().unwrap().await.unwrap(), 42) });
///     Ok(())
/// }
/// ```
///
/// The only option is `crate = "path"`, for a crate that knows taketurns by another name:
///
/// ```
/// use taketurns as other_name;
///
/// #[other_name::main(crate = "other_name")]
/// async fn main() {}
/// ```
#[proc_macro_attribute]
pub fn main(options: TokenStream, item: TokenStream) -> TokenStream {
    expand("`#[taketurns::main]`", item, || {
        let Options { taketurns, .. } = Options::of_main(options)?;
        Ok(Runner { attribute: "", run: format!("{taketurns}::block_on") })
    })
}

/// Makes an `async fn` a test: `#[test]`, with the body run by `taketurns::block_on`.
///
/// The function takes no arguments and no generics; it may return what every test may. `#[should_panic]`,
/// `#[ignore]` and other attributes stay as they are. A test that sets something, or needs a `Handle`, is a plain
/// `#[test]` with a `taketurns::Builder`, as [`main`](macro@main) shows.
///
/// With `paused`, the test's runtime goes by a virtual clock (`Clock::AutoAdvance`, of the feature `time`):
/// it stands still while a task is ready, then goes to the next deadline at once. An hour takes no time, and
/// where nothing is left to wait for, the test fails and names the tasks that are deadlocked. (After
/// `time::pause` only `advance` moves a clock.) `crate = "path"` says where taketurns is, in a crate that knows
/// it by another name: `#[other_name::test(paused, crate = "other_name")]`.
///
/// ```
#[doc = include_str!("tests/attributes/example.rs")]
/// ```
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand("`#[taketurns::test]`", item, || {
        let Options { taketurns, paused } = Options::of_test(options)?;
        let run = if paused {
            format!(
                "{taketurns}::Builder::new()\
                     .clock({taketurns}::time::Clock::AutoAdvance)\
                     .build()\
                     .expect(\"the test cannot make a runtime\")\
                     .block_on"
            )
        } else {
            format!("{taketurns}::block_on")
        };
        Ok(Runner { attribute: TEST, run })
    })
}

// By its full path, as `test` may be this crate's where the function is.
const TEST: &str = "#[::core::prelude::v1::test]";

/// What an attribute puts around the function.
struct Runner {
    attribute: &'static str,
    run: String,
}

fn expand(
    attribute: &str,
    item: TokenStream,
    runner: impl FnOnce() -> Result<Runner, Error>,
) -> TokenStream {
    let expansion = Function::parse(attribute, item.clone())
        .and_then(|function| Ok(wrap(function, &runner()?)));
    expansion.unwrap_or_else(|error| stand_in(item, error))
}

/// ```text
/// #[test] #[attributes] pub fn name() -> R {
///     async fn name() -> R { body }
///     run(name())
/// }
/// ```
fn wrap(function: Function, runner: &Runner) -> TokenStream {
    let Function { outside, name, result, body } = function;
    let mut inside = define("async fn", &name, result.clone(), body);
    inside.extend(source(&runner.run));
    let call = [TokenTree::Ident(name.clone()), group(Delimiter::Parenthesis, [])];
    inside.extend([group(Delimiter::Parenthesis, call)]);

    let mut tokens = source(runner.attribute);
    tokens.extend(outside);
    tokens.extend(define("fn", &name, result, Group::new(Delimiter::Brace, inside)));
    tokens
}

/// `fn name() { error }`, so that nobody misses `main` besides. For what is no function, the error alone.
fn stand_in(item: TokenStream, error: Error) -> TokenStream {
    let error = error.into_tokens();
    match item.into_iter().skip_while(|token| token.to_string() != "fn").nth(1) {
        Some(TokenTree::Ident(name)) => {
            define("fn", &name, TokenStream::new(), Group::new(Delimiter::Brace, error))
        }
        _ => error,
    }
}

fn define(qualifiers: &str, name: &Ident, result: TokenStream, body: Group) -> TokenStream {
    let mut tokens = source(qualifiers);
    tokens.extend([TokenTree::Ident(name.clone()), group(Delimiter::Parenthesis, [])]);
    tokens.extend(result);
    tokens.extend([TokenTree::Group(body)]);
    tokens
}

fn source(text: &str) -> TokenStream {
    text.parse().expect("this crate's own text is Rust")
}

fn group(delimiter: Delimiter, tokens: impl IntoIterator<Item = TokenTree>) -> TokenTree {
    TokenTree::Group(Group::new(delimiter, tokens.into_iter().collect()))
}
