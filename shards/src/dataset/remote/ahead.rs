//! Requesting pieces of objects ahead of their use, so that the latency of a distant store is paid
//! once and not for every piece.

use std::collections::VecDeque;
use std::ops::Range;

use super::objects::{Objects, PIECE_BYTES, Request};

/// No further request starts while this many bytes are outstanding.
const BYTES_AT_ONCE: u64 = 64 << 20;

/// The most outstanding requests. Small files would otherwise cause thousands.
const REQUESTS_AT_ONCE: usize = 32;

/// A file to fetch.
pub(super) struct Wanted {
    /// Its name in the folder.
    pub(super) name: String,
    /// Its size.
    pub(super) bytes: u64,
}

/// The ranges in which a file of this size is requested.
pub(super) fn pieces(bytes: u64) -> impl Iterator<Item = Range<u64>> {
    let starts = (0..bytes).step_by(PIECE_BYTES as usize);
    starts.map(move |start| start..(start + PIECE_BYTES).min(bytes))
}

/// The pieces of files, in order. The next ones are requested already.
pub(super) struct Ahead<'a> {
    objects: &'a Objects,
    unrequested: Box<dyn Iterator<Item = (&'a str, Range<u64>)> + 'a>,
    requested: VecDeque<Request>,
    bytes: u64,
}

impl<'a> Ahead<'a> {
    /// The pieces of `files`, one file after another.
    pub(super) fn new(objects: &'a Objects, files: impl Iterator<Item = &'a Wanted> + 'a) -> Self {
        let of_file =
            |file: &'a Wanted| pieces(file.bytes).map(|range| (file.name.as_str(), range));
        let unrequested = Box::new(files.flat_map(of_file));
        Self { objects, unrequested, requested: VecDeque::new(), bytes: 0 }
    }

    /// The next piece, which is requested already; `None` after the last.
    pub(super) fn next(&mut self) -> Option<Request> {
        while self.requested.len() < REQUESTS_AT_ONCE && self.bytes < BYTES_AT_ONCE {
            let Some((name, range)) = self.unrequested.next() else { break };
            let request = self.objects.begin(name, range);
            self.bytes += request.bytes();
            self.requested.push_back(request);
        }
        let next = self.requested.pop_front()?;
        self.bytes -= next.bytes();
        Some(next)
    }
}
