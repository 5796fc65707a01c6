//! An input file as the readers see it: bytes that can be read and sought.

use std::io::{self, Read, Seek};

/// A file, local or remote, that a part is read from.
pub trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send + ?Sized> ReadSeek for T {}

/// Opens the same file again, for each thread that reads a piece of it.
pub(crate) type Open<'a> = &'a (dyn Fn() -> io::Result<Box<dyn ReadSeek>> + Sync);
