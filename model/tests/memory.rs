//! The planned peak of memory against the measured one. A process has one peak, so this is a
//! separate program, and the smaller run comes first.

#[path = "../examples/windows/mod.rs"]
mod windows;

use model::{Control, ModelConfig, NoCheckpoints, TrainConfig, TrainingData, plan, pretrain};

use crate::windows::Windows;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Peak memory of this process in bytes, where the system reports it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib << 10)
}

#[test]
fn the_planned_peak_is_near_the_measured_one() {
    let narrow = ModelConfig { dim: 128, ffn_dim: 352, ..ModelConfig::default() };
    let shapes = [
        // Most memory is in activations, then in the table of a large vocabulary.
        ModelConfig { vocab_size: 2048, n_layers: 12, context: 512, ..narrow.clone() },
        ModelConfig { vocab_size: 49_152, n_layers: 2, tie_embeddings: false, ..narrow },
    ];
    for config in shapes {
        let train = TrainConfig {
            steps: 2,
            batch_size: 8,
            eval_batches: 1,
            device: "cpu".to_owned(),
            ..TrainConfig::default()
        };
        let tokens: Vec<u32> = (0..20_000).map(|i| i * 7 % config.vocab_size as u32).collect();
        let bytes = vec![1; config.vocab_size];
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        pool.install(|| {
            let batches = Windows { ids: &tokens, context: config.context, batch_size: 8, seed: 1 };
            let data = TrainingData {
                batches: &batches,
                validation: &tokens,
                token_bytes: &bytes,
                initial: None,
            };
            let go_on = &mut |_: model::Progress<'_>| Control::Continue;
            pretrain(&config, &train, data, &mut NoCheckpoints, go_on).unwrap();
        });
        let Some(measured) = peak() else { return };
        let planned = plan(&config, &train, 2).memory.training;
        let ratio = planned as f64 / measured as f64;
        println!("planned {} MiB, measured {} MiB", planned >> 20, measured >> 20);
        assert!((0.8..1.25).contains(&ratio), "planned {planned}, measured {measured}");
    }
}
