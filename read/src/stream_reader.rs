//! A decompressed stream as a [`Read`], for parsers of others.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use crate::decompress::{Damage, Filled, Stream};

/// Reads a stream up to its end or to the first gap. A parser that has seen the end asks
/// [`Gap::take`] whether it was one.
pub(crate) struct StreamReader {
    stream: Stream,
    gap: Gap,
    ended: bool,
}

/// Where a stream broke off.
#[derive(Clone, Default)]
pub(crate) struct Gap(Arc<Mutex<Option<Damage>>>);

impl Gap {
    /// The damage at which the stream broke off, once.
    pub(crate) fn take(&self) -> Option<Damage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl StreamReader {
    pub(crate) fn new(stream: Stream) -> Self {
        Self { stream, gap: Gap::default(), ended: false }
    }

    /// What the reader found at the end.
    pub(crate) fn gap(&self) -> Gap {
        self.gap.clone()
    }
}

impl Read for StreamReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if out.is_empty() {
            return Ok(0);
        }
        while self.stream.buffer().is_empty() {
            if self.ended {
                return Ok(0);
            }
            match self.stream.fill()? {
                Filled::Data => {}
                Filled::End => self.ended = true,
                Filled::Gap(damage) => {
                    *self.gap.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(damage);
                    self.ended = true;
                }
            }
        }
        let buffer = self.stream.buffer();
        let count = buffer.len().min(out.len());
        out[..count].copy_from_slice(&buffer[..count]);
        self.stream.consume(count);
        Ok(count)
    }
}
