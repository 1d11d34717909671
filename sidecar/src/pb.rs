//! What is generated from `proto/`: messages, the server's trait and the raw client.

// Written by a generator from our own .proto files, which carry the documentation.
#![allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all, clippy::too_many_lines)]

/// `p2p_stream.proto`: the stream between a node and its clients.
pub mod proto {
    tonic::include_proto!("proto");
}

/// `optimum_trace.proto`: trace events of a node that codes.
pub mod optimum {
    tonic::include_proto!("optimum.pb");
}

/// `pubsub_trace.proto`: trace events of a plain GossipSub node.
pub mod pubsub {
    tonic::include_proto!("pubsub.pb");
}

/// All of the above as an encoded descriptor set, for reflection.
pub(crate) const DESCRIPTORS: &[u8] = tonic::include_file_descriptor_set!("descriptors");

/// `Request.command`. Source: compat 1.3.
pub mod command {
    /// Publish `data` to `topic`.
    pub const PUBLISH: i32 = 1;
    /// Receive the messages of `topic` on this stream.
    pub const SUBSCRIBE: i32 = 2;
    /// No longer receive the messages of `topic` on this stream.
    pub const UNSUBSCRIBE: i32 = 3;
    /// Publish random bytes to `topic`.
    pub const PUBLISH_RANDOM: i32 = 5;
    /// Publish the messages that `data` lists as JSON.
    pub const PUBLISH_BATCH: i32 = 6;
    /// Does nothing.
    pub const NONE: i32 = 0;
}
