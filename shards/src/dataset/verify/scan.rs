//! Checks that a payload's tokens keep the rules of the format, while its bytes are read.

use std::ops::Range;

use crate::dataset::manifest::ShardManifest;
use crate::dataset::token_type::TokenType;

/// The rules in a dataset's description.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    token_type: TokenType,
    vocab_size: u64,
    begin_of_text: Option<u32>,
    end_of_text: Option<u32>,
}

impl Rules {
    pub(super) fn of(manifest: &ShardManifest) -> Self {
        let ShardManifest { token_type, vocab_size, begin_of_text, end_of_text, .. } = *manifest;
        Self { token_type, vocab_size: vocab_size as u64, begin_of_text, end_of_text }
    }
}

/// Checks a payload that arrives in pieces of whole tokens; keeps the first fault.
pub(super) struct PayloadScan<'a> {
    rules: Rules,
    /// Lengths of the documents after the open one.
    lengths: std::slice::Iter<'a, u32>,
    /// The number of the open document.
    document: usize,
    /// True when the next token is the open document's first.
    is_first: bool,
    /// Tokens up to the end of the open document.
    left: u64,
    /// Tokens seen.
    position: u64,
    fault: Option<(u64, String)>,
}

impl<'a> PayloadScan<'a> {
    /// Starts a scan of documents of these lengths. Without lengths only the ids are checked.
    pub(super) fn new(rules: Rules, lengths: &'a [u32]) -> Self {
        let mut scan = Self {
            rules,
            lengths: lengths.iter(),
            document: 0,
            is_first: !lengths.is_empty(),
            left: 0,
            position: 0,
            fault: None,
        };
        scan.left = scan.lengths.next().map_or(u64::MAX, |n| u64::from(*n));
        scan
    }

    /// Checks the next bytes of the payload.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        if self.fault.is_some() {
            return;
        }
        let start = self.position;
        match self.rules.token_type {
            TokenType::U16 => {
                let tokens = bytes.as_chunks::<2>().0;
                let largest = tokens.iter().map(|b| u16::from_le_bytes(*b)).max();
                let id = |i: usize| u64::from(u16::from_le_bytes(tokens[i]));
                self.look(tokens.len(), largest.map(u64::from), id);
            }
            TokenType::U32 => {
                let tokens = bytes.as_chunks::<4>().0;
                let largest = tokens.iter().map(|b| u32::from_le_bytes(*b)).max();
                let id = |i: usize| u64::from(u32::from_le_bytes(tokens[i]));
                self.look(tokens.len(), largest.map(u64::from), id);
            }
        }
        self.position = start + bytes.len() as u64 / self.rules.token_type.bytes();
    }

    /// Checks `n` tokens: `id` gives each, `largest` is their maximum.
    fn look(&mut self, n: usize, largest: Option<u64>, id: impl Fn(usize) -> u64) {
        let vocab_size = self.rules.vocab_size;
        // The maximum is found with vector instructions; most pieces need no second look.
        if largest.is_some_and(|largest| largest >= vocab_size)
            && let Some(at) = (0..n).find(|i| id(*i) >= vocab_size)
        {
            let message = format!("token {} is outside the vocabulary of {vocab_size}", id(at));
            self.fault = Some((self.position + at as u64, message));
            return;
        }
        if (self.rules.begin_of_text, self.rules.end_of_text) == (None, None) {
            return;
        }
        let mut at = 0;
        loop {
            if self.is_first && self.left > 0 && at < n {
                self.is_first = false;
                self.check_token(at, "begins", Some(id(at)), self.rules.begin_of_text);
            }
            if self.left > (n - at) as u64 || self.fault.is_some() {
                break;
            }
            at += self.left as usize;
            // A document without tokens has no last one.
            let last = if self.left == 0 { None } else { Some(id(at - 1)) };
            self.check_token(at.saturating_sub(1), "ends", last, self.rules.end_of_text);
            self.document += 1;
            let next = self.lengths.next();
            self.is_first = next.is_some();
            self.left = next.map_or(u64::MAX, |n| u64::from(*n));
        }
        self.left = self.left.saturating_sub((n - at) as u64);
    }

    /// Notes a fault when a document begins or ends with another token than expected.
    fn check_token(&mut self, at: usize, what: &str, found: Option<u64>, expected: Option<u32>) {
        let Some(expected) = expected else { return };
        if self.fault.is_none() && found != Some(u64::from(expected)) {
            let found = found.map_or("nothing".into(), |id| format!("token {id}"));
            let document = self.document;
            let message = format!("document {document} {what} with {found}, not token {expected}");
            self.fault = Some((self.position + at as u64, message));
        }
    }

    /// The first fault and the bytes of its token.
    pub(super) fn finish(self) -> Option<(Range<u64>, String)> {
        let width = self.rules.token_type.bytes();
        self.fault.map(|(token, message)| (token * width..(token + 1) * width, message))
    }
}
