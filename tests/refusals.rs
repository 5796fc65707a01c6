//! Requests that are refused before any work; the snapshots pin the messages.

use crate::command::Folder;

/// Runs `plan` on a recipe and returns its message; checks that nothing was written.
fn refusal(recipe: &str, stage: &str) -> String {
    let folder = Folder::new();
    folder.write("recipe.toml", recipe);
    folder.write("stage.sql", stage);
    let output = folder.gristmill(&["run", "recipe.toml", "--output", "out"]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(!folder.path("out").exists(), "something was written before the refusal");
    assert!(output.stdout.is_empty());
    message
}

const SOURCE: &str = "[[source]]\nname = \"forum\"\npath = \"crawl/forum.jsonl\"\n";

macro_rules! recipes {
    ($($name:ident: $recipe:expr;)+) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(refusal($recipe, ""));
        }
    )+};
}

fn with_source(rest: &str) -> String {
    format!("{SOURCE}\n{rest}")
}

recipes! {
    recipe_unknown_key: &with_source("[run]\nmemroy = \"1GiB\"\n");
    recipe_wrong_type: &with_source("[tokenizer]\nvocab_size = \"many\"\n");
    recipe_not_toml: &with_source("[run\nseed = 1\n");
    recipe_without_source: "[run]\nseed = 1\n";
    recipe_missing_file: "[[source]]\nname = \"forum\"\npath = \"crawl/forums.jsonl\"\n";
    recipe_unknown_stage: &with_source("[[stage]]\nuse = \"langauge\"\n");
    recipe_unknown_parameter: &with_source("[[stage]]\nuse = \"quality\"\nwith = { min_wrods = 5 }\n");
    recipe_bad_threshold: &with_source("[[stage]]\nuse = \"minhash\"\nwith = { threshold = 75 }\n");
    recipe_missing_sql_file: &with_source("[[stage]]\nsql = \"stages/mine.sql\"\n");
    recipe_bad_order: &with_source("[[stage]]\nuse = \"exact\"\nwith = { keep = \"lenght(text) DESC\" }\n");
    recipe_vocabulary_too_small: &with_source("[tokenizer]\nvocab_size = 100\n");
    recipe_model_without_tokenizer: &with_source("[pretrain]\nsteps = 5\n");
    recipe_unknown_format: "[[source]]\nname = \"x\"\npath = \"crawl/forum.jsonl\"\nformat = \"josnl\"\n";
    recipe_unset_variable: "[[source]]\nname = \"x\"\npath = \"${GRISTMILL_NOWHERE}/a.jsonl\"\n";
}

macro_rules! stages {
    ($($name:ident: $sql:expr;)+) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(refusal(&with_source("[[stage]]\nsql = \"stage.sql\"\n"), $sql));
        }
    )+};
}

stages! {
    sql_unknown_column: "SELECT *, CASE WHEN lenght > 5 THEN 'long' END AS drop_reason FROM docs";
    sql_without_drop_reason: "SELECT * FROM docs";
    sql_number_as_drop_reason: "SELECT *, 1 AS drop_reason FROM docs";
    sql_ddl: "-- clean up\nDROP TABLE docs";
    sql_copy: "COPY docs TO 'out.parquet'";
    sql_two_statements: "SELECT *, NULL AS drop_reason FROM docs;\nDELETE FROM docs";
    sql_syntax: "SELECT *, CASE WHEN text THEN 'x' AS drop_reason FROM docs";
    sql_unknown_table: "SELECT *, NULL AS drop_reason FROM documents";
    sql_file_as_table: "SELECT *, NULL AS drop_reason FROM '/etc/passwd'";
    sql_unknown_function: "SELECT *, CASE WHEN signal(text) > 1 THEN 'x' END AS drop_reason FROM docs";
    sql_aggregate: "SELECT source, count(*) AS n FROM docs GROUP BY source";
    sql_loses_text: "SELECT doc_id, NULL AS drop_reason FROM docs";
    sql_undeclared_parameter: "SELECT *, CASE WHEN length(text) < $min THEN 'x' END AS drop_reason FROM docs";
    sql_empty: "-- nothing yet\n";
    sql_model_missing: "SELECT *, CASE WHEN language(text, 'lid.ftz')['code'] = 'en' THEN 'x' END AS drop_reason FROM docs";
    sql_model_broken: "SELECT *, CASE WHEN classify(text, 'recipe.toml')['label'] = 'x' THEN 'x' END AS drop_reason FROM docs";
    sql_argument_not_constant: "SELECT *, CASE WHEN language(text, id)['code'] = 'en' THEN 'x' END AS drop_reason FROM docs";
    sql_unknown_segmenter: "SELECT *, CASE WHEN signals(text, 'spacy')['words'] < 5 THEN 'x' END AS drop_reason FROM docs";
    sql_dot_after_function: "SELECT *, CASE WHEN language(text).code = 'en' THEN 'x' END AS drop_reason FROM docs";
    sql_unknown_kind: "SELECT *, CASE WHEN pii_mask(text, 'emial') = text THEN 'x' END AS drop_reason FROM docs";
    sql_unknown_threshold: "SELECT *, CASE WHEN lookup(id, 'recipe.toml', 'seed') > 1 THEN 'x' END AS drop_reason FROM docs";
    sql_no_block_list: "SELECT *, url_block_reason(url, 'crawl') AS drop_reason FROM docs";
    sql_tokens_without_tokenizer: "SELECT *, CASE WHEN n_tokens(text) < 5 THEN 'x' END AS drop_reason FROM docs";
}
