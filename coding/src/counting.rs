//! An allocator that counts, to measure what coding asks of the heap. Only with the features `limits` and `std`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread_local;

/// The system's allocator; counts only while [`allocations`] or [`held_bytes`] runs, otherwise it costs one look at a shared number.
///
/// For `#[global_allocator]`.
#[derive(Debug)]
pub struct CountingAllocator;

/// How often `work` asks the heap for memory on this thread, reallocations included, and what it returns. Always 0
/// unless [`CountingAllocator`] is the global allocator.
pub fn allocations<R>(work: impl FnOnce() -> R) -> (usize, R) {
    COUNTERS.fetch_add(1, Ordering::Relaxed);
    let before = COUNT.get();
    let result = work();
    let count = COUNT.get().wrapping_sub(before);
    COUNTERS.fetch_sub(1, Ordering::Relaxed);
    (count, result)
}

/// The bytes that `work` leaves allocated on this thread, beyond those that it frees, and what it returns. Always 0
/// unless [`CountingAllocator`] is the global allocator.
pub fn held_bytes<R>(work: impl FnOnce() -> R) -> (isize, R) {
    COUNTERS.fetch_add(1, Ordering::Relaxed);
    let before = BYTES.get();
    let result = work();
    let bytes = BYTES.get().wrapping_sub(before);
    COUNTERS.fetch_sub(1, Ordering::Relaxed);
    (bytes, result)
}

/// Counts a request, and how it changes what is allocated.
fn note(requests: usize, bytes: isize) {
    if COUNTERS.load(Ordering::Relaxed) > 0 {
        COUNT.set(COUNT.get().wrapping_add(requests));
        BYTES.set(BYTES.get().wrapping_add(bytes));
    }
}

// SAFETY: all is passed on to the system's allocator unchanged; counting allocates nothing, because the counters are
// initialised at compile time and have no destructors.
#[allow(unsafe_code, reason = "an allocator cannot be had without")]
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as isize);
        // SAFETY: the caller's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(1, layout.size() as isize);
        // SAFETY: the caller's.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(1, new_size as isize - layout.size() as isize);
        // SAFETY: the caller's.
        unsafe { System.realloc(memory, layout, new_size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        note(0, -(layout.size() as isize));
        // SAFETY: the caller's.
        unsafe { System.dealloc(memory, layout) }
    }
}

thread_local! {
    /// What this thread asked for while anybody counted.
    static COUNT: Cell<usize> = const { Cell::new(0) };
    /// The bytes that this thread took, less those that it gave back, while anybody counted.
    static BYTES: Cell<isize> = const { Cell::new(0) };
}

/// Calls of [`allocations`] and [`held_bytes`] that are under way.
static COUNTERS: AtomicUsize = AtomicUsize::new(0);
