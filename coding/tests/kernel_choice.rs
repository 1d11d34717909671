//! Which kernel is used: the fastest, or the one that the environment names.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails, in its helpers too")]

mod common;

use braidcast_coding::kernel::{Kernel, KernelError};
use common::run_again;

#[test]
fn names_are_read_as_they_are_written() {
    for kernel in Kernel::ALL {
        assert_eq!(kernel.to_string().parse(), Ok(kernel));
    }
    for name in ["", "AVX2", "avx2 ", "sse2", "avx512-gfni\0"] {
        assert_eq!(name.parse::<Kernel>(), Err(KernelError::Unknown { name: name.to_owned() }));
    }
    let error = "sse2".parse::<Kernel>().unwrap_err().to_string();
    assert!(error.contains("\"sse2\""), "{error}");
    assert!(Kernel::ALL.iter().all(|kernel| error.contains(&kernel.to_string())), "{error}");
}

#[test]
fn the_fastest_kernel_is_available_and_no_available_one_is_faster() {
    assert!(Kernel::Portable.is_available());
    assert!(Kernel::fastest().is_available());
    assert_eq!(common::kernels().max(), Some(Kernel::fastest()));
}

#[test]
fn a_kernel_that_the_processor_lacks_is_refused() {
    // No processor has both.
    let lacking = Kernel::ALL.into_iter().find(|kernel| !kernel.is_available()).unwrap();
    let refused = std::panic::catch_unwind(|| {
        lacking.product(&mut [], &[], &[], braidcast_coding::kernel::Mode::Overwrite);
    });
    let message = *refused.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(message, format!("this processor cannot run the {lacking} kernel"));
}

/// Run again below with the variable set; by itself it says that without one, the fastest is used.
#[test]
fn the_active_kernel_is_the_one_asked_for() {
    let asked = Kernel::from_environment().unwrap();
    assert_eq!(Kernel::active(), asked.unwrap_or_else(Kernel::fastest));
    println!("active: {}", Kernel::active());
}

#[test]
fn an_empty_name_in_the_environment_is_none() {
    assert!(run_again("the_active_kernel_is_the_one_asked_for", "").status.success());
}

#[test]
fn the_environment_chooses_the_kernel() {
    for kernel in common::kernels() {
        let output = run_again("the_active_kernel_is_the_one_asked_for", &kernel.to_string());
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && stdout.contains(&format!("active: {kernel}\n")), "{stdout}");
    }
    let output = run_again("the_active_kernel_is_the_one_asked_for", "");
    assert!(output.status.success(), "an empty variable is as good as none");
}

/// Run again below with names that cannot be used.
#[test]
fn a_process_finds_a_kernel() {
    let _kernel = Kernel::active();
}

#[test]
fn a_name_in_the_environment_that_cannot_be_used_is_reported_in_one_line() {
    let lacking = Kernel::ALL.into_iter().find(|kernel| !kernel.is_available()).unwrap().to_string();
    for (name, reason) in [("sse2", "no kernel is called \"sse2\""), (&lacking, "cannot run the")] {
        let output = run_again("a_process_finds_a_kernel", name);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{name} was accepted");
        let line = stderr
            .lines()
            .find(|line| line.starts_with("BRAIDCAST_KERNEL: "))
            .expect("a line for the variable");
        assert!(line.contains(reason), "{line}");
    }
}
