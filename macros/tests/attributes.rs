//! What the attributes keep of a function and what they run. The example of the documentation is one of the tests.

#[path = "attributes/example.rs"]
mod example;

use std::env;
use std::num::ParseIntError;
use std::process::{Command, ExitCode, Termination};

use taketurns::{spawn, yield_now};

#[taketurns::main]
async fn sum() -> u32 {
    let one = spawn(async { 1 });
    yield_now().await;
    one.await.unwrap() + 2
}

#[test]
fn main_runs_the_body_and_gives_its_result() {
    assert_eq!(sum(), 3);
}

#[taketurns::main]
async fn early() -> Result<u32, ParseIntError> {
    let six: u32 = "6".parse()?;
    if six == 6 {
        return "12".parse();
    }
    "no number".parse()
}

#[taketurns::main]
async fn failed() -> Result<u32, ParseIntError> {
    let number: u32 = "no number".parse()?;
    Ok(number)
}

#[test]
fn return_and_the_question_mark_leave_the_body() {
    assert_eq!(early(), Ok(12));
    assert_eq!(failed(), "no number".parse());
}

#[taketurns::main]
async fn opaque() -> impl Termination {
    ExitCode::from(7)
}

#[derive(Debug, PartialEq)]
struct Sized<const N: usize>(&'static str);

#[taketurns::main]
async fn sized() -> Option<Sized<{ 1 + 1 }>> {
    Some(Sized("two"))
}

#[taketurns::main]
async fn lifetime() -> &'static str {
    "static"
}

#[test]
fn the_result_may_be_opaque_and_may_have_lifetimes_and_braces() {
    assert_eq!(format!("{:?}", opaque().report()), format!("{:?}", ExitCode::from(7)));
    assert_eq!(sized(), Some(Sized::<2>("two")));
    assert_eq!(lifetime(), "static");
}

/// Inside the body, the name means the function as it was written.
#[taketurns::main]
async fn r#match() -> u32 {
    thread_local!(static CALLS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) });
    let calls = CALLS.get() + 1;
    CALLS.set(calls);
    if calls < 3 { Box::pin(r#match()).await } else { calls }
}

#[test]
fn a_raw_name_is_kept_and_the_body_may_await_itself() {
    assert_eq!(r#match(), 3);
}

mod module {
    /// Documented.
    #[taketurns::main]
    #[deprecated]
    pub(super) async fn visible() -> u32 {
        #![expect(unused_variables, reason = "an attribute inside the body stays there")]
        let eight = 8;
        8
    }

    #[cfg(any())]
    #[taketurns::test]
    async fn absent() {
        compile_error!("never compiled");
    }

    #[taketurns::test]
    #[cfg(any())]
    async fn absent_too() {
        compile_error!("never compiled");
    }
}

#[test]
fn visibility_and_attributes_are_kept() {
    #[expect(deprecated, reason = "it is")]
    let eight = module::visible();
    assert_eq!(eight, 8);
}

macro_rules! functions {
    ($(#[$attribute:meta])* $visible:vis $name:ident $result:ty $body:block $whole:item) => {
        #[taketurns::main]
        $(#[$attribute])*
        $visible async fn $name() -> $result $body

        #[taketurns::main]
        $whole
    };
}

functions! {
    /// From pieces.
    pub(crate) pieces Option<u32> { Some(async { 1 }.await) }
    async fn whole() -> u32 { 2 }
}

#[test]
fn a_macro_may_write_the_function() {
    assert_eq!((pieces(), whole()), (Some(1), 2));
}

#[taketurns::test]
#[should_panic(expected = "from the body")]
async fn a_test_runs_its_body() {
    yield_now().await;
    panic!("from the body");
}

#[taketurns::test]
#[ignore = "run by the test below"]
async fn fails_by_its_result() -> Result<(), String> {
    Err("the result".to_owned())
}

#[test]
fn a_test_fails_by_its_result_and_can_be_ignored() {
    let mut child = Command::new(env::current_exe().unwrap());
    let output = child.args(["--exact", "fails_by_its_result", "--ignored"]).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success() && stdout.contains("Error: \"the result\""), "{stdout}");
}

mod renamed {
    //! The expansion calls the path that the option gives.

    mod other_name {
        use std::cell::Cell;

        pub(super) use taketurns::{main, test, time};

        thread_local!(pub(super) static BUILDERS: Cell<u32> = const { Cell::new(0) });

        pub(super) fn block_on(future: impl Future<Output = u32>) -> u32 {
            taketurns::block_on(future) + 100
        }

        pub(super) struct Builder;

        impl Builder {
            #[expect(clippy::new_ret_no_self, reason = "it stands in for that one")]
            pub(super) fn new() -> taketurns::Builder {
                BUILDERS.set(BUILDERS.get() + 1);
                taketurns::Builder::new()
            }
        }
    }

    #[other_name::main(crate = "other_name")]
    async fn main() -> u32 {
        1
    }

    #[test]
    fn main_runs_by_the_path_it_is_given() {
        assert_eq!(main(), 101);
    }

    #[other_name::test(auto_advance, crate = "crate::renamed::other_name")]
    async fn an_auto_advancing_test_runs_by_the_path_it_is_given() {
        assert_eq!(other_name::BUILDERS.get(), 1);
        other_name::time::sleep(std::time::Duration::from_secs(3600)).await;
    }
}

mod imported {
    //! Here `test` is this crate's attribute. The expansion still finds the attribute of the language.

    use taketurns::test;

    #[test]
    async fn the_attribute_test_may_be_imported() {
        assert_eq!(taketurns::spawn(async { 1 }).await.unwrap(), 1);
    }
}
