//! The `braidcast` command: composition root of the node, the clients and the tools.

fn main() {}
