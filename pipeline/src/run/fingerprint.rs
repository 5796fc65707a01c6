//! The fingerprint of a run: everything that its output depends on.

use store::Fingerprint;

use crate::error::Result;
use crate::inputs::Inputs;
use crate::plan::Plan;
use crate::recipe::Recipe;

/// Everything that the output of a run depends on: the version, the resolved recipe, and the
/// content of each file. A run directory can only be resumed with the same fingerprint.
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
        let name = format!("input: {} {}", file.source, file.listed.file.address);
        fingerprint.set(name, format!("{} bytes, {}", file.listed.file.bytes, file.identity));
    }
    Ok(fingerprint)
}
