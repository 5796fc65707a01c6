//! A folder in memory whose operations fail, write less than asked, and lose power.
//!
//! It distinguishes durable from merely visible state: content is durable after `sync`; a name that
//! was created, replaced or removed is durable after `sync_folder_of`. A power loss keeps the durable
//! part. Of the rest it keeps a selection that a seed determines; content may be torn.

use std::collections::BTreeMap;
use std::io::{self, Cursor, ErrorKind, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex, MutexGuard};

use super::random::Random;
use crate::{Dir, DirReader, DirWriter};

/// What happens at the chosen operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The operation fails, but later ones succeed.
    Error(ErrorKind),
    /// This operation and all later ones fail.
    PowerLoss,
}

#[derive(Debug, Default)]
struct Disk {
    contents: Vec<Content>,
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    /// The files that each name stood for since its folder was last synced, oldest first.
    pending: BTreeMap<String, Vec<Option<usize>>>,
    log: Vec<String>,
    fault: Option<(usize, Fault)>,
    power_is_off: bool,
    /// Chooses short reads and writes and interruptions, if there are any.
    noise: Option<Random>,
}

#[derive(Debug, Clone, Default)]
struct Content {
    visible: Vec<u8>,
    durable: Vec<u8>,
}

/// The folder; clones are the same folder.
#[derive(Debug, Clone, Default)]
pub(super) struct FaultyDir(Arc<Mutex<Disk>>);

impl FaultyDir {
    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    /// Makes operation `n` fail, counted from now and from 0.
    pub(super) fn fail_at(&self, n: usize, fault: Fault) {
        let mut disk = self.disk();
        disk.fault = Some((disk.log.len() + n, fault));
    }

    /// Makes reads and writes short and interrupted.
    pub(super) fn make_noise(&self, seed: u64) {
        self.disk().noise = Some(Random(seed));
    }

    /// The operations so far.
    pub(super) fn log(&self) -> Vec<String> {
        self.disk().log.clone()
    }

    /// True when the chosen operation was reached.
    pub(super) fn has_failed(&self) -> bool {
        let disk = self.disk();
        disk.fault.is_some_and(|(n, _)| n < disk.log.len())
    }

    /// The visible files.
    pub(super) fn tree(&self) -> BTreeMap<String, Vec<u8>> {
        let disk = self.disk();
        disk.names.iter().map(|(n, c)| (n.clone(), disk.contents[*c].visible.clone())).collect()
    }

    /// The folder after a power loss.
    pub(super) fn after_power_loss(&self, seed: u64) -> Self {
        let random = &mut Random(seed);
        let old = self.disk();
        let mut new = Disk::default();
        let mut names = old.durable_names.clone();
        for (name, states) in &old.pending {
            let choice = random.below(states.len() + 1);
            match choice.checked_sub(1).map(|chosen| states[chosen]) {
                Some(Some(content)) => drop(names.insert(name.clone(), content)),
                Some(None) => drop(names.remove(name)),
                None => {}
            }
        }
        for (name, content) in names {
            let bytes = old.contents[content].after_power_loss(random);
            new.names.insert(name, new.contents.len());
            new.contents.push(Content { visible: bytes.clone(), durable: bytes });
        }
        new.durable_names = new.names.clone();
        Self(Arc::new(Mutex::new(new)))
    }
}

impl Content {
    fn after_power_loss(&self, random: &mut Random) -> Vec<u8> {
        let Some(unsynced) = self.visible.strip_prefix(self.durable.as_slice()) else {
            return if random.below(2) == 0 { self.durable.clone() } else { self.visible.clone() };
        };
        let kept = random.below(unsynced.len() + 1);
        let mut bytes = [&self.durable, &unsynced[..kept]].concat();
        match random.below(4) {
            0 => self.durable.clone(),
            1 => self.visible.clone(),
            2 => bytes,
            // The new size is durable, but the bytes are not.
            _ => {
                bytes.resize(self.visible.len(), 0);
                bytes
            }
        }
    }
}

impl Disk {
    /// Counts an operation; fails when it is the chosen one.
    fn operation(&mut self, text: String) -> io::Result<()> {
        let now = self.log.len();
        self.log.push(text);
        match self.fault {
            Some((n, Fault::PowerLoss)) if n == now => self.power_is_off = true,
            Some((n, Fault::Error(kind))) if n == now => return Err(kind.into()),
            _ => {}
        }
        if self.power_is_off { Err(io::Error::other("the power is off")) } else { Ok(()) }
    }

    fn name(&mut self, path: &str, content: Option<usize>) {
        match content {
            Some(content) => self.names.insert(path.into(), content),
            None => self.names.remove(path),
        };
        self.pending.entry(path.into()).or_default().push(content);
    }

    fn find(&self, path: &str) -> io::Result<usize> {
        self.names.get(path).copied().ok_or_else(|| ErrorKind::NotFound.into())
    }
}

fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// True when `folder` is `path`'s folder or above it.
fn is_above(folder: &str, path: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

impl Dir for FaultyDir {
    fn create(&self, path: &str) -> io::Result<Box<dyn DirWriter>> {
        let mut disk = self.disk();
        disk.operation(format!("create {path}"))?;
        let content = disk.contents.len();
        disk.contents.push(Content::default());
        disk.name(path, Some(content));
        Ok(Box::new(Writer { dir: self.clone(), path: path.into(), content }))
    }

    fn append(&self, path: &str) -> io::Result<Box<dyn DirWriter>> {
        if self.disk().find(path).is_err() {
            return self.create(path);
        }
        let mut disk = self.disk();
        disk.operation(format!("append {path}"))?;
        let content = disk.find(path)?;
        Ok(Box::new(Writer { dir: self.clone(), path: path.into(), content }))
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn DirReader>> {
        let mut disk = self.disk();
        disk.operation(format!("open {path}"))?;
        let content = disk.find(path)?;
        let bytes = Cursor::new(disk.contents[content].visible.clone());
        Ok(Box::new(Reader { bytes, noise: disk.noise.clone() }))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        let mut disk = self.disk();
        disk.operation("list".into())?;
        Ok(disk.names.keys().cloned().collect())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.operation(format!("rename {from} {to}"))?;
        let content = disk.find(from)?;
        disk.name(from, None);
        disk.name(to, Some(content));
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.operation(format!("remove {path}"))?;
        disk.find(path)?;
        disk.name(path, None);
        Ok(())
    }

    fn truncate(&self, path: &str, bytes: u64) -> io::Result<()> {
        let mut disk = self.disk();
        disk.operation(format!("truncate {path}"))?;
        let content = disk.find(path)?;
        let content = &mut disk.contents[content];
        content.visible.truncate(bytes as usize);
        content.durable = content.visible.clone();
        Ok(())
    }

    fn sync_folder_of(&self, path: &str) -> io::Result<()> {
        let mut disk = self.disk();
        disk.operation(format!("sync folder of {path}"))?;
        let disk = &mut *disk;
        let gone = |folder: &str| !disk.names.keys().any(|name| is_above(folder, name));
        let reached = |name: &str| {
            // A removed folder lost its names with its own name.
            let mut folder = folder_of(name);
            while !folder.is_empty() && gone(folder) {
                folder = folder_of(folder);
            }
            is_above(folder, path)
        };
        let durable: Vec<String> = disk.pending.keys().filter(|n| reached(n)).cloned().collect();
        for name in durable {
            match disk.names.get(&name) {
                Some(content) => drop(disk.durable_names.insert(name.clone(), *content)),
                None => drop(disk.durable_names.remove(&name)),
            }
            disk.pending.remove(&name);
        }
        Ok(())
    }
}

struct Writer {
    dir: FaultyDir,
    path: String,
    content: usize,
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.dir.disk();
        let mut taken = bytes.len();
        if let Some(random) = &mut disk.noise {
            match random.below(4) {
                0 => return Err(ErrorKind::Interrupted.into()),
                1 => taken = 1 + random.below(bytes.len()),
                _ => {}
            }
        }
        let outcome = disk.operation(format!("write {}", self.path));
        if outcome.is_err() {
            // A full disk accepts the bytes that still fit.
            taken /= 2;
        }
        disk.contents[self.content].visible.extend_from_slice(&bytes[..taken]);
        outcome.map(|()| taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl DirWriter for Writer {
    fn sync(&mut self) -> io::Result<()> {
        let mut disk = self.dir.disk();
        disk.operation(format!("sync {}", self.path))?;
        let content = &mut disk.contents[self.content];
        content.durable = content.visible.clone();
        Ok(())
    }
}

struct Reader {
    bytes: Cursor<Vec<u8>>,
    noise: Option<Random>,
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut wanted = out.len();
        if let Some(random) = &mut self.noise {
            match random.below(4) {
                0 => return Err(ErrorKind::Interrupted.into()),
                1 => wanted = wanted.min(1 + random.below(64)),
                _ => {}
            }
        }
        self.bytes.read(&mut out[..wanted])
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}
