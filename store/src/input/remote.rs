//! Addresses in object stores and on web servers.

use std::sync::Arc;

use futures::TryStreamExt;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use url::Url;

use super::pattern::{Pattern, is_pattern};
use super::{InputFile, Location, refused};
use crate::Result;
use crate::requests::{credentials, wait};

/// The schemes of object stores. The part after the bucket is the object's name as it is, without
/// escapes.
const STORES: [&str; 5] = ["s3", "s3a", "gs", "az", "abfs"];

/// The schemes of web servers, which cannot list their files.
const WEB: [&str; 2] = ["https", "http"];

/// A bucket, or a web server.
struct Place {
    store: Arc<dyn ObjectStore>,
    /// What precedes an object's name in its address.
    base: String,
}

/// The object at an address, the objects below a folder, or those that match a pattern.
///
/// # Errors
/// The scheme is unknown, or the store refuses a request.
pub(super) fn resolve(address: &str, scheme: &str, rest: &str) -> Result<Vec<InputFile>> {
    if WEB.contains(&scheme) {
        let (place, path) = open(address, address, scheme)?;
        let found = place.head(path).map_err(|error| refused(address, error.to_string()))?;
        return found.map(|file| vec![file]).ok_or_else(|| refused(address, "is not there"));
    }
    if !STORES.contains(&scheme) {
        let message = format!("`{scheme}://` is not supported; use s3, gs, az, https or file");
        return Err(refused(address, message));
    }
    let (bucket, name) = rest.split_once('/').unwrap_or((rest, ""));
    let (place, _) = open(address, &format!("{scheme}://{bucket}"), scheme)?;
    let failed = |error: &dyn std::fmt::Display| refused(address, error.to_string());
    // An object of that name is that object, even if its name looks like a pattern.
    if !name.is_empty() && !name.ends_with('/') {
        let path = ObjectPath::parse(name).map_err(|error| failed(&error))?;
        if let Some(file) = place.head(path).map_err(|error| failed(&error))? {
            return Ok(vec![file]);
        }
    }
    if is_pattern(name) {
        let literal = name.split(['*', '?', '[', '{']).next().unwrap_or("");
        let folder = literal.rsplit_once('/').map_or("", |(folder, _)| folder);
        let pattern = Pattern::new(name).map_err(|message| refused(address, message))?;
        let files = place.below(folder).map_err(|error| failed(&error))?;
        let matches = |file: &InputFile| {
            file.address.strip_prefix(&place.base).is_some_and(|name| pattern.matches(name))
        };
        return Ok(files.into_iter().filter(matches).collect());
    }
    let folder = name.trim_end_matches('/');
    let everything = Pattern::everything().map_err(|message| refused(address, message))?;
    let files = place.below(folder).map_err(|error| failed(&error))?;
    let is_shown = |file: &InputFile| {
        let inner = file.address.strip_prefix(&place.base).and_then(|n| n.strip_prefix(folder));
        inner.is_some_and(|inner| everything.matches(inner.trim_start_matches('/')))
    };
    let files = files.into_iter().filter(is_shown);
    Ok(files.map(|file| InputFile { is_from_folder: true, ..file }).collect())
}

/// Opens the store of a URL. Returns the path within it, too.
fn open(address: &str, url: &str, scheme: &str) -> Result<(Place, ObjectPath)> {
    let failed = |error: &dyn std::fmt::Display| refused(address, error.to_string());
    let parsed = Url::parse(url).map_err(|error| failed(&error))?;
    let mut options = credentials();
    if scheme == "http" {
        options.push(("allow_http".into(), "true".into()));
    }
    let (store, path) =
        object_store::parse_url_opts(&parsed, options).map_err(|error| failed(&error))?;
    // An address with escaped characters does not end with the path, which is unescaped. Its file
    // is shown by its path alone.
    let base = match address.strip_suffix(path.as_ref()) {
        Some(base) if WEB.contains(&scheme) => base.to_owned(),
        _ if WEB.contains(&scheme) => String::new(),
        _ => format!("{url}/"),
    };
    Ok((Place { store: Arc::from(store), base }, path))
}

impl Place {
    fn file(&self, meta: ObjectMeta) -> InputFile {
        InputFile {
            address: format!("{}{}", self.base, meta.location),
            bytes: meta.size,
            is_from_folder: false,
            location: Location::Remote {
                store: self.store.clone(),
                version: meta.e_tag.unwrap_or_else(|| meta.last_modified.to_rfc3339()),
                path: meta.location,
            },
        }
    }

    /// The object with this name, if there is one.
    fn head(&self, path: ObjectPath) -> std::io::Result<Option<InputFile>> {
        let store = self.store.clone();
        let found = wait(async move {
            match store.head(&path).await {
                Err(object_store::Error::NotFound { .. }) => Ok(None),
                found => found.map(Some),
            }
        })?;
        Ok(found.map(|meta| self.file(meta)))
    }

    /// All objects below a folder; of the whole bucket for an empty name.
    fn below(&self, folder: &str) -> std::io::Result<Vec<InputFile>> {
        let store = self.store.clone();
        let prefix = (!folder.is_empty()).then(|| ObjectPath::from(folder));
        let listing = async move { store.list(prefix.as_ref()).try_collect::<Vec<_>>().await };
        Ok(wait(listing)?.into_iter().map(|meta| self.file(meta)).collect())
    }
}
