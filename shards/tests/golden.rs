//! The golden digests, which the Python package is held to as well.

use std::path::Path;

use serde_json::Value;
use shards::order::{Order, State};
use shards::reader::{Batch, RowReader};
use xxhash_rust::xxh3::xxh3_64;

#[test]
fn a_thousand_steps_have_the_golden_digests() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../python/tests/data");
    for name in ["narrow/best-fit-128", "narrow/concat-128", "wide/best-fit-128", "wide/concat-128"]
    {
        let plan = data.join(format!("{name}.plan"));
        let text = std::fs::read(data.join(format!("{name}.golden.json"))).unwrap();
        let golden: Value = serde_json::from_slice(&text).unwrap();
        let state: State = serde_json::from_value(golden["state"].clone()).unwrap();
        let reader = RowReader::open(plan.parent().unwrap(), &plan).unwrap();
        let (order, step) = Order::from_state(reader.plan().subject(), &state).unwrap();
        assert_eq!(order.state(step), state);
        let mut batch = Batch::default();
        let mut chain = Vec::new();
        for step in 0..golden["steps"].as_u64().unwrap() {
            reader.read_into(&order.rows(step), &mut batch).unwrap();
            chain.extend_from_slice(&batch.digest().to_le_bytes());
        }
        assert_eq!(format!("{:016x}", xxh3_64(&chain)), golden["digest_of_digests"], "{name}");
    }
}
