//! Loading recipes: which errors they have, at which place, and the resolved recipe.

use std::path::Path;

use super::{Recipe, RecipeError, RecipeTables, SourceTable};

/// A folder with two files of documents.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.jsonl", "b.jsonl"] {
        let line = format!("{{\"text\": \"the text of {name}\"}}\n");
        store::write_file(&folder.path().join(name), line.as_bytes()).unwrap();
    }
    folder
}

const SOURCE: &str = "[[source]]\nname = \"docs\"\npath = \"*.jsonl\"\n";

fn load(folder: &Path, rest: &str) -> Result<Recipe, RecipeError> {
    Recipe::from_text(format!("{SOURCE}{rest}"), &folder.join("recipe.toml"))
}

/// The text at the place of an error.
fn refused_at(rest: &str) -> String {
    let folder = folder();
    let error = load(folder.path(), rest).err().unwrap_or_else(|| panic!("accepted: {rest}"));
    let span = error.span.clone().unwrap_or_else(|| panic!("no place: {}", error.message));
    error.text[span].to_owned()
}

#[test]
fn settings_that_cannot_be_used_are_refused_at_their_key() {
    for (rest, key) in [
        ("[run]\nmax_bad_fraction = 1.5\n", "max_bad_fraction"),
        ("[run]\nmemory = \"1MiB\"\n", "memory"),
        ("[run]\nthreads = 0\n", "threads"),
        ("[tokenizer]\nvocab_size = 10\n", "vocab_size"),
        ("[tokenizer]\nmax_token_length = 1\n", "max_token_length"),
        ("[tokenizer]\nvocab_size = 500\nalso = [500]\n", "also"),
        ("[tokenizer]\nweights = { web = -1.0 }\n", "weights"),
        ("[tokenizer]\ntemperature = 0.5\n", "temperature"),
        ("[tokenizer]\ntemperature = 2.0\nweights = { web = 2.0 }\n", "temperature"),
        ("[tokenizer]\nfile = \"nowhere.json\"\n", "file"),
        ("[shards]\nvalidation_fraction = 0.9\n", "validation_fraction"),
        ("[shards]\nsequence_length = 1\n", "sequence_length"),
        ("[tokenizer]\n[pretrain]\nweight_decay = -1\n", "weight_decay"),
        ("[tokenizer]\n[pretrain]\nsteps = 0\n", "steps"),
        ("[tokenizer]\n[pretrain]\nbeta1 = 1.5\n", "beta1"),
        ("[tokenizer]\n[pretrain]\nclip_norm = -1.0\n", "clip_norm"),
        ("[tokenizer]\n[pretrain]\nlearning_rate = 0.0\n", "learning_rate"),
        ("[tokenizer]\n[pretrain]\ndevice = \"gpu\"\n", "device"),
        ("[tokenizer]\n[pretrain]\npreset = \"tinny\"\n", "preset"),
        ("[tokenizer]\n[pretrain]\nmodel = { dim = 7 }\n", "model"),
        ("[pretrain]\n", "[pretrain]"),
    ] {
        assert_eq!(refused_at(rest), key, "{rest}");
    }
}

#[test]
fn stages_that_cannot_be_used_are_refused_at_their_place() {
    for (rest, place) in [
        ("[[stage]]\nuse = \"langauge\"\n", "\"langauge\""),
        ("[[stage]]\nsql = \"nowhere.sql\"\n", "\"nowhere.sql\""),
        ("[[stage]]\nname = \"x\"\n", "[[stage]]"),
        ("[[stage]]\nuse = \"exact\"\nsql = \"a.sql\"\n", "sql"),
        ("[[stage]]\nuse = \"exact\"\n[[stage]]\nuse = \"exact\"\nname = \"exact\"\n", "name"),
        ("[[stage]]\nuse = \"exact\"\nname = \"A b\"\n", "name"),
        ("[[stage]]\nuse = \"minhash\"\nwith = { threshold = 75 }\n", "threshold"),
        ("[[stage]]\nuse = \"minhash\"\nwith = { index = \"yes\", seed = 3 }\n", "index"),
        ("[[stage]]\nuse = \"lines\"\nwith = { max_documents = 0 }\n", "max_documents"),
        ("[[stage]]\nuse = \"substrings\"\nwith = { min_tokens = 2 }\n", "min_tokens"),
        ("[[stage]]\nuse = \"bloom\"\nwith = { capacity = 0 }\n", "capacity"),
        ("[[stage]]\nuse = \"quality\"\nwith = { min_wrods = 5 }\n", "min_wrods"),
    ] {
        assert_eq!(refused_at(rest), place, "{rest}");
    }
}

#[test]
fn several_gpus_are_a_device() {
    let folder = folder();
    for device in ["auto", "cpu", "cuda", "cuda:0,1", "cuda:all"] {
        let rest = format!("[tokenizer]\n[pretrain]\ndevice = \"{device}\"\n");
        let recipe = load(folder.path(), &rest).unwrap();
        assert_eq!(recipe.pretrain.unwrap().train.device, device);
    }
}

#[test]
fn files_come_once_and_in_order() {
    let folder = folder();
    let text = "[[source]]\nname = \"docs\"\npath = [\"b.jsonl\", \"*.jsonl\"]\n";
    let recipe = Recipe::from_text(text.into(), &folder.path().join("recipe.toml")).unwrap();
    let files: Vec<&str> =
        recipe.sources[0].files.iter().map(|file| file.file.address.as_str()).collect();
    assert_eq!(files, ["a.jsonl", "b.jsonl"]);
}

#[test]
fn a_resolved_recipe_resolves_to_itself() {
    let folder = folder();
    let rest = "[[stage]]\nuse = \"minhash\"\nwith = { threshold = 0.8 }\n\
                [[stage]]\nuse = \"lines\"\n\
                [tokenizer]\nvocab_size = 600\n[pretrain]\nsteps = 3\nbeta2 = 0.99\n";
    let first = load(folder.path(), rest).unwrap().resolved_text().unwrap();
    let path = folder.path().join("recipe.toml");
    let second = Recipe::from_text(first.clone(), &path).unwrap().resolved_text().unwrap();
    assert_eq!(first, second);
}

#[test]
fn settings_that_were_added_later_are_resolved_only_where_they_are_changed() {
    let folder = folder();
    let resolved = |rest: &str| load(folder.path(), rest).unwrap().resolved_text().unwrap();
    let plain = resolved("[tokenizer]\n[pretrain]\n");
    assert!(plain.contains("learning_rate = 0.001"));
    assert!(!plain.contains("beta1") && !plain.contains("clip_norm"));
    assert!(resolved("[tokenizer]\n[pretrain]\nclip_norm = 2.0\n").contains("clip_norm = 2.0"));
}

#[test]
fn what_decides_the_bytes_is_in_the_resolved_keys() {
    let folder = folder();
    let keys = |rest: &str| load(folder.path(), rest).unwrap().resolved().unwrap();
    let base = keys("[run]\nthreads = 1\n[[stage]]\nuse = \"exact\"\n");
    let same = keys("[run]\nthreads = 3\nmemory = \"9GiB\"\n[[stage]]\nuse = \"exact\"\n");
    assert_eq!(base, same);
    for other in [
        "[run]\nseed = 9\n[[stage]]\nuse = \"exact\"\n",
        "[[stage]]\nuse = \"exact\"\nwith = { on = \"url\" }\n",
        "[[stage]]\nuse = \"bloom\"\nname = \"exact\"\n",
    ] {
        assert_ne!(base, keys(other), "{other}");
    }
}

#[test]
fn a_recipe_of_tables_is_checked_like_one_of_text() {
    let folder = folder();
    let source = |name: &str, path: &str| SourceTable {
        name: name.into(),
        path: super::Paths::One(folder.path().join(path).display().to_string()),
        ..SourceTable::default()
    };
    let tables = |sources| RecipeTables { sources, ..RecipeTables::default() };
    assert!(Recipe::from_tables(tables(vec![source("docs", "a.jsonl")])).is_ok());
    for sources in [
        vec![],
        vec![source("docs", "nowhere.jsonl")],
        vec![source("Docs", "a.jsonl")],
        vec![source("docs", "a.jsonl"), source("docs", "b.jsonl")],
    ] {
        let error = Recipe::from_tables(tables(sources)).unwrap_err();
        assert!(error.span.is_none() && !error.message.is_empty());
    }
}
