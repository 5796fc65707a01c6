//! Datasets in an object store: whole or not there, and taken only when checked. Broken connections
//! are in `benches/shard_remote.py`.

#![expect(clippy::disallowed_methods, reason = "these tests damage files from outside")]

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::executor::block_on;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt as _};

use super::shard_damage::{lengths, write};
use crate::shards::objects::Objects;
use crate::shards::upload::upload_to;
use crate::shards::{RemoteDataset, Shard, ShardManifest, verify};
use crate::{Dir, LocalDir};

fn objects(store: &Arc<InMemory>) -> Objects {
    let prefix = ObjectPath::from("data/web");
    Objects::new(store.clone(), prefix, "memory://data/web", Duration::ZERO)
}

fn bytes_of(store: &InMemory, name: &str) -> Vec<u8> {
    let path = ObjectPath::from(format!("data/web/{name}"));
    block_on(async { store.get(&path).await.unwrap().bytes().await.unwrap() }).to_vec()
}

fn put(store: &dyn ObjectStore, name: &str, bytes: Vec<u8>) {
    let path = ObjectPath::from(format!("data/web/{name}"));
    block_on(store.put(&path, bytes.into())).unwrap();
}

fn remove(store: &InMemory, name: &str) {
    block_on(store.delete(&ObjectPath::from(format!("data/web/{name}")))).unwrap();
}

fn tree(root: &Path) -> Vec<(String, Vec<u8>)> {
    let files = LocalDir::new(root).list().unwrap();
    files.into_iter().map(|file| (file.clone(), fs::read(root.join(file)).unwrap())).collect()
}

fn names(store: &InMemory) -> Vec<String> {
    let listed: Vec<_> = block_on(store.list(None).collect());
    listed.into_iter().map(|object| object.unwrap().location.to_string()).collect()
}

fn message<T>(result: crate::Result<T>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn dataset_comes_back_as_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let (local, cache) = (folder.path().join("local"), folder.path().join("cache"));
    let manifest = write(&local, &lengths(), true);
    let store = Arc::new(InMemory::new());
    let open = || RemoteDataset::open_in(objects(&store), &cache);
    assert!(message(open()).contains("there is no dataset"));

    let uploaded = upload_to(&local, &objects(&store), 2).unwrap();
    assert_eq!(uploaded.root, manifest.root);
    assert_eq!(uploaded.objects, tree(&local).len() as u64);
    let again = upload_to(&local, &objects(&store), 1).unwrap();
    assert_eq!((again.objects, again.bytes), (0, 0));

    let remote = open().unwrap();
    assert_eq!(*remote.manifest(), manifest);
    // One shard alone can be read; the folder is no dataset before all of it is here.
    let entry = &manifest.shards[1];
    remote.fetch(entry).unwrap();
    let shard = Shard::open(remote.folder(), &manifest, entry).unwrap();
    shard.check(0..shard.n_tokens()).unwrap();
    assert!(ShardManifest::read(remote.folder()).is_err());
    let here = remote.fetch_all().unwrap();
    assert_eq!(tree(here), tree(&local));
    assert_eq!(verify(here, 1).findings, []);

    // What is here is not asked for again.
    manifest.shards.iter().for_each(|shard| remove(&store, &format!("{}.bin", shard.name)));
    open().unwrap().fetch_all().unwrap();

    let other = folder.path().join("other");
    write(&other, &[5, 6], true);
    assert!(message(upload_to(&other, &objects(&store), 1)).contains("another dataset is there"));
}

#[test]
fn upload_that_broke_off_is_invisible_and_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let (local, cache) = (folder.path().join("local"), folder.path().join("cache"));
    write(&local, &lengths(), true);
    let store = Arc::new(InMemory::new());
    put(store.as_ref(), "train-00000.bin", vec![1, 2, 3]);
    put(store.as_ref(), "train-00000.idx", vec![]);
    assert!(RemoteDataset::open_in(objects(&store), &cache).is_err());
    upload_to(&local, &objects(&store), 1).unwrap();
    let remote = RemoteDataset::open_in(objects(&store), &cache).unwrap();
    assert_eq!(tree(remote.fetch_all().unwrap()), tree(&local));

    let payload = local.join("train-00000.bin");
    let mut bytes = fs::read(&payload).unwrap();
    bytes[7] ^= 1;
    fs::write(payload, bytes).unwrap();
    let refused = message(upload_to(&local, &objects(&Arc::default()), 1));
    assert!(refused.contains("train-00000.bin: bytes 0 to"), "{refused}");
}

/// Their files have the same names.
#[test]
fn datasets_copied_to_one_address_at_once_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("local");
    let manifest = write(&local, &lengths(), true);
    let store = Arc::new(InMemory::new());
    put(store.as_ref(), "uploading", b"the root of another".to_vec());
    let refused = message(upload_to(&local, &objects(&store), 1));
    assert!(refused.contains("another dataset is being copied"), "{refused}");
    assert_eq!(names(&store), ["data/web/uploading"]);
    // One's own copy that broke off is gone on with.
    put(store.as_ref(), "uploading", manifest.root.into_bytes());
    upload_to(&local, &objects(&store), 1).unwrap();
    assert_eq!(names(&store).len(), tree(&local).len());
}

/// Whatever object is damaged, no file with its name is ever here.
#[test]
fn damaged_objects_are_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("local");
    // Two shards; each file is fetched several times.
    write(&local, &[1400, 700, 3], true);
    let store = Arc::new(InMemory::new());
    upload_to(&local, &objects(&store), 1).unwrap();
    for (case, (name, sound)) in tree(&local).into_iter().enumerate() {
        let cache = folder.path().join(format!("cache-{case}"));
        let mut flipped = sound.clone();
        *flipped.last_mut().unwrap() ^= 4;
        for damaged in [flipped, sound[..sound.len() - 1].to_vec()] {
            put(store.as_ref(), &name, damaged);
            let fetched = RemoteDataset::open_in(objects(&store), &cache)
                .and_then(|remote| remote.fetch_all().map(drop));
            assert!(message(fetched).contains(&format!("memory://data/web/{name}")), "{name}");
            let here = tree(&cache);
            let is_here = |file: &str| here.iter().any(|(path, _)| path.ends_with(file));
            assert!(!is_here(&name) && !is_here(ShardManifest::FILE), "{name}");
        }
        put(store.as_ref(), &name, sound.clone());
        assert_eq!(bytes_of(&store, &name), sound);
        let remote = RemoteDataset::open_in(objects(&store), &cache).unwrap();
        assert_eq!(tree(remote.fetch_all().unwrap()), tree(&local), "{name}");
    }
}
