//! What the compiler says of a type, as a value that a lesson can check.
//!
//! A program that the compiler refuses cannot be played. But what it is refused for can be asked.

#![forbid(unsafe_code)]

/// Whether values of this type may be sent to another thread.
macro_rules! is_send {
    ($type:ty) => {{
        struct Asked<T: ?Sized>(std::marker::PhantomData<T>);
        #[allow(dead_code, reason = "unused where the bound below holds")]
        trait Otherwise {
            const IS_SEND: bool = false;
        }
        impl<T: ?Sized> Otherwise for T {}
        // A constant of the type itself comes before that of a trait, where its bound holds.
        #[allow(dead_code, reason = "unused where the bound does not hold")]
        impl<T: ?Sized + Send> Asked<T> {
            const IS_SEND: bool = true;
        }
        <Asked<$type>>::IS_SEND
    }};
}
pub(crate) use is_send;
