//! The two tasks that move the bytes of a link. Neither ever waits for the driver.

mod reader;
mod writer;

pub(crate) use self::{
    reader::{Inlet, ReadEnd, read_link},
    writer::write_link,
};
