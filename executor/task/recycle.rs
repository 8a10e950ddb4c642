//! Recycling: a bounded free list of cells by size class.
//!
//! Spawning and finishing a task is mostly malloc and free. A cell that is freed at home goes to a
//! list of its size class instead, and the next task of that size takes it from there: two plain
//! moves. Cells freed away use the allocator, and so does everything under loom and Miri, which could
//! not see a use after free otherwise; `--cfg taketurns_no_recycle` turns it off for sanitizers.

use std::alloc::{self, Layout};
use std::cell::Cell;
use std::ptr::NonNull;

/// Cells grow in these steps. Sizes are 8 below a multiple: malloc keeps 8 bytes of its own.
const STEP: usize = 16;
const OWN: usize = 8;
const CLASSES: usize = 64;
/// What malloc gives anyway.
const ALIGN: usize = 2 * size_of::<usize>();
/// All that one executor keeps, in bytes.
const MOST: usize = 4 << 20;

const ON: bool = !cfg!(any(miri, loom, taketurns_no_recycle));

/// The layout a cell is allocated with: its own, or its class's.
pub(super) const fn layout(exact: Layout) -> Layout {
    if exact.align() > ALIGN || class_of(exact.size()) >= CLASSES {
        return exact;
    }
    let size = class_of(exact.size()) * STEP - OWN;
    match Layout::from_size_align(size, ALIGN) {
        Ok(layout) => layout,
        Err(_) => exact,
    }
}

const fn class_of(size: usize) -> usize {
    (size + OWN).div_ceil(STEP)
}

pub(super) fn allocate(layout: Layout) -> NonNull<u8> {
    // SAFETY: a cell has a header, so its size is not zero.
    NonNull::new(unsafe { alloc::alloc(layout) })
        .unwrap_or_else(|| alloc::handle_alloc_error(layout))
}

/// # Safety
///
/// `memory` was allocated with `layout`, which [`layout`] made, and nobody uses it any more.
pub(super) unsafe fn release(memory: NonNull<u8>, layout: Layout) {
    #[cfg(all(loom, test))]
    return super::watch::keep(memory, layout);
    #[cfg(not(all(loom, test)))]
    // SAFETY: as the caller promised.
    unsafe {
        alloc::dealloc(memory.as_ptr(), layout);
    };
}

/// The cells an executor keeps. Home only.
pub(super) struct FreeList {
    heads: [Cell<Option<NonNull<Node>>>; CLASSES],
    bytes: Cell<usize>,
}

struct Node {
    next: Option<NonNull<Node>>,
}

impl FreeList {
    pub(super) fn new() -> Self {
        Self { heads: [const { Cell::new(None) }; CLASSES], bytes: Cell::new(0) }
    }

    #[inline]
    pub(super) fn take(&self, layout: Layout) -> Option<NonNull<u8>> {
        if !ON || layout.align() > ALIGN {
            return None;
        }
        let head = self.heads.get(class_of(layout.size()))?;
        let node = head.get()?;
        // SAFETY: (OWNED) a node on the list is memory given to `put`, and written there.
        head.set(unsafe { node.as_ref().next });
        self.bytes.set(self.bytes.get() - layout.size());
        Some(node.cast())
    }

    /// # Safety
    ///
    /// As [`release`].
    #[inline]
    pub(super) unsafe fn put(&self, memory: NonNull<u8>, layout: Layout) {
        let bytes = self.bytes.get() + layout.size();
        let head = self.heads.get(class_of(layout.size()));
        let (true, Some(head)) = (ON && layout.align() <= ALIGN && bytes <= MOST, head) else {
            // SAFETY: as the caller promised.
            return unsafe { release(memory, layout) };
        };
        let node = memory.cast::<Node>();
        // SAFETY: (OWNED) the caller gave the memory, which is larger than a node and aligned for it.
        unsafe { node.write(Node { next: head.get() }) };
        head.set(Some(node));
        self.bytes.set(bytes);
    }

    /// Gives everything back to the allocator.
    pub(super) fn clear(&self) {
        for (class, head) in self.heads.iter().enumerate() {
            while let Some(node) = head.get() {
                // SAFETY: (OWNED) on the list, and given up here; `put` got it with this class's layout.
                unsafe {
                    head.set(node.as_ref().next);
                    let layout = Layout::from_size_align_unchecked(class * STEP - OWN, ALIGN);
                    release(node.cast(), layout);
                }
            }
        }
        self.bytes.set(0);
    }
}
