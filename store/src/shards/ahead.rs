//! Asking for pieces of objects before they are needed, so that a store far away is waited for once
//! and not at every piece.

use std::collections::VecDeque;
use std::ops::Range;

use super::objects::{Begun, Objects, PIECE_BYTES};

/// Bytes on their way at once, at most; at least one piece always is.
const BYTES_AT_ONCE: u64 = 64 << 20;

/// Requests on their way at once, at most: small files are many.
const REQUESTS_AT_ONCE: usize = 32;

/// A file to fetch.
pub(super) struct Wanted {
    /// Its name in the folder.
    pub(super) name: String,
    /// Its size.
    pub(super) bytes: u64,
}

/// The ranges in which a file of this size is asked for.
pub(super) fn pieces(bytes: u64) -> impl Iterator<Item = Range<u64>> {
    let starts = (0..bytes).step_by(PIECE_BYTES as usize);
    starts.map(move |start| start..(start + PIECE_BYTES).min(bytes))
}

/// The pieces of files, in order, those to come asked for already.
pub(super) struct Ahead<'a> {
    objects: &'a Objects,
    to_ask: Box<dyn Iterator<Item = (&'a str, Range<u64>)> + 'a>,
    begun: VecDeque<Begun>,
    bytes: u64,
}

impl<'a> Ahead<'a> {
    /// The pieces of `files`, one file after another.
    pub(super) fn new(objects: &'a Objects, files: impl Iterator<Item = &'a Wanted> + 'a) -> Self {
        let of_file =
            |file: &'a Wanted| pieces(file.bytes).map(|range| (file.name.as_str(), range));
        let to_ask = Box::new(files.flat_map(of_file));
        Self { objects, to_ask, begun: VecDeque::new(), bytes: 0 }
    }

    /// The next piece, on its way.
    pub(super) fn next(&mut self) -> Option<Begun> {
        while self.begun.len() < REQUESTS_AT_ONCE && self.bytes < BYTES_AT_ONCE {
            let Some((name, range)) = self.to_ask.next() else { break };
            let begun = self.objects.begin(name, range);
            self.bytes += begun.bytes();
            self.begun.push_back(begun);
        }
        let next = self.begun.pop_front()?;
        self.bytes -= next.bytes();
        Some(next)
    }
}
