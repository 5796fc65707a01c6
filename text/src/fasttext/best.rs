//! A heap of the k best labels.
//!
//! The scores of sigmoid models come from a table of 513 values, so labels often tie. In the C++
//! tool the order of its heap then decides which labels are returned. To return the same ones, this
//! heap moves its entries exactly like `push_heap` and `pop_heap` in libstdc++ (sift up; sift the
//! hole down, then up).

/// A log-probability and the index of its label.
pub(super) type Scored = (f32, u32);

/// At most `k` entries, the worst at the root.
#[derive(Debug, Clone, Default)]
pub(super) struct Best {
    heap: Vec<Scored>,
    k: usize,
}

impl Best {
    /// Empties the heap for a new text.
    pub(super) fn reset(&mut self, k: usize) {
        self.heap.clear();
        self.k = k;
    }

    /// The score that a further entry must reach to be kept; `None` while there are fewer than `k`.
    #[inline]
    pub(super) fn bar(&self) -> Option<f32> {
        if self.heap.len() < self.k { None } else { self.heap.first().map(|entry| entry.0) }
    }

    /// Adds an entry, and drops the worst one if there are more than `k`.
    pub(super) fn push(&mut self, entry: Scored) {
        self.heap.push(entry);
        let last = self.heap.len() - 1;
        self.sift_up(last, entry);
        if self.heap.len() > self.k {
            self.move_worst_behind(self.heap.len());
            self.heap.pop();
        }
    }

    /// Sorts the entries, best first. They are no longer a heap afterwards.
    pub(super) fn sort(&mut self) -> &[Scored] {
        for length in (2..=self.heap.len()).rev() {
            self.move_worst_behind(length);
        }
        &self.heap
    }

    fn sift_up(&mut self, mut hole: usize, entry: Scored) {
        while hole > 0 {
            let parent = (hole - 1) / 2;
            if self.heap[parent].0 <= entry.0 {
                break;
            }
            self.heap[hole] = self.heap[parent];
            hole = parent;
        }
        self.heap[hole] = entry;
    }

    /// Swaps the root with the last of the first `length` entries and restores the heap property of
    /// the others.
    fn move_worst_behind(&mut self, length: usize) {
        let last = length - 1;
        let entry = self.heap[last];
        self.heap[last] = self.heap[0];
        let mut hole = 0;
        // Move the hole down along the worse children to a leaf, then sift the entry up from there.
        while 2 * hole + 2 < last {
            let (left, right) = (2 * hole + 1, 2 * hole + 2);
            let child = if self.heap[right].0 > self.heap[left].0 { left } else { right };
            self.heap[hole] = self.heap[child];
            hole = child;
        }
        if 2 * hole + 2 == last {
            self.heap[hole] = self.heap[last - 1];
            hole = last - 1;
        }
        if last > 0 {
            self.sift_up(hole, entry);
        }
    }
}
