//! Functions that the attributes accept and the compiler rejects.

mod bodies {
    #[taketurns::test]
    async fn wrong_type() {
        let _: u32 = "text";
//                   ^ E0308
    }

    #[taketurns::main]
    async fn wrong_result() -> u32 {
        if true {
            return "text";
//                 ^ E0308
        }
        "text"
//      ^ E0308
    }

    #[taketurns::main]
    async fn no_result() -> u32 {}
//                              ^ E0308

    #[taketurns::test]
    async fn no_such_result() -> Option<fn()> {
//                               ^ E0277
        None
    }

    #[taketurns::test]
    async fn question_mark_without_result() {
        "6".parse::<u32>()?;
//                        ^ E0277
    }
}
