//! A set of byte strings that finds all prefixes of a text in one pass.

/// The node of the empty string.
pub(super) const ROOT: u32 = 0;

/// Up to this many children are searched one by one, more by binary search.
const FEW_CHILDREN: usize = 8;

/// Strings with numbers, as a tree. Nodes are numbered level by level, so the children of a node
/// have consecutive numbers.
#[derive(Debug, Default)]
pub(super) struct Trie {
    /// The last byte of each node.
    bytes: Vec<u8>,
    /// The first child of each node. Its children end where those of the next node begin.
    children: Vec<u32>,
    /// The number of the string that ends at each node, or [`u32::MAX`].
    values: Vec<u32>,
    /// The children of the root by their byte, or [`u32::MAX`].
    first: Vec<u32>,
}

impl Trie {
    /// The tree of `strings`, which must be different and not empty.
    pub(super) fn new(mut strings: Vec<(&[u8], u32)>) -> Self {
        strings.sort_unstable();
        let mut trie = Self {
            bytes: vec![0],
            children: Vec::new(),
            values: vec![u32::MAX],
            first: Vec::new(),
        };
        // For each node of the level, the range of the strings below it.
        let mut level = vec![(0, strings.len())];
        let mut depth = 0;
        while !level.is_empty() {
            let mut next = Vec::new();
            for (start, end) in level {
                trie.children.push(trie.bytes.len() as u32);
                // The string that ends at this node sorts before the longer ones.
                let mut at = start + usize::from(depth > 0 && strings[start].0.len() == depth);
                while at < end {
                    let byte = strings[at].0[depth];
                    let same =
                        strings[at..end].partition_point(|(string, _)| string[depth] == byte);
                    let ends_here = strings[at].0.len() == depth + 1;
                    trie.bytes.push(byte);
                    trie.values.push(if ends_here { strings[at].1 } else { u32::MAX });
                    next.push((at, at + same));
                    at += same;
                }
            }
            (level, depth) = (next, depth + 1);
        }
        trie.children.push(trie.bytes.len() as u32);
        trie.first =
            (0..=u8::MAX).map(|byte| trie.search(ROOT, byte).unwrap_or(u32::MAX)).collect();
        trie
    }

    /// The child of a node for a byte.
    #[inline]
    pub(super) fn child(&self, node: u32, byte: u8) -> Option<u32> {
        if node == ROOT {
            return Some(self.first[usize::from(byte)]).filter(|&child| child != u32::MAX);
        }
        self.search(node, byte)
    }

    #[inline]
    fn search(&self, node: u32, byte: u8) -> Option<u32> {
        let first = self.children[node as usize] as usize;
        let bytes = &self.bytes[first..self.children[node as usize + 1] as usize];
        let place = if bytes.len() <= FEW_CHILDREN {
            bytes.iter().position(|&known| known == byte)?
        } else {
            bytes.binary_search(&byte).ok()?
        };
        Some((first + place) as u32)
    }

    /// The number of the string that ends at a node.
    #[inline]
    pub(super) fn value(&self, node: u32) -> Option<u32> {
        Some(self.values[node as usize]).filter(|&value| value != u32::MAX)
    }

    /// The length of the longest string that is a prefix of `text`.
    pub(super) fn longest(&self, text: &[u8]) -> Option<usize> {
        let (mut node, mut longest) = (ROOT, None);
        for (&byte, length) in text.iter().zip(1..) {
            let Some(child) = self.child(node, byte) else { break };
            node = child;
            if self.value(node).is_some() {
                longest = Some(length);
            }
        }
        longest
    }

    /// The number of a string, if it is in the set.
    pub(super) fn get(&self, string: &[u8]) -> Option<u32> {
        let node = string.iter().try_fold(ROOT, |node, &byte| self.child(node, byte))?;
        self.value(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_found_by_their_beginnings() {
        let wide: Vec<[u8; 2]> = (0..=u8::MAX).map(|byte| [7, byte]).collect();
        let mut strings: Vec<(&[u8], u32)> = vec![(b"a", 0), (b"abc", 1), (b"b", 2), (b"abd", 3)];
        strings.extend(wide.iter().map(|string| (&string[..], 9 + u32::from(string[1]))));
        let trie = Trie::new(strings.clone());
        for (string, value) in strings {
            assert_eq!(trie.get(string), Some(value));
        }
        assert_eq!((trie.get(b"ab"), trie.get(b""), trie.get(b"abcd")), (None, None, None));
        assert_eq!((trie.longest(b"abx"), trie.longest(b"abcx")), (Some(1), Some(3)));
        assert_eq!((trie.longest(b"c"), Trie::new(Vec::new()).longest(b"a")), (None, None));
    }
}
