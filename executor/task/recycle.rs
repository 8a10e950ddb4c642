//! Recycling: a free list of cells by size class.
//!
//! Spawning and finishing a task is mostly malloc and free. A cell that is freed at home goes to a
//! list of its size class instead, and the next task of that size takes it from there: two plain
//! moves. While the loop is busy the list holds at most what was alive at once; when there is nothing else
//! to do, it gives back all but [`KEPT`], a slice at a time. Cells made away or freed away use the allocator, and so does
//! everything under loom and Miri, which could not see a use after free otherwise;
//! `--cfg taketurns_no_recycle` turns it off for sanitizers.

use std::alloc::{self, Layout};
use std::array;
use std::ptr::NonNull;

use crate::executor::primitives::HomeCell;

/// Cells grow in these steps. Sizes are 8 below a multiple: malloc keeps 8 bytes of its own.
const STEP: usize = 16;
const OWN: usize = 8;
const CLASSES: usize = 64;
/// What malloc gives anyway.
const ALIGN: usize = 2 * size_of::<usize>();
/// What an idle executor keeps, in bytes.
pub(super) const KEPT: usize = 4 << 20;
/// Cells given back between two looks: some 50 us.
pub(super) const SLICE: usize = 1_000;

const ON: bool = !cfg!(any(miri, loom, taketurns_no_recycle));

/// How a cell's memory is got and given back.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    layout: Layout,
    /// `CLASSES` when it is not recycled.
    class: usize,
}

impl Memory {
    /// For a cell of this layout: its own, or, if it is to be recycled, rounded up to its class's.
    pub(super) const fn for_cell(exact: Layout, recycled: bool) -> Self {
        let class = (exact.size() + OWN).div_ceil(STEP);
        if ON && recycled && exact.align() <= ALIGN {
            return Self { layout: Self::of_class(class), class };
        }
        Self { layout: exact, class: CLASSES }
    }

    const fn of_class(class: usize) -> Layout {
        match Layout::from_size_align(class * STEP - OWN, ALIGN) {
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
    /// `memory` came from [`allocate`](Self::allocate) of an equal one, and nobody uses it any more.
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

/// The cells an executor keeps. Home only.
pub(super) struct FreeList {
    heads: [HomeCell<Option<NonNull<Node>>>; CLASSES],
    bytes: HomeCell<usize>,
}

struct Node {
    next: Option<NonNull<Node>>,
}

/// Has the processor fetch the cell that the next spawn will take: it was left a while ago, and a spawn
/// writes all of it at once. With 10,000 tasks a seventh of the cost of a spawn was waiting for that.
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
        // SAFETY: (OWNED) a node on the list is memory given to `put`, and written there.
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
        // SAFETY: (OWNED) the caller gave the memory, which is larger than a node and aligned for it.
        unsafe { node.write(Node { next: head.get() }) };
        head.set(Some(node));
        self.bytes.set(self.bytes.get() + memory.layout.size());
    }

    /// Gives everything back to the allocator.
    pub(super) fn clear(&self) {
        self.give_back(0, usize::MAX);
    }

    /// There is nothing else to do: gives back a slice of what is too much. `true`: there is more.
    pub(super) fn trim(&self) -> bool {
        self.bytes.get() > KEPT && self.give_back(KEPT, SLICE)
    }

    fn give_back(&self, keep: usize, mut cells: usize) -> bool {
        // No cell is of class 0.
        for (class, head) in self.heads.iter().enumerate().skip(1) {
            let memory = Memory { layout: Memory::of_class(class), class };
            while let Some(node) = head.get().filter(|_| self.bytes.get() > keep && cells > 0) {
                // SAFETY: (OWNED) on the list, and given up here; `put` got it with this class.
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
