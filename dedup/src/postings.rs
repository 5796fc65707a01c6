//! Inverted lists of one component: for each key, the representatives of the members that have it.

use crate::member::Member;

/// The largest number of representatives with which a document is compared, taken from its rarest
/// keys first, and the largest number kept for a key. Because of it, a component of 10^5 documents
/// that share only a template takes linear time.
pub(crate) const COMPARISONS_MAX: usize = 1_024;

/// Number of keys of a component that are sorted at once: 64 MiB.
const ROUND_KEYS: usize = 1 << 22;

/// Marks the end of a list, and a member that was not yet seen.
const NONE: u32 = u32::MAX;

/// For each key that members share, a list of the representatives of the members that have the key,
/// at most [`COMPARISONS_MAX`]. Members are named by their places in the component.
#[derive(Debug, Default)]
pub(crate) struct Postings {
    /// The numbers of each member's lists, one per key, one member after another.
    lists_of: Vec<u32>,
    /// Where the lists of each member start in `lists_of`, and the end.
    starts: Vec<u32>,
    lists: Vec<List>,
    entries: Vec<Entry>,
    /// For each member, the last member for which [`Self::each`] returned it.
    seen_by: Vec<u32>,
    /// For each member, the number of the last search of a list that found it.
    met_in: Vec<u32>,
    searches: u32,
    shared: Shared,
}

/// A linked list of entries in the order of insertion.
#[derive(Debug, Clone, Copy)]
struct List {
    first: u32,
    last: u32,
    length: u32,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    representative: u32,
    next: u32,
}

/// The members of every key that two or more members have.
#[derive(Debug, Default)]
struct Shared {
    /// For each key, the number of its members and where they start in `places`; ascending.
    keys: Vec<(u32, u32)>,
    places: Vec<u32>,
    /// Keys and the places of their members, while they are sorted.
    by_key: Vec<(u64, u32)>,
}

impl Postings {
    /// Starts a component with empty lists. A member's lists are ordered from the rarest key to the
    /// most frequent. Keys of a single member have no list.
    pub(crate) fn start(&mut self, members: &[Member<'_>]) {
        self.shared.find(members);
        self.starts.clear();
        self.starts.resize(members.len() + 1, 0);
        // Count the lists of each member, add the counts up to offsets, then fill them list by
        // list: lists are numbered from the rarest key on, so each member's lists end up in that
        // order.
        self.shared.places.iter().for_each(|place| self.starts[*place as usize + 1] += 1);
        for place in 0..members.len() {
            self.starts[place + 1] += self.starts[place];
        }
        self.lists_of.clear();
        self.lists_of.resize(self.shared.places.len(), 0);
        let mut next = self.starts.clone();
        for (list, (size, start)) in (0..).zip(&self.shared.keys) {
            for place in &self.shared.places[*start as usize..(start + size) as usize] {
                let next = &mut next[*place as usize];
                self.lists_of[*next as usize] = list;
                *next += 1;
            }
        }
        self.lists.clear();
        self.lists.resize(self.shared.keys.len(), List { first: NONE, last: NONE, length: 0 });
        self.entries.clear();
        self.seen_by.clear();
        self.seen_by.resize(members.len(), NONE);
        self.met_in.clear();
        self.met_in.resize(members.len(), 0);
        self.searches = 0;
    }

    /// Calls `each` with every representative in the lists of a member, once, at most
    /// [`COMPARISONS_MAX`] in all.
    pub(crate) fn each(&mut self, place: u32, mut each: impl FnMut(u32)) {
        let mut left = COMPARISONS_MAX;
        for list in &self.lists_of[self.own(place)] {
            let mut next = self.lists[*list as usize].first;
            while let Some(entry) = self.entries.get(next as usize) {
                next = entry.next;
                let seen_by = &mut self.seen_by[entry.representative as usize];
                // Keys of one member often lead to the same representative.
                if *seen_by == place {
                    continue;
                }
                if left == 0 {
                    return;
                }
                left -= 1;
                *seen_by = place;
                each(entry.representative);
            }
        }
    }

    /// Adds representatives to all lists of a member that do not hold them yet and are not full.
    pub(crate) fn post(&mut self, place: u32, representatives: &[u32]) {
        for i in self.own(place) {
            let list = &mut self.lists[self.lists_of[i] as usize];
            // The member itself is in no list yet, so its own place needs no search.
            let search = representatives.iter().any(|representative| *representative != place);
            if search {
                self.searches += 1;
                let mut next = list.first;
                while let Some(entry) = self.entries.get(next as usize) {
                    self.met_in[entry.representative as usize] = self.searches;
                    next = entry.next;
                }
            }
            for representative in representatives {
                let met = search && self.met_in[*representative as usize] == self.searches;
                if !met && list.length < COMPARISONS_MAX as u32 {
                    list.push(&mut self.entries, *representative);
                }
            }
        }
    }

    fn own(&self, place: u32) -> std::ops::Range<usize> {
        self.starts[place as usize] as usize..self.starts[place as usize + 1] as usize
    }
}

impl List {
    fn push(&mut self, entries: &mut Vec<Entry>, representative: u32) {
        let new = entries.len() as u32;
        entries.push(Entry { representative, next: NONE });
        match entries.get_mut(self.last as usize) {
            Some(last) => last.next = new,
            None => self.first = new,
        }
        self.last = new;
        self.length += 1;
    }
}

impl Shared {
    /// Lists the members of every shared key, smallest lists first. Keys are processed in rounds by
    /// their value, to limit the number of keys in memory.
    fn find(&mut self, members: &[Member<'_>]) {
        let n_keys: usize = members.iter().map(|member| member.keys.len()).sum();
        let rounds = n_keys.div_ceil(ROUND_KEYS).max(1) as u64;
        self.keys.clear();
        self.places.clear();
        for round in 0..rounds {
            self.by_key.clear();
            for (place, member) in (0..).zip(members) {
                let keys = member.keys.iter().map(|key| u64::from_le_bytes(*key));
                let keys = keys.filter(|key| rounds == 1 || key % rounds == round);
                self.by_key.extend(keys.map(|key| (key, place)));
            }
            self.by_key.sort_unstable();
            for same in self.by_key.chunk_by(|a, b| a.0 == b.0).filter(|same| same.len() > 1) {
                self.keys.push((same.len() as u32, self.places.len() as u32));
                self.places.extend(same.iter().map(|(_, place)| place));
            }
        }
        self.keys.sort_unstable();
    }
}
