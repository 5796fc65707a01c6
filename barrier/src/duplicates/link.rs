//! Finds candidates, which are documents that share a key.

use dedup::candidates::{Candidates, Linker, band_row, exact_row};
use dedup::marks::Bits;
use dedup::sort::Sorter;
use store::Scratch;

use crate::cost::bands_at_once;
use crate::error::Result;
use crate::input::BarrierInput;
use crate::keys::{KeyLayout, KeyRow};

/// Links documents that share a key.
///
/// # Errors
/// Keys cannot be read, or scratch files cannot be written.
pub(super) fn link(
    input: &BarrierInput<'_>,
    layout: KeyLayout,
    scratch: &Scratch,
) -> Result<Candidates> {
    match layout {
        KeyLayout::Keys => link_equal(input, scratch),
        KeyLayout::Bands { .. } => link_bands(input, &layout.band_columns(), scratch),
    }
}

/// Links documents with equal keys of 128 bits.
fn link_equal(input: &BarrierInput<'_>, scratch: &Scratch) -> Result<Candidates> {
    let documents = input.files.documents();
    let mut sorter = Sorter::new(scratch, "rows", documents, input.memory_bytes)?;
    let row = |row: KeyRow<'_>, found: &mut Vec<[u8; 24]>| {
        if !input.is_gone(&row) {
            let keys = row.keys.as_chunks().0;
            found.extend(keys.iter().map(|k| exact_row(u128::from_be_bytes(*k), row.ordinal)));
        }
    };
    let push = |rows: Vec<_>| Ok(rows.into_iter().try_for_each(|row| sorter.push(row))?);
    input.files.collect(&["keys"], row, push)?;
    let mut linker = Linker::new(scratch, "edges", documents)?;
    linker.add(&sorter.finish()?)?;
    Ok(linker.finish()?)
}

/// Links documents that share the key of a band, a few bands at a time. Reading each band's column
/// separately is cheaper than writing the rows of all bands and reading them back.
fn link_bands(input: &BarrierInput<'_>, bands: &[String], scratch: &Scratch) -> Result<Candidates> {
    let documents = input.files.documents();
    let gone = gone(input)?;
    let mut linker = Linker::new(scratch, "edges", documents)?;
    let at_once = bands_at_once(documents, input.memory_bytes);
    for bands in bands.chunks(at_once) {
        let expected = documents * bands.len() as u64;
        let mut sorter = Sorter::new(scratch, "rows", expected, input.memory_bytes)?;
        input.files.bands(bands, &gone, |keys| {
            let mut rows = keys.into_iter().map(|(key, ordinal)| band_row(key, ordinal));
            Ok(rows.try_for_each(|row| sorter.push(row))?)
        })?;
        linker.add(&sorter.finish()?)?;
    }
    Ok(linker.finish()?)
}

/// The ordinals of the documents that an earlier stage dropped.
fn gone(input: &BarrierInput<'_>) -> Result<Bits> {
    let mut gone = Bits::default();
    if !input.earlier.is_empty() {
        let find = |row: KeyRow<'_>, found: &mut Vec<u64>| {
            found.extend(input.is_gone(&row).then_some(row.ordinal));
        };
        input.files.collect(&[], find, |found: Vec<u64>| {
            found.into_iter().for_each(|ordinal| gone.set(ordinal));
            Ok(())
        })?;
    }
    Ok(gone)
}
