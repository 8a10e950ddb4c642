//! How many columns of a terminal a text takes, so that what follows it stands where it should.

#![forbid(unsafe_code)]

/// The blocks of Unicode whose characters take two columns: those of East Asian scripts, wide forms, and pictures.
const WIDE: [(u32, u32); 12] = [
    (0x1100, 0x115f),
    (0x2e80, 0x303e),
    (0x3041, 0xa4cf),
    (0xa960, 0xa97f),
    (0xac00, 0xd7a3),
    (0xf900, 0xfaff),
    (0xfe30, 0xfe6f),
    (0xff00, 0xff60),
    (0xffe0, 0xffe6),
    (0x1f300, 0x1f64f),
    (0x1f680, 0x1faff),
    (0x20000, 0x3fffd),
];

/// Of a printable text without characters of no width: as `{:?}` leaves it.
pub(super) fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(char: char) -> usize {
    let is_in = |&(first, last): &_| (first..=last).contains(&u32::from(char));
    1 + usize::from(WIDE.iter().any(is_in))
}

/// The text, or its beginning and `…`, in at most so many columns.
pub(super) fn cut(text: &str, most: usize) -> String {
    if columns(text) <= most {
        return text.to_owned();
    }
    let mut taken = 1; // for `…`
    let fits = |char: &char| {
        taken += width(*char);
        taken <= most
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

/// The text, and blanks up to so many columns.
pub(super) fn padded(text: &str, to: usize) -> String {
    format!("{text}{:pad$}", "", pad = to.saturating_sub(columns(text)))
}
