//! Encoding does not allocate for each series: counted, not timed.

mod host;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use droplens_metrics::{Exposition, Format, Options, Selection};
use host::{Size, view};
use prometheus_client::registry::Registry;

/// Counts the calls that may allocate.
struct Counting;

static CALLS: AtomicU64 = AtomicU64::new(0);

#[expect(unsafe_code, reason = "an allocator is unsafe by its trait")]
// SAFETY: every call is handed on unchanged to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises about `layout` are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above, that is from `System`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Series, and allocations of a rendering after the first, into a buffer that is large enough.
fn cost(veths: u32) -> (usize, u64) {
    let size = Size {
        cpus: 8,
        cards: 2,
        queues: 8,
        veths,
        listeners: 20,
        udp_ports: 20,
        rules: 20,
    };
    let options = Options {
        fold_kinds: Vec::new(),
        series_limit: 1_000_000,
        ..Options::default()
    };
    let exposition = Exposition::new(Registry::default(), options);
    let mut text = String::new();
    let mut render = || {
        let view = view(size);
        text.clear();
        let before = CALLS.load(Ordering::Relaxed);
        let rendered = exposition.render(view, &Selection::ALL, Format::Text, &mut text);
        assert_eq!(rendered, Ok(()));
        CALLS.load(Ordering::Relaxed) - before
    };
    render();
    let calls = render();
    (
        text.lines().filter(|line| !line.starts_with('#')).count(),
        calls,
    )
}

#[test]
fn ten_times_the_series_take_no_more_allocations() {
    let (few, few_calls) = cost(40);
    let (many, many_calls) = cost(500);
    println!("{few} series: {few_calls} allocations; {many} series: {many_calls} allocations");
    assert!(many > 20_000 && many > 6 * few);
    // Tables that grow with the number of devices are grown a few times more.
    assert!(
        many_calls <= few_calls + 20,
        "{few_calls} for {few}, {many_calls} for {many}"
    );
}
