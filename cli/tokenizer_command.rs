//! `gristmill tokenizer count`, `train`, `eval` and `encode`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use bug::OrBug as _;
use pipeline::Until;
use pipeline::recipe::{ShardsTable, TokenizerTable};
use pipeline::tokens::{CountFile, Efficiencies, Mix, smaller_name};
use serde_json::json;
use shards::dataset::{ShardManifest, Split};
use tokenizer::{Tokenizer, TrainConfig};

use crate::apply::stages;
use crate::arguments::{
    Common, CountArguments, EncodeArguments, GroupArguments, InputArguments,
    TokenizerEvalArguments, TrainArguments,
};
use crate::failure::Failure;
use crate::one_liner::{OneLiner, check_output};
use crate::output::{columns, human_bytes, human_count};
use crate::printer::Printer;
use crate::progress::Progress;
use crate::tokenizer_files::load;

/// The folder of count files in a run directory.
const COUNTS: &str = "counts";

pub(crate) fn count(
    arguments: &CountArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let output = &arguments.output;
    if arguments.groups.by.is_none() && !CountFile::is_one(output) {
        let message = format!("{} is not the name of a count file", output.display());
        return Err(Failure::usage(message, "give a name that ends with .counts"));
    }
    let (input, groups) = (&arguments.input, &arguments.groups);
    count_to(input, output, groups, arguments.split, (common, printer), |folder| {
        if arguments.groups.by.is_some() {
            store::move_folder(folder, output)?;
        } else {
            // All inputs form one source, so there is exactly one count file.
            let files = CountFile::find(folder)?;
            files.iter().try_for_each(|file| store::move_file(&file.path, output))?;
        }
        tell_counts(&CountFile::find(output)?, output, printer)
    })
}

/// Counts the words in files and passes the folder of counts to `take`.
fn count_to(
    input: &InputArguments,
    output: &Path,
    groups: &GroupArguments,
    split: tokenizer::Split,
    (common, printer): (&Common, Printer),
    take: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<ExitCode, Failure> {
    let mut one_liner = OneLiner::new(input, output)?;
    one_liner.recipe.stages = stages(&groups.stages, &groups.with)?;
    let mut settings = TokenizerTable::default();
    settings.train.split = split;
    if let Some(by) = &groups.by {
        settings.by.clone_from(by);
    }
    one_liner.recipe.tokenizer = Some(settings);
    (one_liner.until, one_liner.documents) = (Until::Counted, false);
    one_liner.run(common, printer, |summary| take(&summary.root.join(COUNTS)))
}

fn tell_counts(files: &[CountFile], output: &Path, printer: Printer) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut objects = Vec::new();
    for file in files {
        let totals = file.totals()?;
        rows.push(vec![
            file.group.clone(),
            format!("{} words", human_count(totals.words)),
            format!("{} different", human_count(totals.distinct)),
            match totals.cut_pieces {
                0 => String::new(),
                cut => format!(
                    "{} longer than {} bytes were cut",
                    human_count(cut),
                    tokenizer::MAX_WORD_BYTES
                ),
            },
        ]);
        objects.push(json!({ "group": file.group, "totals": totals }));
    }
    if printer.json() {
        printer.object("counts", &json!({ "output": output, "groups": objects }));
    } else {
        columns(&rows).iter().for_each(|line| printer.say(line));
        printer.say(format!("  → {}", output.display()));
    }
    Ok(())
}

/// The count files among the inputs; `None` if the inputs are documents.
fn count_files(inputs: &[String]) -> Result<Option<Vec<CountFile>>, Failure> {
    let holds_counts = |path: &Path| {
        CountFile::is_one(path)
            || path.is_dir() && CountFile::find(path).is_ok_and(|f| !f.is_empty())
    };
    let are_counts = |input: &String| holds_counts(Path::new(input));
    if !inputs.iter().any(are_counts) {
        return Ok(None);
    }
    if let Some(other) = inputs.iter().find(|input| !are_counts(input)) {
        let help = "count the documents first: `gristmill tokenizer count`";
        let message = format!("{other} is not a count file, but other inputs are");
        return Err(Failure::usage(message, help));
    }
    let mut files = Vec::new();
    for input in inputs {
        files.extend(CountFile::find(Path::new(input))?);
    }
    Ok(Some(files))
}

pub(crate) fn train(
    arguments: &TrainArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let config = TrainConfig {
        vocab_size: arguments.vocab_size,
        split: arguments.split.unwrap_or(tokenizer::Split::Gpt4),
        min_frequency: arguments.min_frequency,
        max_token_length: arguments.max_token_length,
        special_tokens: arguments.special_tokens.clone(),
        profile: arguments.profile,
    };
    config.validate()?;
    let weights = arguments.weights.iter().map(|weight| weight_of(weight));
    let mix =
        Mix { weights: weights.collect::<Result<_, _>>()?, temperature: arguments.temperature };
    if let Some(files) = count_files(&arguments.input.inputs)? {
        train_on_counts(arguments, &files, &mix, &config, printer)?;
        return Ok(ExitCode::SUCCESS);
    }
    train_on_documents(arguments, &mix, &config, (common, printer))
}

fn weight_of(text: &str) -> Result<(String, f64), Failure> {
    let weight = text.rsplit_once('=').and_then(|(group, weight)| {
        let weight: f64 = weight.trim().parse().ok()?;
        (0.0..=1e9).contains(&weight).then(|| (group.trim().to_owned(), weight))
    });
    weight.ok_or_else(|| {
        let help = "write `--weight GROUP=W` with a non-negative number, such as `--weight fr=2.5`";
        Failure::usage(format!("`--weight {text}` cannot be read"), help)
    })
}

fn train_on_counts(
    arguments: &TrainArguments,
    files: &[CountFile],
    mix: &Mix,
    config: &TrainConfig,
    printer: Printer,
) -> Result<(), Failure> {
    if let Some(split) = arguments.split {
        let first = files.first().map(CountFile::split).transpose()?;
        if let Some(counted) = first.filter(|counted| *counted != split) {
            let message =
                format!("the counts were made with the split {counted}, but --split is {split}");
            return Err(Failure::usage(message, "omit --split, or count again with it"));
        }
    }
    check_output(&arguments.input, &arguments.output)?;
    let tokenizer = pipeline::tokens::train_alone(files, mix, config, &Progress::new(printer))?;
    let mut written = vec![(arguments.output.clone(), tokenizer.to_json())];
    for size in &arguments.also {
        let smaller = tokenizer.cut_to(*size)?;
        written.push((smaller_path(&arguments.output, *size), smaller.to_json()));
    }
    for (path, json) in &written {
        store::write_file(path, json.as_bytes())?;
    }
    let paths: Vec<PathBuf> = written.into_iter().map(|(path, _)| path).collect();
    tell_tokenizer(tokenizer.vocab_size(), &paths, printer);
    Ok(())
}

fn train_on_documents(
    arguments: &TrainArguments,
    mix: &Mix,
    config: &TrainConfig,
    (common, printer): (&Common, Printer),
) -> Result<ExitCode, Failure> {
    if !mix.weights.is_empty() || mix.temperature.is_some() {
        let help = "count each kind of documents first: `gristmill tokenizer count`";
        return Err(Failure::usage("--weight and --temperature need count files", help));
    }
    let mut one_liner = OneLiner::new(&arguments.input, &arguments.output)?;
    one_liner.recipe.tokenizer = Some(TokenizerTable {
        train: config.clone(),
        also: arguments.also.clone(),
        ..TokenizerTable::default()
    });
    one_liner.documents = false;
    one_liner.run(common, printer, |summary| {
        let output = &arguments.output;
        let mut moves = vec![("tokenizer.json".to_owned(), output.clone())];
        let smaller = |size: &usize| (smaller_name(*size), smaller_path(output, *size));
        moves.extend(arguments.also.iter().map(smaller));
        for (name, path) in &moves {
            store::move_file(&summary.root.join(name), path)?;
        }
        let vocab_size = summary.vocab_size.or_bug("a trained tokenizer has a vocabulary")?;
        let paths: Vec<PathBuf> = moves.into_iter().map(|(_, path)| path).collect();
        tell_tokenizer(vocab_size, &paths, printer);
        Ok(())
    })
}

/// The path for a smaller vocabulary: `tokenizer-8192.json` for `tokenizer.json` and 8192.
fn smaller_path(output: &Path, size: usize) -> PathBuf {
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    output.with_file_name(format!("{stem}-{size}.json"))
}

fn tell_tokenizer(vocab_size: usize, paths: &[PathBuf], printer: Printer) {
    let Some(output) = paths.first() else { return };
    if printer.json() {
        let object = json!({ "output": output, "vocab_size": vocab_size, "files": paths });
        printer.object("tokenizer", &object);
        return;
    }
    printer.say(format!("  {} tokens → {}", human_count(vocab_size as u64), output.display()));
    paths[1..].iter().for_each(|path| printer.say(format!("  → {}", path.display())));
}

pub(crate) fn eval(
    arguments: &TokenizerEvalArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    let any = load(&arguments.tokenizer)?;
    let Some(tokenizer) = any.as_own() else {
        let message =
            format!("{} is {}, not byte-level BPE", arguments.tokenizer.display(), any.kind());
        let help = "encode files with `gristmill tokenizer encode`, and read bytes and tokens from \
                    `gristmill shards stat`";
        return Err(Failure::usage(message, help));
    };
    if let Some(files) = count_files(&arguments.input.inputs)? {
        report(tokenizer, &files, &arguments.also, printer)?;
        return Ok(ExitCode::SUCCESS);
    }
    let output = std::env::temp_dir().join(format!("eval-{}", std::process::id()));
    let (input, groups) = (&arguments.input, &arguments.groups);
    count_to(input, &output, groups, tokenizer.split(), (common, printer), |folder| {
        report(tokenizer, &CountFile::find(folder)?, &arguments.also, printer)
    })
}

fn report(
    tokenizer: &Tokenizer,
    files: &[CountFile],
    also: &[usize],
    printer: Printer,
) -> Result<(), Failure> {
    let mut sizes = also.to_vec();
    sizes.push(tokenizer.vocab_size());
    sizes.sort_unstable();
    sizes.dedup();
    let found = pipeline::tokens::efficiencies(tokenizer, files, &sizes)?;
    if printer.json() {
        printer.object("efficiency", &found);
    } else {
        print_report(tokenizer, &found, printer);
    }
    Ok(())
}

fn print_report(tokenizer: &Tokenizer, found: &Efficiencies, printer: Printer) {
    let head = ["group", "vocabulary", "bytes", "tokens", "bytes/token", "tokens/word"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for row in &found.rows {
        rows.push(vec![
            row.group.clone(),
            human_count(row.vocab_size as u64),
            human_count(row.bytes),
            human_count(row.tokens),
            format!("{:.3}", row.bytes_per_token),
            format!("{:.3}", row.tokens_per_word),
        ]);
    }
    columns(&rows).iter().for_each(|line| printer.data(line));
    let mut odd: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, oddity) in tokenizer.odd_tokens() {
        *odd.entry(crate::tokenizer_files::name(oddity)).or_default() += 1;
    }
    let odd = odd.iter().map(|(name, n)| format!("{} {name}", human_count(*n as u64)));
    let unused = format!("{} unused here", human_count(found.unused));
    let facts: Vec<String> = std::iter::once(unused).chain(odd).collect();
    printer.data(format!("  tokens: {}", facts.join(", ")));
}

pub(crate) fn encode(
    arguments: &EncodeArguments,
    common: &Common,
    printer: Printer,
) -> Result<ExitCode, Failure> {
    shards::dataset::check_place(&arguments.output).map_err(|error| {
        Failure::usage(error.to_string(), "give a folder that holds nothing else")
    })?;
    let mut one_liner = OneLiner::new(&arguments.input, &arguments.output)?;
    let file = Some(arguments.tokenizer.display().to_string());
    one_liner.recipe.tokenizer = Some(TokenizerTable { file, ..TokenizerTable::default() });
    let validation_fraction = arguments.validation_fraction;
    one_liner.recipe.shards = Some(ShardsTable { validation_fraction, ..ShardsTable::default() });
    one_liner.documents = false;
    one_liner.run(common, printer, |summary| {
        shards::dataset::move_dataset(&summary.root.join("shards"), &arguments.output)?;
        let Some(shards) = &summary.shards else { return Ok(()) };
        if printer.json() {
            printer.object("shards", shards);
        } else {
            let total = |of: fn(&ShardManifest, Split) -> u64| {
                of(shards, Split::Train) + of(shards, Split::Validation)
            };
            let tokens = total(ShardManifest::tokens);
            printer.say(format!(
                "  {} documents, {} tokens, {} → {}",
                human_count(total(ShardManifest::documents)),
                human_count(tokens),
                human_bytes(tokens * shards.token_type.bytes()),
                arguments.output.display()
            ));
        }
        Ok(())
    })
}
