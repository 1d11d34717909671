//! Deterministic discrete-event simulator for Braidcast nodes.
