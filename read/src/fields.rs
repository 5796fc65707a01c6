//! Which fields of a record make a document.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Names of the fields of a JSONL object, or of the columns of a Parquet file, that make a
/// document. The same keys are flags of commands without a recipe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, clap::Args)]
#[serde(default, deny_unknown_fields)]
pub struct Fields {
    /// The field with the text, such as content, data.text or messages[].content; several separated
    /// by commas: the first that a record has
    #[arg(long, value_name = "FIELD", default_value_t = Names::one("text"), help_heading = "Input")]
    pub text: Names,
    /// The field with the id
    #[arg(long, value_name = "FIELD", default_value_t = Names::one("id"), help_heading = "Input")]
    pub id: Names,
    /// The field with the URL that the document came from
    #[arg(long, value_name = "FIELD", default_value_t = Names::one("url"), help_heading = "Input")]
    pub url: Names,
    /// The field with the date
    #[arg(long, value_name = "FIELD", default_value_t = Names::one("date"), help_heading = "Input")]
    pub date: Names,
    /// What joins the texts of a list, such as those of messages[].content
    #[arg(long, value_name = "TEXT", default_value_t = separator(), help_heading = "Input",
          hide_default_value = true)]
    #[serde(default = "separator", skip_serializing_if = "is_default_separator")]
    pub separator: String,
}

/// A blank line.
fn separator() -> String {
    "\n\n".into()
}

fn is_default_separator(text: &str) -> bool {
    text == separator()
}

impl Default for Fields {
    fn default() -> Self {
        let [text, id, url, date] = ["text", "id", "url", "date"].map(Names::one);
        Self { text, id, url, date, separator: separator() }
    }
}

/// The names under which a field may be found, most wanted first. A recipe has one name or a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "OneOrMany", into = "OneOrMany")]
pub struct Names(Vec<FieldPath>);

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl From<OneOrMany> for Names {
    fn from(names: OneOrMany) -> Self {
        match names {
            OneOrMany::One(name) => Self::one(&name),
            OneOrMany::Many(names) => Self(names.iter().map(|name| FieldPath::new(name)).collect()),
        }
    }
}

impl From<Names> for OneOrMany {
    fn from(names: Names) -> Self {
        let mut names: Vec<String> = names.0.into_iter().map(|path| path.name).collect();
        if names.len() == 1 { Self::One(names.remove(0)) } else { Self::Many(names) }
    }
}

/// Names separated by commas, as on the command line.
impl FromStr for Names {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        Ok(Self(names.map(FieldPath::new).collect()))
    }
}

impl fmt::Display for Names {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|path| path.name.as_str()).collect();
        formatter.write_str(&names.join(","))
    }
}

impl Names {
    /// The only name `name`, even if it has commas.
    pub fn one(name: &str) -> Self {
        Self(vec![FieldPath::new(name)])
    }

    /// The most wanted path that a top-level field `name` holds, with its rank from 0, and whether
    /// the field is the whole path.
    pub(crate) fn find(&self, name: &str) -> Option<(usize, Place<'_>)> {
        self.0.iter().enumerate().find_map(|(rank, path)| Some((rank, path.place_in(name)?)))
    }
}

/// Where a path leads within a top-level field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// To the field itself.
    Whole,
    /// Into its value.
    Inner(&'a [Step]),
}

/// The path to a field: `text`, `data.text`, `messages[].content`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldPath {
    /// As written. A field whose whole name is this comes before the path into another one.
    name: String,
    /// The top-level field, and the steps within its value; none for a plain name.
    root: String,
    steps: Vec<Step>,
}

/// One step into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// To the field of an object.
    Field(String),
    /// To all items of a list.
    Each,
}

impl FieldPath {
    fn new(name: &str) -> Self {
        let mut steps = Vec::new();
        for part in name.split('.') {
            let mut field = part;
            let mut lists = 0;
            while let Some(shorter) = field.strip_suffix("[]") {
                (field, lists) = (shorter, lists + 1);
            }
            steps.push(Step::Field(field.to_owned()));
            steps.extend(std::iter::repeat_n(Step::Each, lists));
        }
        let root = match steps.remove(0) {
            Step::Field(root) => root,
            Step::Each => String::new(),
        };
        Self { name: name.to_owned(), root, steps }
    }

    /// Where the path leads in the top-level field `name`, if it passes it.
    pub(crate) fn place_in(&self, name: &str) -> Option<Place<'_>> {
        if name == self.name {
            return Some(Place::Whole);
        }
        (name == self.root && !self.steps.is_empty()).then_some(Place::Inner(&self.steps))
    }
}

/// The values at the end of `steps` within `value`, in order. NULLs and absent fields are left out.
pub(crate) fn values_at<'a>(value: &'a Value, steps: &[Step], found: &mut Vec<&'a Value>) {
    let Some((step, rest)) = steps.split_first() else {
        if !value.is_null() {
            found.push(value);
        }
        return;
    };
    match (step, value) {
        (Step::Field(name), Value::Object(object)) => {
            if let Some(inner) = object.get(name) {
                values_at(inner, rest, found);
            }
        }
        (Step::Each, Value::Array(items)) => {
            items.iter().for_each(|item| values_at(item, rest, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn values(path: &str, value: &Value) -> Vec<Value> {
        let mut found = Vec::new();
        values_at(value, &FieldPath::new(path).steps, &mut found);
        found.into_iter().cloned().collect()
    }

    #[test]
    fn a_path_leads_into_objects_and_lists() {
        let value = json!({ "text": "a", "parts": [{ "text": "b" }, { "text": null }, {}, "c"] });
        assert_eq!(values("data.text", &value), [json!("a")]);
        assert_eq!(values("data.parts[].text", &value), [json!("b")]);
        assert_eq!(values("data.other", &value), [] as [Value; 0]);
        assert_eq!(values("rows[][]", &json!([[1, 2], [3]])), [json!(1), json!(2), json!(3)]);
    }

    #[test]
    fn a_field_of_the_whole_name_comes_first() {
        let names: Names = "data.text, text".parse().unwrap();
        assert_eq!(names.find("data.text"), Some((0, Place::Whole)));
        assert!(matches!(names.find("data"), Some((0, Place::Inner([Step::Field(_)])))));
        assert_eq!(names.find("text"), Some((1, Place::Whole)));
        assert_eq!(names.find("other"), None);
        assert_eq!(names.to_string(), "data.text,text");
    }

    #[test]
    fn names_are_written_as_they_were_read() {
        for written in [json!("text"), json!(["content", "a.b"])] {
            let names: Names = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(names).unwrap(), written);
        }
    }
}
