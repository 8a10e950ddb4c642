//! What a free list keeps, and what it gives back.

use std::alloc::Layout;

use super::recycle::{FreeList, IDLE_BYTES, Memory, SLICE};

fn cell(size: usize) -> Memory {
    Memory::for_cell(Layout::from_size_align(size, 8).unwrap(), true)
}

/// Puts `cells` of one size in.
fn fill(list: &FreeList, memory: Memory, cells: usize) {
    for _ in 0..cells {
        // SAFETY: (OWNED) just allocated, with the same memory.
        unsafe { list.put(memory.allocate(), memory) };
    }
}

/// Takes all of one size out, and gives it back to the allocator; how many there were.
fn empty(list: &FreeList, memory: Memory) -> usize {
    let taken = std::iter::from_fn(|| list.take(memory));
    // SAFETY: (OWNED) taken out, so nobody else's.
    taken.map(|cell| unsafe { memory.release(cell) }).count()
}

#[test]
fn a_cell_is_taken_again_by_the_next_of_its_class_and_no_other() {
    let list = FreeList::new();
    let memory = cell(104);
    let first = memory.allocate();
    // SAFETY: (OWNED) just allocated, with the same memory.
    unsafe { list.put(first, memory) };
    assert_eq!(list.take(cell(105)), None, "the next class");
    assert_eq!(list.take(cell(88)), None, "the class below");
    assert_eq!(list.take(cell(97)), Some(first), "of the same 16 bytes");
    assert_eq!(list.take(memory), None);
    // SAFETY: (OWNED) taken out, so nobody else's.
    unsafe { memory.release(first) };
}

#[test]
fn what_is_too_large_or_too_aligned_is_not_kept() {
    let list = FreeList::new();
    for memory in [cell(1024), Memory::for_cell(Layout::from_size_align(128, 64).unwrap(), true)] {
        fill(&list, memory, 1);
        assert_eq!(list.take(memory), None);
    }
    let largest = cell(1000);
    fill(&list, largest, 1);
    assert_eq!(empty(&list, largest), 1);
}

#[test]
fn a_busy_list_keeps_all_and_an_idle_one_gives_back_what_is_too_much_in_slices() {
    let list = FreeList::new();
    let memory = cell(1000);
    let kept = IDLE_BYTES / 1000;
    fill(&list, memory, kept + SLICE + 1);
    assert!(list.trim(), "a slice, and one is left");
    assert!(!list.trim());
    assert!(!list.trim());
    assert_eq!(empty(&list, memory), kept);
    // What was taken out does not count any more.
    fill(&list, memory, kept);
    assert!(!list.trim());
    assert_eq!(empty(&list, memory), kept);
}

#[test]
fn an_idle_list_keeps_so_much_to_the_byte() {
    let list = FreeList::new();
    let memory = cell(8);
    fill(&list, memory, IDLE_BYTES / 8 + 1);
    assert!(!list.trim());
    assert_eq!(empty(&list, memory), IDLE_BYTES / 8);
}

#[test]
fn at_the_end_everything_is_given_back() {
    let list = FreeList::new();
    let sizes = [cell(100), cell(500), cell(1000)];
    sizes.iter().for_each(|&memory| fill(&list, memory, 3));
    list.clear();
    assert!(sizes.iter().all(|&memory| list.take(memory).is_none()));
}
