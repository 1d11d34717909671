//! Which kernels there are, which of them the processor has, and which is used.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;
use core::sync::atomic::{AtomicU8, Ordering};

use thiserror::Error;

/// The instructions that a product is computed with, slowest first.
///
/// Its name, as `Display` writes it and [`FromStr`] reads it, is `portable`, `neon`, `avx2`, `avx512`, `avx2-gfni`
/// or `avx512-gfni`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kernel {
    /// Rust without `unsafe`, as the compiler vectorises it.
    Portable,
    /// `AArch64`: nibble tables in 16-byte registers (`tbl`).
    Neon,
    /// x86-64: nibble tables in 32-byte registers (`vpshufb`).
    Avx2,
    /// x86-64: nibble tables in 64-byte registers (`vpshufb` of AVX-512BW).
    Avx512,
    /// x86-64: field multiplication in 32-byte registers (`gf2p8mulb`).
    Avx2Gfni,
    /// x86-64: field multiplication in 64-byte registers.
    Avx512Gfni,
}

/// Why a kernel cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KernelError {
    /// No kernel has this name.
    #[error(
        "no kernel is called {name:?}; there are portable, neon, avx2, avx512, avx2-gfni and avx512-gfni"
    )]
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// The processor lacks the instructions. Without the feature `std` it is not asked: then only those kernels are
    /// available whose instructions the compiler was told to assume.
    #[error("this processor cannot run the {0} kernel")]
    Unavailable(Kernel),
}

impl Kernel {
    /// All kernels, slowest first.
    pub const ALL: [Self; 6] =
        [Self::Portable, Self::Neon, Self::Avx2, Self::Avx512, Self::Avx2Gfni, Self::Avx512Gfni];

    /// Whether this processor can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            Self::Neon => cfg!(target_arch = "aarch64"),
            Self::Avx2 => has::avx2(),
            Self::Avx512 => has::avx512(),
            Self::Avx2Gfni => has::avx2() && has::gfni(),
            Self::Avx512Gfni => has::avx512() && has::gfni(),
        }
    }

    /// The fastest one that this processor can run.
    #[must_use]
    pub fn fastest() -> Self {
        Self::ALL.into_iter().rev().find(|kernel| kernel.is_available()).unwrap_or(Self::Portable)
    }

    /// The one that is used where none is named: [`Kernel::fastest`], unless the environment variable
    /// [`KERNEL_VARIABLE`] names another (only with the feature `std`; read once).
    ///
    /// # Panics
    ///
    /// If the variable names a kernel that does not exist or that this processor cannot run. A program that wants
    /// to say so in its own way calls [`Kernel::from_environment`] first.
    #[must_use]
    #[inline]
    pub fn active() -> Self {
        match ACTIVE.load(Ordering::Relaxed) {
            UNDECIDED => decide(),
            index => Self::ALL[usize::from(index)],
        }
    }

    /// The one that the environment variable [`KERNEL_VARIABLE`] asks for, if it is set; an empty one counts as unset.
    ///
    /// # Errors
    ///
    /// [`KernelError`] if there is no such kernel, or if this processor cannot run it.
    #[cfg(feature = "std")]
    #[allow(
        clippy::disallowed_methods,
        reason = "all kernels give the same bytes, so nothing depends on it but speed"
    )]
    pub fn from_environment() -> Result<Option<Self>, KernelError> {
        let Some(name) = std::env::var_os(KERNEL_VARIABLE).filter(|name| !name.is_empty()) else {
            return Ok(None);
        };
        let kernel: Self = name.to_string_lossy().parse()?;
        if kernel.is_available() { Ok(Some(kernel)) } else { Err(KernelError::Unavailable(kernel)) }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Neon => "neon",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Avx2Gfni => "avx2-gfni",
            Self::Avx512Gfni => "avx512-gfni",
        }
    }
}

#[cold]
fn decide() -> Kernel {
    #[cfg(feature = "std")]
    let asked = Kernel::from_environment().unwrap_or_else(|error| panic!("{KERNEL_VARIABLE}: {error}"));
    #[cfg(not(feature = "std"))]
    let asked = None;
    let kernel: Kernel = asked.unwrap_or_else(Kernel::fastest);
    ACTIVE.store(kernel as u8, Ordering::Relaxed);
    kernel
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Kernel {
    type Err = KernelError;

    fn from_str(name: &str) -> Result<Self, KernelError> {
        let found = Self::ALL.into_iter().find(|kernel| kernel.name() == name);
        found.ok_or_else(|| KernelError::Unknown { name: String::from(name) })
    }
}

/// What the processor has.
#[cfg(all(target_arch = "x86_64", feature = "std"))]
mod has {
    pub(super) fn avx2() -> bool {
        std::is_x86_feature_detected!("avx2")
    }

    pub(super) fn avx512() -> bool {
        std::is_x86_feature_detected!("avx512f") && std::is_x86_feature_detected!("avx512bw")
    }

    pub(super) fn gfni() -> bool {
        std::is_x86_feature_detected!("gfni")
    }
}

/// What the compiler may assume the processor to have.
#[cfg(not(all(target_arch = "x86_64", feature = "std")))]
mod has {
    pub(super) const fn avx2() -> bool {
        cfg!(target_feature = "avx2")
    }

    pub(super) const fn avx512() -> bool {
        cfg!(all(target_feature = "avx512f", target_feature = "avx512bw"))
    }

    pub(super) const fn gfni() -> bool {
        cfg!(target_feature = "gfni")
    }
}

/// The environment variable that names the kernel to use.
pub const KERNEL_VARIABLE: &str = "BRAIDCAST_KERNEL";

/// Position in [`Kernel::ALL`] of the kernel in use.
static ACTIVE: AtomicU8 = AtomicU8::new(UNDECIDED);

const UNDECIDED: u8 = u8::MAX;
