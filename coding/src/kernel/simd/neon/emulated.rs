//! A test double: the intrinsics that [`super`] uses, in plain Rust, for tests on other architectures.
//!
//! Names and signatures are those of `core::arch::aarch64`, where all of them are unsafe to call from functions that
//! are not compiled for NEON, as here. Semantics: Arm Architecture Reference Manual for A-profile, section "A64
//! Advanced SIMD and floating-point instructions", `DUP`, `LD1`, `ST1`, `AND`, `EOR`, `USHR` and `TBL`.
#![allow(non_camel_case_types, reason = "the name is Arm's")]

#[derive(Clone, Copy)]
pub(super) struct uint8x16_t([u8; 16]);

pub(super) unsafe fn vdupq_n_u8(value: u8) -> uint8x16_t {
    uint8x16_t([value; 16])
}

pub(super) unsafe fn vld1q_u8(ptr: *const u8) -> uint8x16_t {
    // SAFETY: the caller's: 16 bytes are valid, at any alignment.
    uint8x16_t(unsafe { ptr.cast::<[u8; 16]>().read_unaligned() })
}

pub(super) unsafe fn vst1q_u8(ptr: *mut u8, a: uint8x16_t) {
    // SAFETY: as above.
    unsafe { ptr.cast::<[u8; 16]>().write_unaligned(a.0) }
}

pub(super) unsafe fn vandq_u8(a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
    lanes(|lane| a.0[lane] & b.0[lane])
}

pub(super) unsafe fn veorq_u8(a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
    lanes(|lane| a.0[lane] ^ b.0[lane])
}

pub(super) unsafe fn vshrq_n_u8<const N: i32>(a: uint8x16_t) -> uint8x16_t {
    const { assert!(N >= 1 && N <= 8) };
    lanes(|lane| a.0[lane].checked_shr(N as u32).unwrap_or(0))
}

/// An index beyond the table gives zero.
pub(super) unsafe fn vqtbl1q_u8(a: uint8x16_t, b: uint8x16_t) -> uint8x16_t {
    lanes(|lane| a.0.get(usize::from(b.0[lane])).copied().unwrap_or(0))
}

fn lanes(lane: impl FnMut(usize) -> u8) -> uint8x16_t {
    uint8x16_t(core::array::from_fn(lane))
}
