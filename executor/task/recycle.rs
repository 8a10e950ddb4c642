//! Recycling: the memory of ended tasks is kept for the next ones.
//!
//! Most of the cost of spawning a short task would be malloc and free. So the memory of a task that is freed at home, by its
//! last keeper, goes to a free list of its size class, and the next task of that class takes it from there: two plain moves.
//!
//! While the loop is busy the list holds at most what was alive at once. When the loop has nothing else to do, it returns
//! all but [`IDLE_BYTES`] to the allocator, a slice at a time. Cells that are made or freed on other threads use the allocator
//! directly. So does everything under loom and Miri, which could not see a use after free otherwise, and under
//! `--cfg taketurns_no_recycle`, for sanitizers.

use std::alloc::{self, Layout};
use std::array;
use std::ptr::NonNull;

use crate::executor::primitives::HomeCell;

/// Class *n* is 16 *n* - 8 bytes. With the 8 bytes that malloc keeps beside each block, that is *n* whole steps of malloc's.
const STEP: usize = 16;
const MALLOC_KEEPS: usize = 8;
const CLASSES: usize = 64;
/// The alignment that malloc gives anyway.
const ALIGN: usize = 2 * size_of::<usize>();
/// What an idle executor keeps, in bytes.
pub(super) const IDLE_BYTES: usize = 4 << 20;
/// How many cells an idle executor returns between two looks: that takes some 50 us.
pub(super) const SLICE: usize = 1_000;

const ON: bool = !cfg!(any(miri, loom, taketurns_no_recycle));

/// How a cell's memory is got and returned. A constant of each type of future, in its vtable.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    pub(super) layout: Layout,
    /// `CLASSES` or more, which no list has, when the memory is not recycled, or too large for a class.
    class: usize,
}

impl Memory {
    /// For a cell of layout `exact`. One that is to be recycled is rounded up to its class.
    pub(super) const fn for_cell(exact: Layout, recycled: bool) -> Self {
        let class = (exact.size() + MALLOC_KEEPS).div_ceil(STEP);
        if ON && recycled && exact.align() <= ALIGN {
            return Self { layout: Self::of_class(class), class };
        }
        Self { layout: exact, class: CLASSES }
    }

    const fn of_class(class: usize) -> Layout {
        match Layout::from_size_align(class * STEP - MALLOC_KEEPS, ALIGN) {
            Ok(layout) => layout,
            Err(_) => panic!("class sizes are small"),
        }
    }

    pub(super) fn allocate(self) -> NonNull<u8> {
        // SAFETY: a cell has a header, so its size is not zero.
        let memory = NonNull::new(unsafe { alloc::alloc(self.layout) });
        memory.unwrap_or_else(|| alloc::handle_alloc_error(self.layout))
    }

    /// # Safety
    ///
    /// (OWNED) `memory` came from [`allocate`](Self::allocate) of an equal `Memory`, and is not used any more.
    pub(super) unsafe fn release(self, memory: NonNull<u8>) {
        #[cfg(all(loom, test))]
        return super::watch::keep(memory, self.layout);
        #[cfg(not(all(loom, test)))]
        // SAFETY: as the caller promised.
        unsafe {
            alloc::dealloc(memory.as_ptr(), self.layout);
        }
    }
}

/// The memory that an executor keeps. Home only.
pub(super) struct FreeList {
    heads: [HomeCell<Option<NonNull<Node>>>; CLASSES],
    bytes: HomeCell<usize>,
}

struct Node {
    next: Option<NonNull<Node>>,
}

/// Has the processor fetch the memory that the next spawn will take. It was left a while ago, and a spawn writes all of it
/// at once: with 10,000 tasks a seventh of the cost of a spawn was waiting for that memory.
#[inline]
fn fetch_ahead(cell: NonNull<Node>) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: a prefetch is a hint; it reads nothing and cannot fault.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(cell.as_ptr().cast());
        _mm_prefetch::<_MM_HINT_T0>(cell.as_ptr().wrapping_byte_add(64).cast());
    }
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    let _ = cell;
}

impl FreeList {
    pub(super) fn new() -> Self {
        Self { heads: array::from_fn(|_| HomeCell::new(None)), bytes: HomeCell::new(0) }
    }

    #[inline]
    pub(super) fn take(&self, memory: Memory) -> Option<NonNull<u8>> {
        let head = self.heads.get(memory.class)?;
        let node = head.get()?;
        // SAFETY: (OWNED) a node on the list is memory that `put` was given, and wrote.
        let next = unsafe { node.as_ref().next };
        if let Some(next) = next {
            fetch_ahead(next);
        }
        head.set(next);
        self.bytes.set(self.bytes.get() - memory.layout.size());
        Some(node.cast())
    }

    /// # Safety
    ///
    /// As [`Memory::release`].
    #[inline]
    pub(super) unsafe fn put(&self, cell: NonNull<u8>, memory: Memory) {
        let Some(head) = self.heads.get(memory.class) else {
            // SAFETY: as the caller promised.
            return unsafe { memory.release(cell) };
        };
        let node = cell.cast::<Node>();
        // SAFETY: (OWNED) the caller gave the memory up; it is larger than a node and aligned for one.
        unsafe { node.write(Node { next: head.get() }) };
        head.set(Some(node));
        self.bytes.set(self.bytes.get() + memory.layout.size());
    }

    /// Returns everything to the allocator.
    pub(super) fn clear(&self) {
        self.shrink(0, usize::MAX);
    }

    /// Returns a slice of what is more than [`IDLE_BYTES`], for a loop with nothing else to do. True if there is more.
    pub(super) fn trim(&self) -> bool {
        self.bytes.get() > IDLE_BYTES && self.shrink(IDLE_BYTES, SLICE)
    }

    /// Returns cells to the allocator until `keep` bytes are left, at most so many cells. True if more than `keep` is left.
    fn shrink(&self, keep: usize, mut cells: usize) -> bool {
        // No cell is of class 0.
        for (class, head) in self.heads.iter().enumerate().skip(1) {
            let memory = Memory { layout: Memory::of_class(class), class };
            while let Some(node) = head.get().filter(|_| self.bytes.get() > keep && cells > 0) {
                // SAFETY: (OWNED) it is on the list, and leaves it here; `put` got it with this class.
                unsafe {
                    head.set(node.as_ref().next);
                    memory.release(node.cast());
                }
                self.bytes.set(self.bytes.get() - memory.layout.size());
                cells -= 1;
            }
        }
        self.bytes.get() > keep
    }
}
