//! Products by table: a byte is the sum of its two halves, and each half has only 16 values.

use crate::gf256;

/// The products of one coefficient.
#[derive(Clone, Copy)]
#[repr(C, align(32))]
pub(super) struct Nibbles {
    /// With 0 to 15.
    pub(super) low: [u8; 16],
    /// With 0, 16 to 240.
    pub(super) high: [u8; 16],
}

/// The products of this coefficient.
#[inline(always)]
pub(super) fn products(coefficient: u8) -> &'static Nibbles {
    &TABLE[usize::from(coefficient)]
}

static TABLE: [Nibbles; 256] = table();

const fn table() -> [Nibbles; 256] {
    let mut table = [Nibbles { low: [0; 16], high: [0; 16] }; 256];
    let mut c = 0;
    while c < 256 {
        let mut n = 0;
        while n < 16 {
            table[c].low[n] = gf256::mul(c as u8, n as u8);
            table[c].high[n] = gf256::mul(c as u8, (n as u8) << 4);
            n += 1;
        }
        c += 1;
    }
    table
}
