//! Pretraining on shards: stopping and resuming, equivalent exports, evaluation as a gate.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::command::{Folder, tree};

/// Shards of some prose, with held-out documents.
fn shards(folder: &Folder) {
    let prose =
        ["The mill grinds the grist of the day", "and the miller counts the sacks that come in"];
    let text =
        |i: usize| (0..30 + i % 9).map(|k| prose[(i + k) % 2]).collect::<Vec<_>>().join(", ");
    let line = |i: usize| serde_json::json!({ "id": i.to_string(), "text": text(i) }).to_string();
    folder.write("docs.jsonl", &(0..80).map(line).collect::<Vec<_>>().join("\n"));
    let train = ["tokenizer", "train", "docs.jsonl", "--vocab-size", "280", "--output", "t.json"];
    folder.run(&train);
    let encode =
        ["tokenizer", "encode", "docs.jsonl", "--tokenizer", "t.json", "--output", "shards"];
    folder.run(&[&encode[..], &["--validation-fraction", "0.1"]].concat());
}

const MODEL: &str = "vocab_size = 288\ndim = 32\nlayers = 2\nheads = 4\nkv_heads = 2\nffn_dim = 64\n\
                     tie_embeddings = true\nqk_norm = false\nrope_theta = 10000.0\nnorm_eps = 1e-5\n";

fn arguments(output: &str) -> Vec<&str> {
    let flags = ["--steps", "12", "--batch", "4", "--context", "32", "--checkpoint-every", "1"];
    let mut arguments = vec!["pretrain", "shards", "--config", "model.toml", "--output", output];
    arguments.extend(flags);
    arguments
}

#[test]
fn a_run_that_was_killed_ends_with_the_same_bytes() {
    let folder = Folder::new();
    shards(&folder);
    folder.write("model.toml", MODEL);
    let whole = folder.run(&[arguments("whole"), vec!["--json", "--threads", "1"]].concat());
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert!(whole["loss"].as_f64().unwrap() < 5.7, "{whole}");
    assert!(whole["bits_per_byte"].as_f64().unwrap() > 0.0 && whole["step"] == 12);
    let journal = folder.path("killed/journal.jsonl");
    for lines in [3, 5, 8, 9] {
        let mut process = Command::new(assert_cmd::cargo::cargo_bin!("gristmill"))
            .current_dir(folder.path(""))
            .args([arguments("killed"), vec!["--resume", "--quiet"]].concat())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        while process.try_wait().unwrap().is_none() {
            let written = std::fs::read(&journal).unwrap_or_default();
            if String::from_utf8_lossy(&written).split('\n').count() > lines {
                process.kill().unwrap();
            }
            std::thread::yield_now();
        }
    }
    let refused = folder.gristmill(&arguments("killed"));
    if !folder.path("killed/manifest.json").exists() {
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(message.contains("--resume"), "{message}");
        folder.run(&[arguments("killed"), vec!["--resume"]].concat());
    }
    assert!(tree(&folder.path("whole")) == tree(&folder.path("killed")));
    let resumed = folder.fail(&[arguments("whole"), vec!["--resume"]].concat());
    assert!(resumed.contains("is finished"), "{resumed}");
}

#[test]
fn exports_go_on_with_the_same_text_and_a_worse_model_is_told() {
    let folder = Folder::new();
    shards(&folder);
    folder.write("model.toml", MODEL);
    folder.run(&arguments("good"));
    let few = ["pretrain", "shards", "--config", "model.toml", "--steps", "1", "--batch", "2"];
    folder.run(&[&few[..], &["--context", "32", "--output", "poor"]].concat());
    folder.run(&["export", "good", "--as", "hf", "--output", "hf"]);
    folder.run(&["export", "good", "--as", "gguf", "--output", "gguf"]);
    assert!(folder.path("gguf/model.gguf").is_file());
    let text = |model: &str| {
        let flags = ["--prompt", "The mill", "--temperature", "0", "--max-tokens", "12", "--json"];
        let printed = folder.run(&[&["generate", model][..], &flags].concat());
        serde_json::from_str::<Value>(&printed).unwrap()["text"].clone()
    };
    assert_eq!(text("hf"), text("good"));
    folder.write(
        "task.jsonl",
        "{\"context\": \"The mill grinds\", \"choices\": [\"qqqq zzzz\", \"the grist\"], \"answer\": 1}\n",
    );
    let eval = |model: &'static str| vec!["eval", model, "shards", "task.jsonl", "--json"];
    let good = folder.run(&eval("good"));
    let found: Value = serde_json::from_str(&good).unwrap();
    assert_eq!(found["shards"]["sources"][0]["source"], "all");
    assert_eq!(found["task.jsonl"]["choices"]["questions"], 1);
    folder.write("golden.json", &good);
    folder.run(&[eval("good"), vec!["--against", "golden.json"]].concat());
    let worse = folder.gristmill(&[eval("poor"), vec!["--against", "golden.json"]].concat());
    assert_eq!(worse.status.code(), Some(1), "{}", String::from_utf8_lossy(&worse.stderr));
}

#[test]
fn what_cannot_go_well_is_refused_before_anything_is_written() {
    let folder = Folder::new();
    shards(&folder);
    folder.write("model.toml", MODEL);
    let refused: [(&[&str], &str); 3] = [
        (&["--steps", "3", "--lr", "0"], "learning_rate"),
        (&["--steps", "0"], "steps"),
        (&["--steps", "3", "--context", "1"], "at least 2"),
    ];
    for (flags, message) in refused {
        let flags = [&["pretrain", "shards", "--config", "model.toml", "--output", "m"], flags];
        let flags = [&flags.concat()[..], &["--batch", "2"]].concat();
        let told = folder.fail(&flags);
        assert!(told.contains(message), "{told}");
        assert!(!folder.path("m/journal.jsonl").exists(), "{told}");
    }
    // The ids of one tokenizer mean nothing to a model trained with another.
    folder.run(&arguments("m"));
    let train = ["tokenizer", "train", "docs.jsonl", "--vocab-size", "279", "--output", "u.json"];
    folder.run(&train);
    let encode = ["tokenizer", "encode", "docs.jsonl", "--tokenizer", "u.json"];
    let flags = ["--validation-fraction", "0.1", "--output", "others"];
    folder.run(&[&encode[..], &flags].concat());
    let init = ["pretrain", "others", "--init", "m", "--steps", "2", "--output", "n"];
    for command in [&init[..], &["eval", "m", "others"]] {
        let told = folder.fail(command);
        assert!(told.contains("another tokenizer"), "{told}");
    }
}

#[test]
fn a_recipe_that_spells_a_shape_reports_that_shape() {
    let folder = Folder::new();
    shards(&folder);
    let recipe = "[[source]]\nname = \"prose\"\npath = \"docs.jsonl\"\n[tokenizer]\nfile = \"t.json\"\n\
                  [shards]\nsequence_length = 32\nvalidation_fraction = 0.1\n\
                  [pretrain]\nsteps = 3\nbatch_size = 2\n[pretrain.model]\n";
    folder.write("recipe.toml", &format!("{recipe}{}", MODEL.replace("vocab_size = 288\n", "")));
    folder.run(&["run", "recipe.toml", "--output", "out", "--quiet"]);
    let report = std::fs::read_to_string(folder.path("out/report.html")).unwrap();
    let shape = "A shape of its own: 2 layers, width 32, 4 heads, 2 of them for keys and values.";
    assert!(report.contains(shape), "{report}");
    // Without flags, a step of the run is explained in the order in which the run trained, and the
    // run stays as it was.
    for step in 0..3 {
        let explained = folder.run(&["shards", "explain-step", "out", &step.to_string(), "--json"]);
        let explained: Value = serde_json::from_str(&explained).unwrap();
        let query = format!("SELECT batch_digest FROM training WHERE step = {}", step + 1);
        assert_eq!(explained["digest"], folder.sql("out", &query)[0]["batch_digest"]);
    }
    folder.run(&["verify", "out"]);
}

#[test]
fn a_plan_tells_what_a_model_takes() {
    let folder = Folder::new();
    folder.write("model.toml", MODEL);
    let flags = ["plan", "--pretrain", "--config", "model.toml", "--batch", "4", "--context", "32"];
    let known = [&flags[..], &["--steps", "100", "--tokens-per-second", "1000"]].concat();
    let with_peak = [&known[..], &["--peak-flops", "1e9"]].concat();
    insta::assert_snapshot!("plan_pretrain", folder.run(&with_peak));
    let measured = folder.run(&[&flags[..], &["--threads", "1", "--json"]].concat());
    let measured: Value = serde_json::from_str(&measured).unwrap();
    assert!(measured["tokens_per_second"].as_f64().unwrap() > 0.0, "{measured}");
    let optimal = &measured["plan"]["compute_optimal_tokens"];
    assert_eq!(optimal.as_u64(), measured["plan"]["parameters"].as_u64().map(|n| 20 * n));
    let recipe = "[run]\noutput = \"out\"\n[[source]]\nname = \"none\"\npath = \"model.toml\"\n\
                  format = \"text\"\n[tokenizer]\nvocab_size = 288\n[shards]\nsequence_length = 32\n\
                  [pretrain]\nsteps = 100\nbatch_size = 4\n[pretrain.model]\n";
    folder.write("recipe.toml", &format!("{recipe}{}", MODEL.replace("vocab_size = 288\n", "")));
    let of_recipe =
        folder.run(&["plan", "recipe.toml", "--pretrain", "--tokens-per-second", "1000"]);
    assert_eq!(of_recipe, folder.run(&known));
    folder.write("recipe.toml", &format!("{recipe}dim = 33\nlayers = 2\nheads = 4\n"));
    let refused = folder.gristmill(&["plan", "recipe.toml", "--pretrain"]);
    let message = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2));
    insta::assert_snapshot!("a_shape_that_does_not_go_together", message);
}
