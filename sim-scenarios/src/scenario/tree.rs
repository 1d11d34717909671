//! A scenario as it was written: values with the place each came from, so that a refusal can name it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde_json::json;
use toml::de::{DeTable, DeValue};

use super::ScenarioError;

/// A whole file with what was set over it.
#[derive(Clone, Debug)]
pub struct Tree {
    /// How messages call the file.
    pub(super) file: String,
    pub(super) root: BTreeMap<String, Entry>,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// Where a value came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Origin {
    /// This line of the file, from 1.
    Line(usize),
    /// `--set`, a sweep's axis, or a stored result.
    Given,
}

/// What a scenario can hold.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Text(String),
    Integer(i64),
    Float(f64),
    Bool(bool),
    List(Vec<Entry>),
    Table(BTreeMap<String, Entry>),
}

impl Tree {
    /// Parses TOML; `file` is the name for messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let lines = Lines(text);
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map_or(1, |span| lines.of(span.start));
            let message = error.message().lines().collect::<Vec<_>>().join(" ");
            ScenarioError::new(format!("{message} ({file}:{line})"))
        })?;
        let root = lines.table(file, table.into_inner())?;
        Ok(Self { file: file.to_owned(), root })
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| ScenarioError::new(format!("{}: {error}", path.display())))?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// The configuration that a result was stored with.
    pub fn from_json(file: &str, json: &serde_json::Value) -> Result<Self, ScenarioError> {
        match Value::from_json(json) {
            Some(Value::Table(root)) => Ok(Self { file: file.to_owned(), root }),
            Some(_) | None => Err(ScenarioError::new(format!("{file}: holds no configuration"))),
        }
    }

    /// The same values without their places, tables in order of their keys.
    pub fn to_json(&self) -> serde_json::Value {
        Value::Table(self.root.clone()).to_json()
    }

    /// `key.path=value`: the value is TOML, or text when it is not. A sweep no longer varies that key.
    pub fn set(&mut self, assignment: &str) -> Result<(), ScenarioError> {
        let (path, text) = assignment.split_once('=').ok_or_else(|| {
            ScenarioError::new(format!("--set {assignment}: must be key.path=value, as network.loss=0.05"))
        })?;
        let value = match DeValue::parse(text.trim()) {
            Ok(value) => Lines("").value("--set", value.into_inner())?,
            Err(_) => Value::Text(text.trim().to_owned()),
        };
        let path = path.trim();
        if let Some(sweep) = self.root.get_mut("sweep") {
            sweep.value.remove(path);
        }
        self.put(path, value.given())
    }

    /// Puts a value at a dotted path, with the tables on the way to it. A number names an element of a list.
    pub(crate) fn put(&mut self, path: &str, value: Value) -> Result<(), ScenarioError> {
        let (above, key) = path.rsplit_once('.').map_or((None, path), |(above, key)| (Some(above), key));
        let mut table = &mut self.root;
        let mut parts = above.into_iter().flat_map(|above| above.split('.'));
        while let Some(part) = parts.next() {
            let entry =
                table.entry(part.to_owned()).or_insert_with(|| Entry::given(Value::Table(BTreeMap::new())));
            let inner = entry.value.table_mut(&mut || parts.next()?.parse().ok());
            table = inner.ok_or_else(|| {
                ScenarioError::new(format!("{path}: {part} is not a table, or has no such element"))
            })?;
        }
        table.insert(key.to_owned(), Entry::given(value));
        Ok(())
    }
}

impl Entry {
    pub(super) const fn given(value: Value) -> Self {
        Self { value, origin: Origin::Given }
    }
}

impl Value {
    /// The table that this is, or that is the element of this list.
    fn table_mut(
        &mut self,
        index: &mut dyn FnMut() -> Option<usize>,
    ) -> Option<&mut BTreeMap<String, Entry>> {
        match self {
            Self::Table(table) => Some(table),
            Self::List(list) => list.get_mut(index()?)?.value.table_mut(&mut || None),
            Self::Text(_) | Self::Integer(_) | Self::Float(_) | Self::Bool(_) => None,
        }
    }

    pub(crate) fn from_json(json: &serde_json::Value) -> Option<Self> {
        use serde_json::Value as Json;
        let entry = |json| Self::from_json(json).map(Entry::given);
        match json {
            Json::Null => None,
            Json::Bool(value) => Some(Self::Bool(*value)),
            Json::Number(number) => {
                number.as_i64().map(Self::Integer).or_else(|| number.as_f64().map(Self::Float))
            }
            Json::String(text) => Some(Self::Text(text.clone())),
            Json::Array(list) => list.iter().map(entry).collect::<Option<_>>().map(Self::List),
            Json::Object(table) => {
                let pairs = table.iter().map(|(key, value)| Some((key.clone(), entry(value)?)));
                pairs.collect::<Option<_>>().map(Self::Table)
            }
        }
    }

    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Integer(number) => json!(number),
            Self::Float(number) => json!(number),
            Self::Bool(value) => json!(value),
            Self::List(list) => list.iter().map(|entry| entry.value.to_json()).collect(),
            Self::Table(table) => {
                table.iter().map(|(key, entry)| (key.clone(), entry.value.to_json())).collect()
            }
        }
    }

    /// Takes the value at a dotted path out of this table; keys may hold dots themselves.
    fn remove(&mut self, path: &str) {
        let Self::Table(table) = self else { return };
        if table.remove(path).is_none()
            && let Some((first, rest)) = path.split_once('.')
            && let Some(entry) = table.get_mut(first)
        {
            entry.value.remove(rest);
        }
    }

    /// The value without lines of a file that it is no longer part of.
    fn given(self) -> Self {
        match self {
            Self::List(list) => {
                Self::List(list.into_iter().map(|it| Entry::given(it.value.given())).collect())
            }
            Self::Table(table) => {
                let given = |(key, it): (String, Entry)| (key, Entry::given(it.value.given()));
                Self::Table(table.into_iter().map(given).collect())
            }
            Self::Text(_) | Self::Integer(_) | Self::Float(_) | Self::Bool(_) => self,
        }
    }
}

/// As a file would have it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.to_json())
    }
}

/// A file's text, for turning offsets into lines.
struct Lines<'a>(&'a str);

impl Lines<'_> {
    fn of(&self, offset: usize) -> usize {
        let before = &self.0.as_bytes()[..offset.min(self.0.len())];
        before.iter().filter(|byte| **byte == b'\n').count() + 1
    }

    fn table(&self, file: &str, table: DeTable<'_>) -> Result<BTreeMap<String, Entry>, ScenarioError> {
        let entries = table.into_iter().map(|(key, value)| {
            let origin = Origin::Line(self.of(key.span().start));
            let value = self.value(file, value.into_inner())?;
            Ok((key.into_inner().into_owned(), Entry { value, origin }))
        });
        entries.collect()
    }

    fn value(&self, file: &str, value: DeValue<'_>) -> Result<Value, ScenarioError> {
        Ok(match value {
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Integer(number) => {
                let parsed = i64::from_str_radix(number.as_str(), number.radix());
                Value::Integer(
                    parsed.map_err(|_| ScenarioError::new(format!("{number}: too large ({file})")))?,
                )
            }
            DeValue::Float(number) => {
                let parsed = number.as_str().parse();
                Value::Float(parsed.map_err(|_| ScenarioError::new(format!("{number}: no number ({file})")))?)
            }
            DeValue::Boolean(value) => Value::Bool(value),
            DeValue::Datetime(date) => Value::Text(date.to_string()),
            DeValue::Array(list) => {
                let entries = list.into_iter().map(|item| {
                    let origin = Origin::Line(self.of(item.span().start));
                    Ok(Entry { value: self.value(file, item.into_inner())?, origin })
                });
                Value::List(entries.collect::<Result<_, ScenarioError>>()?)
            }
            DeValue::Table(table) => Value::Table(self.table(file, table)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_json_and_take_settings() {
        let mut tree = Tree::parse("f", "a = 1\ne = [0, {}]\n[b]\nc = [0.5, \"x\"]\n").unwrap();
        tree.set("b.d.e=true").unwrap();
        tree.set("b.c=50 ms").unwrap();
        tree.set("e.1.f=2").unwrap();
        let json = tree.to_json();
        assert_eq!(json, json!({ "a": 1, "b": { "c": "50 ms", "d": { "e": true } }, "e": [0, { "f": 2 }] }));
        assert_eq!(Tree::from_json("f", &json).unwrap().to_json(), json);
    }

    #[test]
    fn a_mistake_is_one_line_with_its_place() {
        let refuse = |text| Tree::parse("f.toml", text).unwrap_err().to_string();
        assert!(refuse("a = 1\nb = \n").ends_with("(f.toml:2)"), "{}", refuse("a = 1\nb = \n"));
        assert!(refuse("a = 1\na = 2\n").contains("f.toml:2"), "{}", refuse("a = 1\na = 2\n"));
        let mut tree = Tree::parse("f", "a = 1").unwrap();
        assert_eq!(
            tree.set("a.b=1").unwrap_err().to_string(),
            "a.b: a is not a table, or has no such element"
        );
        assert!(tree.set("a").unwrap_err().to_string().contains("key.path=value"));
    }
}
