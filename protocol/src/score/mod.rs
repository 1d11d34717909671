//! What this node thinks of its peers.

mod value;

pub use self::value::Score;
