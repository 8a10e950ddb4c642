//! Random programs over the public face, chosen by coverage. The interpreter is that of `tests/random.rs`.

#![no_main]

#[path = "../../tests/random/interpreter.rs"]
mod interpreter;

use libfuzzer_sys::{Corpus, fuzz_target};

fuzz_target!(|bytes: &[u8]| -> Corpus {
    if bytes.len() > interpreter::program::BYTES {
        return Corpus::Reject; // the rest is not read
    }
    interpreter::run("the input that libFuzzer names below".to_owned(), bytes);
    Corpus::Keep
});
