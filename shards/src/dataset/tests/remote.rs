//! Datasets in an object store: they are complete or absent, and are checked when they are fetched.
//! `benches/shard_remote.py` tests broken connections.

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
use store::{Dir as _, LocalDir};

use super::damage::{lengths, write};
use crate::dataset::remote::objects::Objects;
use crate::dataset::remote::upload::upload_to;
use crate::dataset::{RemoteDataset, ShardManifest, verify};

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
fn fetched_dataset_equals_the_uploaded_one() {
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
    let here = remote.fetch_all().unwrap();
    assert_eq!(tree(here), tree(&local));
    assert_eq!(verify(here, 1).findings, []);

    // Files that are here are not requested again.
    manifest.shards.iter().for_each(|shard| remove(&store, &format!("{}.bin", shard.name)));
    open().unwrap().fetch_all().unwrap();

    let other = folder.path().join("other");
    write(&other, &[5, 6], true);
    assert!(message(upload_to(&other, &objects(&store), 1)).contains("another dataset is there"));
}

#[test]
fn interrupted_upload_is_invisible_and_can_be_repeated() {
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

/// Files of different datasets have the same names.
#[test]
fn datasets_uploaded_to_one_address_do_not_mix() {
    let folder = tempfile::tempdir().unwrap();
    let local = folder.path().join("local");
    let manifest = write(&local, &lengths(), true);
    let store = Arc::new(InMemory::new());
    put(store.as_ref(), "uploading", b"the root of another".to_vec());
    let refused = message(upload_to(&local, &objects(&store), 1));
    assert!(refused.contains("another dataset is being copied"), "{refused}");
    assert_eq!(names(&store), ["data/web/uploading"]);
    // An interrupted upload of the same dataset continues.
    put(store.as_ref(), "uploading", manifest.root.into_bytes());
    upload_to(&local, &objects(&store), 1).unwrap();
    assert_eq!(names(&store).len(), tree(&local).len());
}

/// Whichever object is damaged, no file with its name appears.
#[test]
fn damaged_objects_are_not_kept() {
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
