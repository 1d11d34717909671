//! HTTP API of a Braidcast node.
