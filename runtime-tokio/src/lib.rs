//! Braidcast nodes on tokio: the production driver and the embedding API.
