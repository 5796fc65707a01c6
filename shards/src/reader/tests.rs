//! Reading rows, and refusing damaged ones.

use std::path::PathBuf;

use store::StagedFolder;

use crate::dataset::{DatasetWriter, Document, ShardManifest, Split, Tokens};

use super::*;
use crate::order::{Order, Stage};
use crate::plan::{PlanSettings, Strategy, plan_dataset, sources_by_shard};

const VOCAB_SIZE: usize = 300;
const END: u32 = 299;

/// A dataset with two sources in separate shards, and a plan for rows of 32.
struct Made {
    folder: tempfile::TempDir,
    documents: Vec<Vec<u32>>,
}

impl Made {
    fn new(strategy: Strategy) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let staged = StagedFolder::create(&folder.path().join("data")).unwrap();
        let mut writer = DatasetWriter::new(&staged, VOCAB_SIZE, 2000);
        let mut documents = Vec::new();
        let mut random = 7u32;
        for number in 0..200 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let length = 1 + random % 97;
            let mut tokens: Vec<u32> = (0..length).map(|i| (number * 31 + i) % END).collect();
            tokens.push(END);
            let source = if number < 120 { "web" } else { "code" };
            let document =
                Document { id: "", source, bytes: u64::from(length), tokens: Tokens::Ids(&tokens) };
            // A document as long as a shard fills its own shard, so that each shard has one
            // source.
            if number == 120 {
                let long = vec![1; 2000];
                writer
                    .add(Split::Train, &Document { tokens: Tokens::Ids(&long), ..document })
                    .unwrap();
                documents.push(long);
            }
            writer.add(Split::Train, &document).unwrap();
            documents.push(tokens);
        }
        let manifest = ShardManifest { end_of_text: Some(END), ..ShardManifest::new(VOCAB_SIZE) };
        let (manifest, _) = writer.finish(manifest).unwrap();
        staged.finish().unwrap();
        let made = Self { folder, documents };
        let sources = sources_by_shard(&manifest, Split::Train).unwrap();
        let names: Vec<&str> = sources.iter().map(|source| source.name.as_str()).collect();
        assert_eq!(names, ["code", "web"]);
        let settings = PlanSettings { strategy, ..PlanSettings::new(32) };
        plan_dataset(&made.data(), Split::Train, &sources, &settings, &made.plan()).unwrap();
        made
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn plan(&self) -> PathBuf {
        self.folder.path().join("train-32.plan")
    }

    fn reader(&self) -> RowReader {
        RowReader::open(&self.data(), &self.plan()).unwrap()
    }
}

fn order_of(reader: &RowReader) -> Order {
    let stages = [
        Stage { first_step: 0, batch_rows: 8, weights: vec![1, 3] },
        Stage { first_step: 20, batch_rows: 16, weights: vec![1, 1] },
    ];
    reader.order(17, &stages, None).unwrap()
}

/// Rows hold the documents' tokens, and padding after the last end.
#[test]
fn rows_are_the_documents() {
    for strategy in [Strategy::BestFit, Strategy::Concat, Strategy::Truncate] {
        let made = Made::new(strategy);
        let reader = made.reader();
        for row in 0..reader.plan().n_rows() {
            let batch = reader.read(&[row]).unwrap();
            let (tokens, ends) = (batch.tokens_of(0), batch.document_ends(0));
            let mut start = 0;
            let documents = reader.documents(row).unwrap();
            assert_eq!(documents.len(), ends.len());
            for (document, end) in documents.iter().zip(ends) {
                let of = &made.documents[document.number as usize];
                let (from, length) = (document.start as usize, document.length as usize);
                assert_eq!(document.document_tokens as usize, of.len());
                assert_eq!(&tokens[start..*end as usize], &of[from..from + length]);
                start = *end as usize;
            }
            assert!(tokens[start..].iter().all(|token| *token == END));
            let payload: usize = reader
                .plan()
                .row(row)
                .unwrap()
                .map(|segment| reader.payload(segment).unwrap().len())
                .sum();
            assert_eq!(payload, start * 2);
        }
    }
}

/// The rows of all ranks together are the global batch, from any step on.
#[test]
fn ranks_read_one_sequence_and_resume() {
    let made = Made::new(Strategy::BestFit);
    let reader = made.reader();
    let order = order_of(&reader);
    let digest = |step| reader.read(&order.rows(step)).unwrap().digest();
    let digests: Vec<u64> = (0..40).map(digest).collect();
    for world in [1, 2, 4, 8] {
        for first_step in [0, 3, 19, 20, 33] {
            let state = order.state(first_step);
            let (again, first_step) = Order::from_state(reader.plan().subject(), &state).unwrap();
            for step in first_step..40 {
                let read = |rank| reader.read(&again.rank_rows(step, rank, world).unwrap());
                let batches: Vec<Batch> = (0..world).map(|rank| read(rank).unwrap()).collect();
                let mut whole = Batch { row_tokens: 33, ..Batch::default() };
                for row in 0..batches[0].rows.len() {
                    for batch in &batches {
                        whole.tokens.extend_from_slice(batch.tokens_of(row));
                    }
                }
                assert_eq!(whole.digest(), digests[step as usize]);
            }
        }
    }
}

/// A shorter last batch is refused when it cannot be divided between the ranks.
#[test]
fn a_last_batch_that_cannot_be_divided_is_refused() {
    let made = Made::new(Strategy::BestFit);
    let reader = made.reader();
    let stage = Stage { first_step: 0, batch_rows: 8, weights: vec![1, 3] };
    for (samples, can_divide) in [(16, true), (18, true), (19, false)] {
        let order = reader.order(1, std::slice::from_ref(&stage), Some(samples)).unwrap();
        let last_step = order.steps_total().unwrap() - 1;
        assert_eq!(order.rank_rows(last_step, 1, 2).is_ok(), can_divide, "{samples}");
    }
}

/// A damaged shard is refused by the step that would use it, not by earlier steps.
#[test]
fn a_damaged_shard_is_refused_before_its_step() {
    let made = Made::new(Strategy::BestFit);
    let path = made.data().join("train-00002.bin");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    store::write_file(&path, &bytes).unwrap();
    let reader = made.reader();
    let mut refused = 0;
    for row in 0..reader.plan().n_rows() {
        let uses = reader.plan().row(row).unwrap().any(|segment| segment.shard == 2);
        let read = reader.read(&[row]);
        assert_eq!(read.is_err(), uses, "row {row}");
        if let Err(error) = read {
            assert!(error.to_string().contains("train-00002.bin"), "{error}");
            refused += 1;
        }
    }
    assert!(refused > 0);
}

/// A plan of another dataset is refused.
#[test]
fn another_root_is_refused() {
    let (one, other) = (Made::new(Strategy::BestFit), Made::new(Strategy::BestFit));
    let path = other.data().join(ShardManifest::FILE);
    let mut manifest = ShardManifest::read(&other.data()).unwrap();
    manifest.end_of_text = None;
    store::write_file(&path, &manifest.seal().to_json().unwrap()).unwrap();
    let error = RowReader::open(&other.data(), &one.plan()).err().unwrap();
    assert!(matches!(error, crate::ShardError::Identity { what: "dataset root", .. }), "{error}");
}
