//! The attributes of taketurns' feature `macros`: an `async fn` as `main`, and as a test.
//!
//! Use them as `taketurns::main` and `taketurns::test`. Rust calls neither an `async fn main` nor an `async fn` test. So both
//! attributes put the function, as it was written, inside of a plain function of the same name that runs it:
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
//! The body could instead become an `async` block, but then a `return` would leave the block and errors would be about code
//! that the user did not write. This way `return`, `?` and `.await` mean what they mean in every `async fn`, and the
//! compiler reports errors of the body where they were written.
//!
//! If Cargo.toml gives taketurns another name, or another crate re-exports it, `crate = "path"` says where it is:
//! `#[other_name::main(crate = "other_name")]`.
//!
//! # Layout
//!
//! 1. this file: the two attributes, and what they expand to.
//! 2. `options.rs`: what the parentheses after an attribute contain.
//! 3. `function.rs`: the function under the attribute, in the few pieces the expansion needs.
//! 4. `error.rs`: a misuse, which becomes a compile error at the place of the mistake.
//! 5. `tests/`: what the attributes keep and run, and the text and place of each error.
//!
//! It uses `proc_macro` alone, without syn and quote: there is little to parse, and no other crate must be built first.

#![forbid(unsafe_code)]

mod error;
mod function;
mod options;

use proc_macro::{Delimiter, Group, Ident, TokenStream, TokenTree};

use error::Error;
use function::Function;
use options::Options;

/// Makes an `async fn main` the `main` of the program: `taketurns::block_on` runs its body.
///
/// The function takes no arguments and is not generic. It may return whatever a plain `main` may. Attributes, documentation
/// and visibility are kept.
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
/// To change a setting of the runtime, write a plain `main`. (A `Handle`, by which other threads spawn tasks, is given by
/// `taketurns::Handle::current()` inside, too.)
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
/// The only option is `crate = "path"`, for a crate that has taketurns under another name:
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

/// Makes an `async fn` a test: a `#[test]` whose body is run by `taketurns::block_on`.
///
/// The function takes no arguments and is not generic. It may return whatever a plain test may. `#[should_panic]`,
/// `#[ignore]` and other attributes are kept. For a test that changes a setting of the runtime, or needs a `Handle`, write a
/// plain `#[test]` with a `taketurns::Builder`, as [`main`](macro@main) shows.
///
/// Options:
///
/// * `auto_advance`: the runtime goes by the virtual clock `Clock::AutoAdvance` (feature `time`). The clock stands still
///   while a task is ready, and otherwise jumps to the next deadline, so an hour's sleep takes no time. If nothing is left
///   that could wake a task, the test fails and names the deadlocked tasks.
/// * `crate = "path"`, for a crate that has taketurns under another name:
///   `#[other_name::test(auto_advance, crate = "other_name")]`.
///
/// ```
#[doc = include_str!("tests/attributes/example.rs")]
/// ```
#[proc_macro_attribute]
pub fn test(options: TokenStream, item: TokenStream) -> TokenStream {
    expand("`#[taketurns::test]`", item, || {
        let Options { taketurns, auto_advance } = Options::of_test(options)?;
        let run = if auto_advance {
            format!(
                "{taketurns}::Builder::new()\
                     .clock({taketurns}::time::Clock::AutoAdvance)\
                     .build()\
                     .expect(\"the test cannot build its runtime\")\
                     .block_on"
            )
        } else {
            format!("{taketurns}::block_on")
        };
        Ok(Runner { attribute: TEST, run })
    })
}

// By its full path, as `test` may be this crate's attribute where the function is.
const TEST: &str = "#[::core::prelude::v1::test]";

/// What an attribute adds to the function.
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

/// `fn name() { error }`, so that the compiler does not also report that `main` is missing. If it is not a function, the
/// error alone.
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
    text.parse().expect("the text of this crate is Rust")
}

fn group(delimiter: Delimiter, tokens: impl IntoIterator<Item = TokenTree>) -> TokenTree {
    TokenTree::Group(Group::new(delimiter, tokens.into_iter().collect()))
}
