//! Reads texts again to compute the true similarity of pairs whose estimate is too close to the
//! threshold.

use std::sync::{Mutex, PoisonError};

use dedup::leaders::Verify;
use rayon::prelude::*;
use store::Scratch;
use text::minhash::{self, MinHasher};

use crate::error::{BarrierError, Result};
use crate::input::{BarrierInput, Texts};
use crate::keys::KeyFiles;

/// Documents by part: ordinals and ids, both ascending.
type Wanted = Vec<(usize, Vec<(u64, u64)>)>;

/// The documents with these ordinals, by part. `ordinals` must be sorted and distinct. Documents of
/// earlier runs have no text here and are skipped.
fn wanted(files: &KeyFiles, ordinals: &[u64]) -> Result<Wanted> {
    let mut by_part: Vec<(usize, Vec<u64>)> = Vec::new();
    for ordinal in ordinals {
        let part = files.file_of(*ordinal);
        match by_part.last_mut() {
            Some((last, ordinals)) if *last == part => ordinals.push(*ordinal),
            _ => by_part.push((part, vec![*ordinal])),
        }
    }
    by_part.retain(|(part, _)| *part < files.parts());
    by_part
        .into_par_iter()
        .map(|(part, ordinals)| {
            let mut found = Vec::with_capacity(ordinals.len());
            files.each_of(part, &[], &mut |row| {
                if ordinals.binary_search(&row.ordinal).is_ok() {
                    found.push((row.ordinal, row.doc_id));
                }
                Ok(())
            })?;
            Ok((part, found))
        })
        .collect()
}

/// The shingles of documents, in a scratch file.
struct Shingles {
    /// Ordinal, offset in the file in bytes, and number of shingles; sorted.
    places: Vec<(u64, u64, u32)>,
    reader: store::ScratchReader,
}

impl Shingles {
    /// Reads the texts of `wanted` and writes their shingles to the scratch file.
    fn gather(
        scratch: &Scratch,
        hasher: &MinHasher,
        texts: &dyn Texts,
        wanted: &Wanted,
    ) -> Result<Self> {
        const FILE: &str = "shingles";
        let file = Mutex::new(scratch.write(FILE)?);
        let places = wanted
            .par_iter()
            .map(|(part, documents)| {
                let doc_ids: Vec<u64> = documents.iter().map(|(_, doc_id)| *doc_id).collect();
                let (mut scratch, mut shingles) = (minhash::Scratch::default(), Vec::new());
                let mut places = Vec::with_capacity(documents.len());
                texts.each(*part, &doc_ids, &mut |doc_id, text| {
                    hasher.shingles(text, &mut scratch, &mut shingles);
                    let bytes: Vec<u8> = shingles.iter().flat_map(|s| s.to_le_bytes()).collect();
                    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                    let offset = file.append(&bytes)?;
                    if let Ok(place) = doc_ids.binary_search(&doc_id) {
                        places.push((documents[place].0, offset, shingles.len() as u32));
                    }
                    Ok(())
                })?;
                Ok(places)
            })
            .collect::<Result<Vec<_>>>()?;
        let mut places: Vec<_> = places.into_iter().flatten().collect();
        places.sort_unstable();
        file.into_inner().unwrap_or_else(PoisonError::into_inner).finish()?;
        Ok(Self { places, reader: scratch.read(FILE)? })
    }

    /// The shingles of a document, sorted, or `None` if this run does not have its text.
    fn of(&self, ordinal: u64) -> Result<Option<Vec<u64>>> {
        let found = self.places.binary_search_by_key(&ordinal, |(ordinal, _, _)| *ordinal);
        let Ok(place) = found else { return Ok(None) };
        let (_, offset, number) = self.places[place];
        let mut bytes = vec![0; number as usize * size_of::<u64>()];
        self.reader.read_at(offset, &mut bytes)?;
        Ok(Some(bytes.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect()))
    }
}

/// The true similarities of pairs of ordinals; `pairs` must be sorted. Pairs with a document of an
/// earlier run are skipped, because this run does not have its text.
///
/// # Errors
/// Texts cannot be read, or the scratch file cannot be written.
pub(super) fn similarities(
    pairs: &[(u64, u64)],
    verify: Verify,
    hasher: &MinHasher,
    input: &BarrierInput<'_>,
    scratch: &Scratch,
) -> Result<Vec<((u64, u64), f32)>> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let mut ordinals: Vec<u64> = pairs.iter().flat_map(|(a, b)| [*a, *b]).collect();
    ordinals.sort_unstable();
    ordinals.dedup();
    let wanted = wanted(&input.files, &ordinals)?;
    let shingles = Shingles::gather(scratch, hasher, input.texts, &wanted)?;
    // Pairs are grouped by their first document, so that its shingles are read once.
    let groups: Vec<&[(u64, u64)]> = pairs.chunk_by(|a, b| a.0 == b.0).collect();
    let found: Vec<Vec<((u64, u64), f32)>> = groups
        .into_par_iter()
        .map(|group| {
            let Some(first) = shingles.of(group[0].0)? else { return Ok(Vec::new()) };
            let mut found = Vec::with_capacity(group.len());
            for pair in group {
                let Some(second) = shingles.of(pair.1)? else { continue };
                let similarity = match verify {
                    Verify::Containment => minhash::containment(&first, &second),
                    _ => minhash::jaccard(&first, &second),
                };
                found.push((*pair, similarity as f32));
            }
            Ok::<_, BarrierError>(found)
        })
        .collect::<Result<_>>()?;
    Ok(found.into_iter().flatten().collect())
}
