//! Authenticated libp2p links (QUIC, TCP+Noise+Yamux) that move opaque frames.
