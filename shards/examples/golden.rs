//! Writes the small datasets, plans and digests on which the Rust and the Python readers are
//! compared: `cargo run -p gristmill-shards --example golden -- python/tests/data`.

use std::error::Error;
use std::path::Path;

use serde_json::json;
use shards::dataset::{Document, ShardManifest, ShardWriter, Split, Tokens};
use shards::order::{Order, Stage};
use shards::plan::{PlanSettings, Strategy, plan_dataset, sources_by_shard};
use shards::reader::RowReader;
use store::StagedFolder;
use xxhash_rust::xxh3::xxh3_64;

/// Steps whose digests are written.
const STEPS: u64 = 1000;

/// Each source's name, shards, and documents in a shard.
const SOURCES: [(&str, u32, u32); 3] = [("web", 2, 60), ("code", 1, 50), ("books", 1, 12)];

/// SplitMix64, for tokens and lengths.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (x ^ (x >> 31)) % bound
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("name the folder to write to")?;
    for (name, vocab_size) in [("narrow", 512), ("wide", 70_000)] {
        let folder = Path::new(&folder).join(name);
        write_dataset(&folder, vocab_size)?;
        for strategy in [Strategy::BestFit, Strategy::Concat] {
            write_golden(&folder, strategy)?;
        }
    }
    Ok(())
}

/// Each source is a dataset of its own shards: their size makes each shard end where it should.
fn write_dataset(folder: &Path, vocab_size: usize) -> Result<(), Box<dyn Error>> {
    let staged = StagedFolder::create(folder)?;
    let mut random = Random(vocab_size as u64);
    let end = vocab_size as u32 - 1;
    let mut shards = Vec::new();
    for (source, n_shards, n_documents) in SOURCES {
        for _ in 0..n_shards {
            let mut writer = ShardWriter::new(&staged, Split::Train, shards.len(), vocab_size)?;
            for _ in 0..n_documents {
                // Most documents are short, one in eight is longer than a row.
                let bound = if random.below(8) == 0 { 400 } else { 60 };
                let length = random.below(bound);
                let mut tokens: Vec<u32> =
                    (0..length).map(|_| random.below(u64::from(end)) as u32).collect();
                tokens.push(end);
                writer.add(&Document {
                    id: "",
                    source,
                    bytes: length,
                    tokens: Tokens::Ids(&tokens),
                })?;
            }
            shards.push(writer.finish()?.0);
        }
    }
    let manifest =
        ShardManifest { end_of_text: Some(end), shards, ..ShardManifest::new(vocab_size) };
    manifest.publish(&staged)?;
    staged.finish()?;
    Ok(())
}

fn write_golden(folder: &Path, strategy: Strategy) -> Result<(), Box<dyn Error>> {
    let name = match strategy {
        Strategy::Concat => "concat-128",
        _ => "best-fit-128",
    };
    let plan = folder.join(format!("{name}.plan"));
    let manifest = ShardManifest::read(folder)?;
    let sources = sources_by_shard(&manifest, Split::Train).ok_or("a shard of two sources")?;
    let settings = PlanSettings { strategy, ..PlanSettings::new(128) };
    plan_dataset(folder, Split::Train, &sources, &settings, &plan)?;
    let reader = RowReader::open(folder, &plan)?;
    let stages = [
        Stage { first_step: 0, batch_rows: 8, weights: vec![1, 2, 5] },
        Stage { first_step: 301, batch_rows: 16, weights: vec![700, 0, 299] },
        Stage { first_step: 700, batch_rows: 8, weights: vec![3, 1, 3] },
    ];
    let order: Order = reader.order(1234, &stages, None)?;
    let mut digests = Vec::new();
    for step in 0..STEPS {
        digests.push(reader.read(&order.rows(step))?.digest());
    }
    let chain: Vec<u8> = digests.iter().flat_map(|digest| digest.to_le_bytes()).collect();
    let hex = |digest: u64| format!("{digest:016x}");
    let golden = json!({
        "steps": STEPS,
        "digest_of_digests": hex(xxh3_64(&chain)),
        "first_digests": digests.iter().take(4).map(|digest| hex(*digest)).collect::<Vec<_>>(),
        "state": order.state(555),
    });
    let text = serde_json::to_string_pretty(&golden)? + "\n";
    store::write_file(&folder.join(format!("{name}.golden.json")), text.as_bytes())?;
    Ok(())
}
