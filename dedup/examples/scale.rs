//! What the global step of deduplication costs at any size, on signatures made up here.
//!
//! ```text
//! cargo run --release -p gristmill-dedup --example scale -- \
//!     --documents 1000000 --memory 2147483648 --scratch target/scale
//! ```
//!
//! 30 % of the documents are in clusters of 2 to 1,000 (sizes by a Zipf law), where each of 112
//! minima of a member is its cluster's with the member's own probability, so that a band of 8 is
//! shared with that probability to the eighth. The rest share nothing, but that 1 % of all documents
//! share one band, as pages of one template do; some of them are in clusters, which chains those
//! into one giant component. All of it follows from a seed, so that what should be found is computed
//! beside, cluster by cluster, comparing all pairs; the example fails if anything else is found.
//!
//! Prints seconds of each step, and the peaks of memory and scratch bytes.

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
/// Bytes of keys that are written and read at once.
const BLOCK_BYTES: usize = 1 << 20;
const ROWS: usize = 8;
const THRESHOLD: f32 = 0.7;
/// Per mille of the documents that are in clusters.
const CLUSTERED: u64 = 300;
/// Per mille of the documents that share the band of a template.
const TEMPLATE: u64 = 10;
const CLUSTER_MAX: usize = 1_000;
/// More than the template's component has at 10^8 documents, so that all pairs are found.
const COMPONENT_MEMBERS_MAX: u64 = 1 << 22;
/// Bytes of order, keys, sketch and lengths of a document in the gathering.
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
        println!("a component of {members} documents was cut into {pieces}");
    }
    lead(&gathered, &mut found)?;
    clock.lap("leaders")?;
    println!("clusters {}, documents that go {}", found.clusters, found.gone);
    println!("scratch peak {} bytes, memory peak {}", scratch.bytes_peak(), memory_peak()?);
    if found != expected {
        return Err(format!("expected {expected:?}, found {found:?}").into());
    }
    println!("found exactly what was planted");
    Ok(())
}

/// The keys as key files hold them: band by band, so that one band is read and sorted at a time.
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

/// Brings the candidates' records together by component.
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

/// Clusters all components and adds up what comes out.
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

/// What comes out, in a form that does not grow with the documents.
#[derive(Debug, Default, PartialEq, Eq)]
struct Expected {
    candidates: u64,
    components: u64,
    /// Representatives among the candidates.
    clusters: u64,
    gone: u64,
    /// The sum of a hash of each document that goes and its representative.
    pairs: u64,
}

impl Expected {
    fn add(&mut self, ordinal: u64, representative: u64) {
        if ordinal == representative {
            self.clusters += 1;
        } else {
            self.gone += 1;
            self.pairs = self.pairs.wrapping_add(mix(mix(ordinal) ^ representative));
        }
    }
}

/// What should be found, cluster by cluster: the same rule with all pairs compared.
fn expect(corpus: &Corpus) -> Outcome<Expected> {
    let mut expected = Expected { components: 1, ..Expected::default() };
    corpus.each_cluster(|documents| {
        let mut documents: Vec<&Document> = documents.iter().collect();
        documents.sort_unstable_by_key(|d| (d.order, d.ordinal));
        let shares = |a: &Document, b: &Document| a.keys.iter().zip(&b.keys).any(|(a, b)| a == b);
        let mut roots: Vec<usize> = (0..documents.len()).collect();
        let sketches: Vec<Sketch> = documents.iter().map(|d| d.sketch()).collect();
        // Each one's representative, by their places.
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

/// Documents that follow from their number.
struct Corpus {
    documents: u64,
    /// For each size of a cluster from 2 on, the chance of at most that, in 2^-32.
    sizes: Vec<u64>,
    /// Bits of the smallest power of two that is not below the documents.
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

/// A document's minima; those that nobody shares are made when they are asked for.
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

    /// Hands over every document, those of a cluster together, all others alone.
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

    /// A member of the cluster that starts at `first`; only the first may be of the template.
    fn member(&self, first: u64, slot: u64) -> Document {
        let seed = mix(slot ^ 2 << 60);
        // Between 0.6 and 1, in 2^-16.
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

    /// A bijection of `0..documents`: a Feistel network on the next even power of two, gone through
    /// until it ends inside.
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
            "{step:20} {seconds:8.2} s {:7.3} per million; processor {used:8.2} s {:7.3} per million",
            seconds / million,
            used / million
        );
        (self.start, self.processor) = (Instant::now(), processor);
        Ok(())
    }
}

/// The time of all threads so far, which other work on the machine does not lengthen as it does
/// the wall clock's. Linux counts it in hundredths of a second.
fn processor_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2);
    Ok(ticks.map(str::parse::<f64>).sum::<Result<f64, _>>()? / 100.0)
}

/// The most memory that this process has held, as the system counts it.
fn memory_peak() -> Outcome<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.ok_or("no VmHWM")?.trim().to_owned())
}
