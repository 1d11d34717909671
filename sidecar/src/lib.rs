//! gRPC sidecar of a Braidcast node: /proto.CommandStream and its typed client.
