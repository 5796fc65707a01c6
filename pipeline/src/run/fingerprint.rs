//! What decides the bytes of a run.

use store::Fingerprint;

use crate::error::Result;
use crate::inputs::Inputs;
use crate::plan::Plan;
use crate::recipe::Recipe;

/// What decides the bytes of a run: the version, the resolved recipe, and the content of each file.
///
/// # Errors
/// A file that the recipe names cannot be read.
pub(crate) fn fingerprint(recipe: &Recipe, plan: &Plan, inputs: &Inputs) -> Result<Fingerprint> {
    let mut fingerprint = Fingerprint::default();
    fingerprint.set("version", env!("CARGO_PKG_VERSION"));
    for (key, value) in recipe.resolved()? {
        fingerprint.set(format!("recipe: {key}"), value);
    }
    for (name, digest) in &plan.files {
        fingerprint.set(format!("file: {name}"), digest.clone());
    }
    for file in &inputs.files {
        let name = format!("input: {} {}", file.source, file.file.file.address);
        fingerprint.set(name, format!("{} bytes, {}", file.file.file.bytes, file.identity));
    }
    Ok(fingerprint)
}
