//! Compiles the `.proto` files in pure Rust, so that no `protoc` is needed.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let protos = ["proto/p2p_stream.proto", "proto/optimum_trace.proto", "proto/pubsub_trace.proto"];
    for proto in protos {
        println!("cargo:rerun-if-changed={proto}");
    }
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).open_files(protos)?;
    let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    // Kept for reflection: the generator does not write it when it is given descriptors.
    std::fs::write(out.join("descriptors.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        // Payloads stay slices of the buffer they were read into.
        .bytes(".")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
