//! Laws of what training and evaluation read, on a small dataset.

use std::path::PathBuf;

use model::{BatchSource as _, TokenSource as _};
use shards::dataset::{DatasetWriter, Document, ShardManifest, Split, Tokens};
use store::StagedFolder;

use crate::data::{Batches, Documents};
use crate::dataset::{PlanOptions, explain, open_planned, plan_name};
use crate::rows::order_of;

const VOCAB_SIZE: usize = 300;
const END: u32 = 299;
const CONTEXT: u32 = 32;

/// The tokens of document `number`.
fn tokens_of(number: u32) -> Vec<u32> {
    let length = 1 + number * 37 % 61;
    (0..length).map(|at| (number * 31 + at) % END).chain([END]).collect()
}

/// A dataset in several shards; every tenth document is held out.
struct Made {
    folder: tempfile::TempDir,
    documents: [Vec<Vec<u32>>; 2],
}

impl Made {
    fn new(n_documents: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let staged = StagedFolder::create(&folder.path().join("data")).unwrap();
        let mut writer = DatasetWriter::new(&staged, VOCAB_SIZE, 500);
        let mut documents = [Vec::new(), Vec::new()];
        for number in 0..n_documents {
            let tokens = tokens_of(number);
            let split = if number % 10 == 9 { Split::Validation } else { Split::Train };
            let ids = Tokens::Ids(&tokens);
            writer.add(split, &Document { id: "", source: "web", bytes: 1, tokens: ids }).unwrap();
            documents[split as usize].push(tokens);
        }
        let manifest = ShardManifest { end_of_text: Some(END), ..ShardManifest::new(VOCAB_SIZE) };
        writer.finish(manifest).unwrap();
        staged.finish().unwrap();
        Self { folder, documents }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn documents(&self, split: Split) -> &[Vec<u32>] {
        &self.documents[split as usize]
    }
}

#[test]
fn an_epoch_predicts_every_token_of_the_training_half_once() {
    let made = Made::new(200);
    let reader = open_planned(&made.data(), PlanOptions::of_rows(CONTEXT), None).unwrap();
    let n_rows = reader.plan().n_rows();
    let order = order_of(&reader, 5, 1).unwrap();
    let batches = Batches::new(reader, order);
    let documents = made.documents(Split::Train);
    assert_eq!(
        batches.id().tokens,
        documents.iter().map(|tokens| tokens.len() as u64).sum::<u64>()
    );
    assert!(documents.iter().any(|tokens| tokens.len() > CONTEXT as usize + 1));
    let mut pieces = Vec::new();
    for step in 0..n_rows as usize {
        for row in batches.batch(step).unwrap().rows {
            let ends = row.boundaries.iter().copied().chain([row.ids.len()]);
            let mut start = 0;
            for end in ends {
                pieces.push(row.ids[start..end].to_vec());
                start = end;
            }
        }
    }
    // A piece of a cut document begins with the last token of the piece before, so that each token
    // but a document's first is predicted once.
    let predicted = |pieces: &[Vec<u32>]| -> Vec<u32> {
        pieces.iter().flat_map(|piece| piece[1..].iter().copied()).collect()
    };
    let (mut read, mut held) = (predicted(&pieces), predicted(documents));
    read.sort_unstable();
    held.sort_unstable();
    assert!(read == held);
    for tokens in documents.iter().filter(|tokens| tokens.len() <= CONTEXT as usize + 1) {
        let times = pieces.iter().filter(|piece| *piece == tokens).count();
        assert_eq!(times, 1, "a document that fits into a row is not cut");
    }
}

/// The order explains the batch that training reads.
#[test]
fn a_step_is_explained_by_the_documents_in_its_batch() {
    let made = Made::new(120);
    let open = || open_planned(&made.data(), PlanOptions::of_rows(CONTEXT), None).unwrap();
    let (reader, order) = (open(), order_of(&open(), 3, 4).unwrap());
    let batches = Batches::new(open(), order_of(&open(), 3, 4).unwrap());
    for step in [0, 3, 11] {
        let explained = explain(&reader, &made.data(), &order, step).unwrap();
        let batch = batches.batch(step as usize).unwrap();
        assert_eq!(explained.digest, format!("{:016x}", batch.digest));
        for document in &explained.documents {
            let whole = made.documents(Split::Train)[document.number as usize].len() as u64;
            assert!(document.tokens <= whole && !document.places.is_empty());
        }
    }
}

#[test]
fn a_half_is_read_as_its_documents_across_shards() {
    let made = Made::new(200);
    for split in [Split::Train, Split::Validation] {
        let documents = Documents::open(&made.data(), split).unwrap();
        let joined = made.documents(split).concat();
        let mut read = vec![0; joined.len()];
        assert_eq!(documents.n_tokens(), joined.len() as u64);
        assert_eq!(documents.read(0, &mut read), joined.len());
        assert_eq!(read, joined);
        let mut start = 0;
        let starts = made.documents(split).iter().map(|tokens| {
            start += tokens.len() as u64;
            start
        });
        let starts: Vec<u64> = starts.filter(|start| *start < joined.len() as u64).collect();
        assert_eq!(documents.boundaries(0, joined.len() as u64), starts);
    }
}

#[test]
fn some_documents_are_whole_and_at_least_one() {
    let made = Made::new(100);
    let documents = Documents::open(&made.data(), Split::Train).unwrap();
    let expected = made.documents(Split::Train);
    let first = documents.some([4, 7, 2].into_iter(), 1).unwrap();
    assert_eq!(first.n_tokens(), expected[4].len() as u64);
    let two = (expected[4].len() + expected[7].len()) as u64;
    let both = documents.some([4, 7, 2].into_iter(), two).unwrap();
    let mut read = vec![0; two as usize];
    assert_eq!(both.read(0, &mut read), two as usize);
    assert_eq!(read, [&expected[4][..], &expected[7]].concat());
    assert_eq!(both.boundaries(0, two), [expected[4].len() as u64]);
    let none = documents.some([expected.len() as u64].into_iter(), 10).unwrap_err();
    assert!(bug::is_bug(&none), "{none}");
}

#[test]
fn a_plan_of_another_dataset_or_a_damaged_one_is_made_again() {
    let (made, other) = (Made::new(60), Made::new(80));
    let options = PlanOptions::of_rows(CONTEXT);
    let plan = made.data().join(plan_name(options));
    let root = |made: &Made| ShardManifest::read(&made.data()).unwrap().root;
    open_planned(&made.data(), options, None).unwrap();
    let right = std::fs::read(&plan).unwrap();
    open_planned(&other.data(), options, None).unwrap();
    let wrong = std::fs::read(other.data().join(plan_name(options))).unwrap();
    for bytes in [wrong, right[..right.len() / 2].to_vec()] {
        store::write_file(&plan, &bytes).unwrap();
        let reader = open_planned(&made.data(), options, None).unwrap();
        assert_eq!(reader.plan().header().root, root(&made));
        assert_eq!(std::fs::read(&plan).unwrap(), right);
    }
}
