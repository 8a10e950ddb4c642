//! Whether a process can be asked at all, by whose it is.

/// Why a process that has these users, this one's and its own, cannot be asked. (Where there is no `/proc`, neither is known.)
pub(crate) fn why_not(ours: Option<u32>, theirs: Option<u32>) -> Option<&'static str> {
    match (ours, theirs) {
        (Some(_), None) => Some("there is no such process"),
        (Some(ours), Some(theirs)) if ours != theirs => Some("it runs as another user"),
        _ => None,
    }
}
