//! Each misuse of the attributes.

mod signatures {
    #[taketurns::test]
    fn not_async() {}
//  ^ `#[taketurns::test]` is for an `async fn`: write `async` before `fn`

    #[taketurns::main]
    pub(crate) fn not_async_either() {}
//             ^ `#[taketurns::main]` is for an `async fn`: write `async` before `fn`

    #[taketurns::test]
    async unsafe fn is_unsafe() {}
//        ^ `#[taketurns::test]` is for a plain `async fn`: remove `unsafe`

    #[taketurns::main]
    const async fn is_const() {}
//  ^ `#[taketurns::main]` is for a plain `async fn`: remove `const`

    #[taketurns::test]
    const unsafe extern "C" fn is_neither() {}
//  ^ `#[taketurns::test]` is for a plain `async fn`: remove `const`

    #[taketurns::test]
    async extern "C" fn is_extern() {}
//        ^ `#[taketurns::test]` is for a plain `async fn`: remove `extern`

    #[taketurns::test]
    async fn argument(first: u32, second: u32) {}
//                    ^ `#[taketurns::test]` calls the function without arguments: remove them

    struct Type;
    impl Type {
        #[taketurns::main]
        async fn method(&self) {}
//                      ^ `#[taketurns::main]` calls the function without arguments: remove them
    }

    #[taketurns::test]
    async fn generic<T>() {}
//                  ^ `#[taketurns::test]` can run no generic function: remove this from `generic`

    #[taketurns::main]
    async fn lifetime<'a>() -> &'a str { "" }
//                   ^ `#[taketurns::main]` can run no generic function: remove this from `lifetime`

    #[taketurns::test]
    async fn clause() -> u32 where u32: Copy { 1 }
//                           ^ `#[taketurns::test]` can run no generic function: remove this from `clause`

    #[taketurns::test]
    struct Unit;
//  ^ `#[taketurns::test]` is for an `async fn`, and this is not a function

    #[taketurns::main]
    pub mod module {}
//      ^ `#[taketurns::main]` is for an `async fn`, and this is not a function

    #[taketurns::test]
    const CONSTANT: u32 = 1;
//  ^ `#[taketurns::test]` is for an `async fn`, and this is not a function

    #[taketurns::main]
    #[allow(unused)]
    static POINTER: fn(u32) = no_pointer;
//  ^ `#[taketurns::main]` is for an `async fn`, and this is not a function

    #[taketurns::test]
    extern "C" {}
//  ^ `#[taketurns::test]` is for an `async fn`, and this is not a function

    #[taketurns::test]
    async fn no_body();
//                    ^ `#[taketurns::test]` needs a body to run: write one for `no_body`

    #[taketurns::test(start_paused = true)]
//                    ^ unknown option `start_paused`: `#[taketurns::test]` takes `auto_advance`, for the clock `Clock::AutoAdvance`, and `crate = "path"`
    async fn unknown_option() {}

    #[taketurns::test(auto_advance = true)]
//                                 ^ `auto_advance` takes no value: write `auto_advance` alone
    async fn option_with_value() {}

    #[taketurns::test(auto_advance, crate)]
//                                  ^ `crate` takes the path of taketurns as a string: write `crate = "other_name"`
    async fn crate_without_value() {}

    #[taketurns::main(crate = taketurns)]
//                            ^ `crate` takes the path of taketurns as a string: write `crate = "other_name"`
    async fn crate_without_quotes() {}

    #[taketurns::main(crate = "not a path")]
//                            ^ `crate` takes the path of taketurns as a string: write `crate = "other_name"`
    async fn crate_without_path() {}

    #[taketurns::test(auto_advance, auto_advance)]
//                                  ^ `auto_advance` is given twice: remove one of them
    async fn auto_advance_twice() {}

    #[taketurns::main(crate = "taketurns", crate = "taketurns")]
//                                         ^ `crate` is given twice: remove one of them
    async fn crate_twice() {}

    #[taketurns::test]
    #[test]
//    ^ `#[test]` beside `#[taketurns::test]`: remove one of them
    async fn tested_twice() {}

    #[taketurns::test]
    #[cfg(all())]
    #[taketurns::main]
//    ^ `#[taketurns::main]` beside `#[taketurns::test]`: remove one of them
    async fn test_and_main() {}
}
