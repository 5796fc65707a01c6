//! Measures the global step of deduplication at any size, on synthetic signatures.
//!
//! ```text
//! cargo run --release -p gristmill-dedup --example scale -- \
//!     --documents 1000000 --memory 2147483648 --scratch target/scale
//! ```
//!
//! 30 % of the documents are in clusters of 2 to 1,000 documents, with sizes by Zipf's law. Each of
//! the 112 minima of a member equals its cluster's minimum with a probability that the member has,
//! so a band of 8 minima is shared with that probability to the eighth power. The other documents
//! share nothing, except that 1 % of all documents share one band, as pages of one template do.
//! Some of these are in clusters, which chains those clusters into one giant component.
//!
//! Everything is a function of the document's number. So the expected result is computed
//! separately, cluster by cluster, by comparing all pairs. The example fails if it finds anything
//! else.
//!
//! Prints the seconds of each step and the peaks of memory and of scratch bytes.

#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::error::Error;
use std::time::Instant;

use dedup::candidates::{Candidates, Linker, band_row};
use dedup::components::Components;
use dedup::gather::{Gather, Gathered, Member};
use dedup::leaders::{Assigned, Leaders, Verify};
use dedup::sort::Sorter;
use store::{Scratch, ScratchReader, ScratchWriter};

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const BANDS: usize = 14;
/// Number of bytes of keys that are written or read at once.
const BLOCK_BYTES: usize = 1 << 20;
const ROWS: usize = 8;
const THRESHOLD: f32 = 0.7;
/// Per mille of the documents that are in clusters.
const CLUSTERED: u64 = 300;
/// Per mille of the documents that share the band of a template.
const TEMPLATE: u64 = 10;
const CLUSTER_MAX: usize = 1_000;
/// More than the members of the template's component at 10^8 documents, so that all pairs are
/// found.
const COMPONENT_MEMBERS_MAX: u64 = 1 << 22;
/// Bytes of a member's record: header, order, keys and sketch.
const RECORD_BYTES: u64 = 28 + 1 + (BANDS * 8 + BANDS * ROWS) as u64;

fn main() -> Outcome {
    let settings = Settings::from_arguments()?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(settings.threads).build()?;
    pool.install(|| run(&settings))
}

struct Settings {
    documents: u64,
    memory_bytes: u64,
    threads: usize,
    scratch: String,
}

impl Settings {
    fn from_arguments() -> Outcome<Self> {
        let scratch = "scale-scratch".to_owned();
        let mut settings =
            Self { documents: 1_000_000, memory_bytes: 2 << 30, threads: 2, scratch };
        let mut arguments = std::env::args().skip(1);
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or("each argument has a value")?;
            match name.as_str() {
                "--documents" => settings.documents = value.parse()?,
                "--memory" => settings.memory_bytes = value.parse()?,
                "--threads" => settings.threads = value.parse()?,
                "--scratch" => settings.scratch = value,
                _ => return Err(format!("{name}: no such argument").into()),
            }
        }
        Ok(settings)
    }
}

fn run(settings: &Settings) -> Outcome {
    let corpus = Corpus::new(settings.documents);
    let mut clock = Clock { documents: settings.documents, start: Instant::now(), processor: 0.0 };
    let expected = expect(&corpus)?;
    clock.lap("(make and expect)")?;
    let scratch = Scratch::create(&settings.scratch)?;

    let keys = Keys::write(&corpus, &scratch)?;
    clock.lap("write keys")?;
    let candidates = keys.link(&scratch, settings)?;
    drop(keys);
    clock.lap("read, sort, link")?;
    let rows = settings.documents * BANDS as u64;
    println!(
        "rows {rows}, edges {}, candidates {}",
        candidates.edges(),
        candidates.marks().count()
    );
    let components = Components::find(candidates)?;
    clock.lap("union-find")?;
    println!("components {}", components.count());
    let gathered = gather(&corpus, &components, &scratch, settings.memory_bytes)?;
    clock.lap("gather")?;
    let mut found = Expected { components: components.count(), ..Expected::default() };
    found.candidates = components.marks().count();
    drop(components);
    for (_, members, pieces) in gathered.cut_components() {
        println!("a component of {members} documents was cut into {pieces} pieces");
    }
    lead(&gathered, &mut found)?;
    clock.lap("leaders")?;
    println!("clusters {}, removed documents {}", found.clusters, found.removed);
    println!("scratch peak {} bytes, memory peak {}", scratch.bytes_peak(), memory_peak()?);
    if found != expected {
        return Err(format!("expected {expected:?}, found {found:?}").into());
    }
    println!("the clusters are the planted ones");
    Ok(())
}

/// The keys of all documents, as in key files: band by band, so that one band is read and sorted at
/// a time.
struct Keys {
    ordinals: ScratchReader,
    bands: Vec<ScratchReader>,
    documents: u64,
}

impl Keys {
    fn write(corpus: &Corpus, scratch: &Scratch) -> Outcome<Self> {
        let mut files = Vec::new();
        for file in 0..=BANDS {
            files.push((scratch.write(&format!("keys-{file}"))?, Vec::with_capacity(BLOCK_BYTES)));
        }
        let flush = |(file, bytes): &mut (ScratchWriter, Vec<u8>), least: usize| -> Outcome {
            if bytes.len() >= least {
                file.append(bytes)?;
                bytes.clear();
            }
            Ok(())
        };
        corpus.each_cluster(|documents| {
            for document in documents {
                let numbers = std::iter::once(&document.ordinal).chain(&document.keys);
                for (file, number) in files.iter_mut().zip(numbers) {
                    file.1.extend(number.to_le_bytes());
                    flush(file, BLOCK_BYTES)?;
                }
            }
            Ok(())
        })?;
        let mut readers = Vec::new();
        for mut file in files {
            flush(&mut file, 1)?;
            readers.push(file.0.into_reader()?);
        }
        let bands = readers.split_off(1);
        let ordinals = readers.pop().ok_or("no file of ordinals")?;
        Ok(Self { ordinals, bands, documents: corpus.documents })
    }

    fn link(&self, scratch: &Scratch, settings: &Settings) -> Outcome<Candidates> {
        let mut linker = Linker::new(scratch, "edges", self.documents)?;
        let (mut ordinals, mut keys) = (vec![0; BLOCK_BYTES], vec![0; BLOCK_BYTES]);
        for band in &self.bands {
            let mut sorter = Sorter::new(scratch, "rows", self.documents, settings.memory_bytes)?;
            let end = self.documents * 8;
            for start in (0..end).step_by(BLOCK_BYTES) {
                let length = (end - start).min(BLOCK_BYTES as u64) as usize;
                self.ordinals.read_at(start, &mut ordinals[..length])?;
                band.read_at(start, &mut keys[..length])?;
                let pairs =
                    ordinals[..length].as_chunks().0.iter().zip(keys[..length].as_chunks().0);
                for (ordinal, key) in pairs {
                    let (key, ordinal) = (u64::from_le_bytes(*key), u64::from_le_bytes(*ordinal));
                    sorter.push(band_row(key, ordinal))?;
                }
            }
            linker.add(&sorter.finish()?)?;
        }
        Ok(linker.finish()?)
    }
}

/// Collects the candidates of each component.
fn gather(
    corpus: &Corpus,
    components: &Components,
    scratch: &Scratch,
    memory_bytes: u64,
) -> Outcome<Gathered> {
    let bytes = components.marks().count() * RECORD_BYTES;
    let gather = Gather::new(scratch, "members", bytes, memory_bytes)?;
    let mut gather = gather.component_members_max(COMPONENT_MEMBERS_MAX);
    corpus.each_cluster(|documents| {
        for document in documents {
            if let Some(component) = components.of(document.ordinal) {
                let keys = document.keys.map(u64::to_le_bytes);
                gather.push(&Member {
                    component,
                    ordinal: document.ordinal,
                    order: &[document.order],
                    keys: &keys,
                    sketch: &document.sketch(),
                    payload: &[],
                })?;
            }
        }
        Ok(())
    })?;
    Ok(gather.finish()?)
}

/// Clusters all components and adds the result to `found`.
fn lead(gathered: &Gathered, found: &mut Expected) -> Outcome {
    gathered.map_in_order(
        || Leaders::new(Verify::Signature, THRESHOLD),
        |leaders, members, assigned: &mut Vec<Assigned>| {
            leaders.assign(members, |_, _| None, assigned);
        },
        |assigned| {
            assigned.iter().for_each(|a| found.add(a.ordinal, a.representative));
            Ok(())
        },
    )?;
    Ok(())
}

/// A summary of the clusters, of constant size.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    candidates: u64,
    components: u64,
    /// The number of representatives among the candidates.
    clusters: u64,
    /// The number of documents that are not representatives.
    removed: u64,
    /// The sum of a hash of each removed document and its representative.
    pairs: u64,
}

impl Expected {
    fn add(&mut self, ordinal: u64, representative: u64) {
        if ordinal == representative {
            self.clusters += 1;
        } else {
            self.removed += 1;
            self.pairs = self.pairs.wrapping_add(mix(mix(ordinal) ^ representative));
        }
    }
}

/// Computes the expected result cluster by cluster, by the same rule with all pairs compared.
fn expect(corpus: &Corpus) -> Outcome<Expected> {
    let mut expected = Expected { components: 1, ..Expected::default() };
    corpus.each_cluster(|documents| {
        let mut documents: Vec<&Document> = documents.iter().collect();
        documents.sort_unstable_by_key(|d| (d.order, d.ordinal));
        let shares = |a: &Document, b: &Document| a.keys.iter().zip(&b.keys).any(|(a, b)| a == b);
        let mut roots: Vec<usize> = (0..documents.len()).collect();
        let sketches: Vec<Sketch> = documents.iter().map(|d| d.sketch()).collect();
        // The representative of each document, by places.
        let mut representatives: Vec<usize> = Vec::new();
        for (i, document) in documents.iter().enumerate() {
            let mut best: Option<(f32, usize)> = None;
            for j in (0..i).filter(|j| shares(document, documents[*j])) {
                let (from, to) = (roots[i], roots[j]);
                if from != to {
                    roots.iter_mut().filter(|root| **root == from).for_each(|root| *root = to);
                }
                let other = representatives[j];
                let estimate = estimate(&sketches[i], &sketches[other]);
                let found = (estimate, other);
                let better = |best: (f32, usize)| {
                    estimate > best.0 || estimate.total_cmp(&best.0).is_eq() && other < best.1
                };
                if estimate >= THRESHOLD && best.is_none_or(better) {
                    best = Some(found);
                }
            }
            representatives.push(best.map_or(i, |best| best.1));
        }
        for (i, root) in roots.iter().enumerate() {
            let same = roots.iter().filter(|other| *other == root).count();
            let template = (0..roots.len()).any(|j| roots[j] == *root && documents[j].template);
            if same > 1 || template {
                expected.candidates += 1;
                expected.add(documents[i].ordinal, documents[representatives[i]].ordinal);
                expected.components += u64::from(!template && roots[..i].iter().all(|r| r != root));
            }
        }
        Ok(())
    })?;
    Ok(expected)
}

/// A corpus in which each document is a function of its number.
struct Corpus {
    documents: u64,
    /// For each size of a cluster from 2 on, the probability of a size of at most that, in 2^-32.
    sizes: Vec<u64>,
    /// The number of bits of a document's number, rounded up to an even number.
    bits: u32,
}

/// 8 bits of each minimum.
type Sketch = [u8; BANDS * ROWS];

struct Document {
    ordinal: u64,
    order: u8,
    template: bool,
    keys: [u64; BANDS],
    minima: Minima,
}

/// A document's minima. Those of a document outside clusters are computed when needed.
enum Minima {
    Shared(Box<[[u64; ROWS]; BANDS]>),
    Own { seed: u64, template: bool },
}

impl Document {
    fn sketch(&self) -> Sketch {
        let mut sketch = [0; BANDS * ROWS];
        for (i, byte) in sketch.iter_mut().enumerate() {
            *byte = match &self.minima {
                Minima::Shared(minima) => minima[i / ROWS][i % ROWS] as u8,
                Minima::Own { template: true, .. } if i < ROWS => template_minimum(i) as u8,
                Minima::Own { seed, .. } => mix(seed ^ (i as u64) << 56) as u8,
            };
        }
        sketch
    }
}

fn estimate(a: &Sketch, b: &Sketch) -> f32 {
    let equal: usize = a.iter().zip(b).map(|(a, b)| usize::from(a == b)).sum();
    (equal as f32 / a.len() as f32 - 1.0 / 256.0) / (1.0 - 1.0 / 256.0)
}

impl Corpus {
    fn new(documents: u64) -> Self {
        let weights: Vec<f64> = (2..=CLUSTER_MAX).map(|n| (n as f64).powi(-2)).collect();
        let total: f64 = weights.iter().sum();
        let mut sum = 0.0;
        let sizes = weights.iter().map(|weight| {
            sum += weight / total;
            (sum * 2f64.powi(32)) as u64
        });
        let bits = u64::BITS - documents.saturating_sub(1).leading_zeros();
        // An even number of bits, so that the permutation has halves.
        Self { documents, sizes: sizes.collect(), bits: bits.max(2).next_multiple_of(2) }
    }

    /// Calls `each` with the documents of every cluster, and with every other document alone.
    fn each_cluster(&self, mut each: impl FnMut(&[Document]) -> Outcome) -> Outcome {
        let clustered = self.documents * CLUSTERED / 1_000;
        let mut slot = 0;
        let mut members = Vec::new();
        while slot < clustered {
            let chance = mix(slot ^ 1 << 60) >> 32;
            let size = 2 + self.sizes.partition_point(|sum| *sum < chance) as u64;
            let end = (slot + size.min(CLUSTER_MAX as u64)).min(clustered);
            members.clear();
            members.extend((slot..end).map(|member| self.member(slot, member)));
            each(&members)?;
            slot = end;
        }
        (clustered..self.documents).try_for_each(|slot| each(&[self.single(slot)]))
    }

    /// Makes a member of the cluster that starts at `first`. Only the first may have the template.
    fn member(&self, first: u64, slot: u64) -> Document {
        let seed = mix(slot ^ 2 << 60);
        // The probability of sharing a minimum, between 0.6 and 1, in 2^-16.
        let similarity = (1 << 16) - (mix(seed) >> 48) * 4 / 10;
        let centre = mix(first ^ 3 << 60);
        let template = slot == first && is_template(seed);
        let mut minima = Box::new([[0; ROWS]; BANDS]);
        let mut keys = [0; BANDS];
        for (band, minima) in minima.iter_mut().enumerate() {
            for (row, minimum) in minima.iter_mut().enumerate() {
                let i = (band * ROWS + row) as u64;
                let own = mix(seed ^ i << 56);
                let is_shared = own >> 48 < similarity;
                *minimum = if is_shared { mix(centre ^ i << 56) } else { mix(own) };
                if template && band == 0 {
                    *minimum = template_minimum(row);
                }
            }
            keys[band] = minima.iter().fold(band as u64 + 1, |key, minimum| mix(key ^ minimum));
        }
        self.document(slot, seed, template, keys, Minima::Shared(minima))
    }

    fn single(&self, slot: u64) -> Document {
        let seed = mix(slot ^ 2 << 60);
        let template = is_template(seed);
        let mut keys = std::array::from_fn(|band| mix(mix(seed) ^ (band as u64) << 56));
        if template {
            keys[0] = (0..ROWS).fold(1, |key, row| mix(key ^ template_minimum(row)));
        }
        self.document(slot, seed, template, keys, Minima::Own { seed, template })
    }

    fn document(
        &self,
        slot: u64,
        seed: u64,
        template: bool,
        keys: [u64; BANDS],
        minima: Minima,
    ) -> Document {
        let order = mix(seed ^ 5) as u8;
        Document { ordinal: self.permute(slot), order, template, keys, minima }
    }

    /// A bijection of `0..documents`: a Feistel network over an even number of bits, repeated until
    /// the result is in range.
    fn permute(&self, mut slot: u64) -> u64 {
        let half = self.bits / 2;
        let mask = (1 << half) - 1;
        loop {
            for round in 0..4 {
                let (left, right) = (slot >> half, slot & mask);
                slot = (right << half) | (left ^ (mix(right ^ round << 60) & mask));
            }
            if slot < self.documents {
                return slot;
            }
        }
    }
}

fn is_template(seed: u64) -> bool {
    mix(seed ^ 9) % 1_000 < TEMPLATE
}

fn template_minimum(row: usize) -> u64 {
    mix(row as u64 ^ 4 << 60)
}

/// The finalizer of SplitMix64.
fn mix(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

struct Clock {
    documents: u64,
    start: Instant,
    processor: f64,
}

impl Clock {
    fn lap(&mut self, step: &str) -> Outcome {
        let million = self.documents as f64 / 1e6;
        let (seconds, processor) = (self.start.elapsed().as_secs_f64(), processor_seconds()?);
        let used = processor - self.processor;
        println!(
            "{step:20} {seconds:8.2} s {:7.3} per million; processor {used:8.2} s {:7.3} per \
             million",
            seconds / million,
            used / million
        );
        (self.start, self.processor) = (Instant::now(), processor);
        Ok(())
    }
}

/// Returns the processor time of all threads so far. Unlike wall-clock time, other work on the
/// machine does not increase it. Linux counts it in hundredths of a second.
fn processor_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    Ok(ticks.map(str::parse::<f64>).sum::<Result<f64, _>>()? / 100.0)
}

/// Returns the peak memory of this process, as the system counts it.
fn memory_peak() -> Outcome<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.ok_or("no VmHWM")?.trim().to_owned())
}
