//! One error for each, and no second error that `main` is missing or is `async`.

mod not_async {
    #[taketurns::main]
    fn main() {}
//  ^ `#[taketurns::main]` is for an `async fn`: write `async` before `fn`
}

#[taketurns::main(threads = 2)]
//                ^ `#[taketurns::main]` takes no option but `crate = "path"`: to set something, call `taketurns::Builder` in a plain `fn main`
async fn main() {}
