//! The stages of a recipe.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;

use sql::StageText;
use toml::Value;

use super::document::Document;
use super::error::RecipeError;
use super::expand::expand;
use super::load::{Loader, SqlStage, StageKind, StageStep, nearest};
use super::tables::StageTable;

impl Loader<'_> {
    /// Reads a stage: a built-in one, or SQL in a file.
    ///
    /// # Errors
    /// There is no such stage or file, or an option is invalid.
    pub(super) fn stage(&self, index: usize, table: &StageTable) -> Result<StageStep, RecipeError> {
        let place = format!("stage.{index}");
        let (name, kind) = match (&table.uses, &table.sql) {
            (Some(uses), None) => self.built_in(&place, table, uses)?,
            (None, Some(file)) => self.sql_file(&place, table, file)?,
            (Some(_), Some(_)) => {
                let help = "`use` names a stock stage, `sql` your own file; keep one of them";
                let message = "the stage has both `use` and `sql`";
                return Err(self.document.error_at(&format!("{place}.sql"), message, help));
            }
            (None, None) => {
                let help = "add `use = \"language\"` or `sql = \"stages/mine.sql\"`";
                return Err(self.document.error_at(&place, "the stage does nothing", help));
            }
        };
        Ok(StageStep { name, kind, place })
    }

    fn built_in(
        &self,
        place: &str,
        table: &StageTable,
        uses: &str,
    ) -> Result<(String, StageKind), RecipeError> {
        let name = table.name.clone().unwrap_or_else(|| uses.to_owned());
        if let Some(barrier) = barrier::load(uses, &table.with) {
            let barrier = barrier.map_err(|error| {
                let key = format!("{place}.with.{}", error.key);
                self.document.error_at(&key, error.message, error.help)
            })?;
            return Ok((name, StageKind::Barrier(barrier)));
        }
        let Some(stock) = sql::stock_stage(uses) else {
            let stock = sql::STOCK_STAGES.iter().map(|stage| stage.name);
            let names: Vec<&str> = stock.chain(barrier::kinds()).collect();
            let help = match nearest(uses, names.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    format!("stock stages are {}; for your own file, use `sql`", names.join(", "))
                }
            };
            let message = format!("there is no stock stage `{uses}`");
            let path = format!("{place}.use");
            return Err(self.document.error_at_value(&path, message, Some(help)));
        };
        let document = Document { file: format!("{uses}.sql").into(), text: stock.sql.into() };
        let stage = self.sql_stage(place, &name, table, document)?;
        Ok((name, StageKind::Sql(stage)))
    }

    fn sql_file(
        &self,
        place: &str,
        table: &StageTable,
        file: &str,
    ) -> Result<(String, StageKind), RecipeError> {
        let refused = |message: String, help: &str| {
            let path = format!("{place}.sql");
            self.document.error_at_value(&path, message, Some(help.to_owned()))
        };
        let expanded = expand(file).map_err(|name| {
            refused(
                format!("the variable {name} is not set"),
                "set it, or write the path without it",
            )
        })?;
        let path = PathBuf::from(self.rooted(&expanded));
        let sql = std::fs::read_to_string(&path).map_err(|error| {
            let message = format!("{}: {error}", path.display());
            refused(message, "paths start from the recipe's folder")
        })?;
        // The file has been read, so it has a name; `check_names` refuses an empty one.
        let stem = path.file_stem().unwrap_or(OsStr::new("")).to_string_lossy().to_lowercase();
        let name = table.name.clone().unwrap_or(stem);
        let stage = self.sql_stage(place, &name, table, Document { file: path, text: sql })?;
        Ok((name, StageKind::Sql(stage)))
    }

    /// An SQL stage. Checks that the recipe's values fit the parameters that the stage declares.
    fn sql_stage(
        &self,
        place: &str,
        name: &str,
        table: &StageTable,
        document: Document,
    ) -> Result<SqlStage, RecipeError> {
        let (sql, with) = (document.text.clone(), table.with.clone());
        let text = StageText { name: name.to_owned(), sql, with };
        let mut stage = SqlStage { text, parameters: Vec::new(), document };
        stage.parameters = sql::parameters(&stage.text.sql).map_err(|error| stage.error(&error))?;
        for (key, value) in &stage.text.with {
            let one: BTreeMap<String, Value> = [(key.clone(), value.clone())].into();
            // The error points to the recipe, because the value is wrong and not the stage. Values
            // are bound one by one to know which.
            if let Err(error) = sql::bind(&stage.parameters, &one) {
                let (message, help) = match error {
                    sql::SqlError::Refused { message, help, .. } => (message, help),
                    other => (other.to_string(), None),
                };
                let at = self.document.place_of(&format!("{place}.with.{key}"));
                return Err(self.document.error(message, at, help));
            }
        }
        Ok(stage)
    }
}
