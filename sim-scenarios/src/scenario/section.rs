//! Reads one table strictly: every key is known, every value in its range, or one line says what is wrong.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::ScenarioError;
use super::tree::{Entry, Origin, Tree, Value};
use super::units;

/// A table being read, and which of its keys were asked for.
pub(crate) struct Section<'a> {
    file: &'a str,
    path: String,
    table: Option<&'a BTreeMap<String, Entry>>,
    known: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The file's outermost table.
    pub(crate) fn root(tree: &'a Tree) -> Self {
        Self { file: &tree.file, path: String::new(), table: Some(&tree.root), known: Vec::new() }
    }

    /// A table within this one; empty when it is not there.
    pub(crate) fn section(&mut self, key: &'static str) -> Result<Self, ScenarioError> {
        let (file, path) = (self.file, self.path_of(key));
        let table = match self.entry(key) {
            None => None,
            Some(Entry { value: Value::Table(table), .. }) => Some(table),
            Some(entry) => return Err(self.refuse(key, entry, "must be a table")),
        };
        Ok(Section { file, path, table, known: Vec::new() })
    }

    /// A list of tables; empty when it is not there.
    pub(crate) fn sections(&mut self, key: &'static str) -> Result<Vec<Self>, ScenarioError> {
        let Some(entry) = self.entry(key) else { return Ok(Vec::new()) };
        let Value::List(list) = &entry.value else {
            return Err(self.refuse(key, entry, "must be a list of tables"));
        };
        let tables = list.iter().enumerate().map(|(index, item)| match &item.value {
            Value::Table(table) => {
                let path = format!("{}[{index}]", self.path_of(key));
                Ok(Section { file: self.file, path, table: Some(table), known: Vec::new() })
            }
            Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) => {
                Err(self.refuse(key, item, "must be a table"))
            }
        });
        tables.collect()
    }

    /// Whether a key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Whether a value is a table.
    pub(crate) fn is_table(&self, key: &str) -> bool {
        let entry = self.table.and_then(|table| table.get(key));
        entry.is_some_and(|entry| matches!(entry.value, Value::Table(_)))
    }

    /// What `read` finds under a key that must be there.
    pub(crate) fn required<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Self) -> Result<Option<T>, ScenarioError>,
    ) -> Result<T, ScenarioError> {
        read(self)?.ok_or_else(|| self.refusal(key, "is missing"))
    }

    /// A value that `read` takes; `allowed` completes "must be …" when it does not.
    pub(crate) fn value<T>(
        &mut self,
        key: &'static str,
        allowed: &str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, ScenarioError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        match read(&entry.value) {
            Some(value) => Ok(Some(value)),
            None => Err(self.refuse(key, entry, &format!("must be {allowed}"))),
        }
    }

    /// A whole number.
    pub(crate) fn whole<T>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<T>,
    ) -> Result<Option<T>, ScenarioError>
    where
        T: TryFrom<i64> + PartialOrd + std::fmt::Display,
    {
        let allowed = format!("a whole number from {} to {}", range.start(), range.end());
        self.value(key, &allowed, |value| match value {
            Value::Integer(number) => T::try_from(*number).ok().filter(|number| range.contains(number)),
            Value::Text(_) | Value::Float(_) | Value::Bool(_) | Value::List(_) | Value::Table(_) => None,
        })
    }

    /// A number.
    pub(crate) fn number(
        &mut self,
        key: &'static str,
        range: RangeInclusive<f64>,
    ) -> Result<Option<f64>, ScenarioError> {
        let allowed = format!("{} to {}", range.start(), range.end());
        self.value(key, &allowed, |value| units::number(value).filter(|number| range.contains(number)))
    }

    /// A share below one, in parts per million.
    pub(crate) fn share(&mut self, key: &'static str) -> Result<Option<u32>, ScenarioError> {
        Ok(self.number(key, 0.0..=0.99)?.map(|share| (share * 1e6).round() as u32))
    }

    /// Yes or no; no when it is not there.
    pub(crate) fn flag(&mut self, key: &'static str) -> Result<bool, ScenarioError> {
        let read = |value: &Value| match value {
            Value::Bool(flag) => Some(*flag),
            Value::Text(_) | Value::Integer(_) | Value::Float(_) | Value::List(_) | Value::Table(_) => None,
        };
        Ok(self.value(key, "true or false", read)?.unwrap_or(false))
    }

    /// A duration with its unit.
    pub(crate) fn duration(&mut self, key: &'static str) -> Result<Option<Duration>, ScenarioError> {
        self.value(key, units::DURATION, units::duration)
    }

    /// A number of bytes, plain or with a unit.
    pub(crate) fn bytes(
        &mut self,
        key: &'static str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, ScenarioError> {
        let allowed = format!("{} to {} bytes, as 1000, \"64 KiB\" or \"1 MB\"", range.start(), range.end());
        self.value(key, &allowed, |value| units::bytes(value).filter(|bytes| range.contains(bytes)))
    }

    /// A rate of a line; `None` within is unlimited.
    pub(crate) fn rate(&mut self, key: &'static str) -> Result<Option<Option<u64>>, ScenarioError> {
        self.value(key, units::RATE, units::rate)
    }

    /// One of a few words.
    pub(crate) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, ScenarioError> {
        let allowed: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        self.value(key, &allowed.join(" or "), |value| {
            let text = units::text(value)?;
            words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
        })
    }

    /// A text that is not empty.
    pub(crate) fn text(&mut self, key: &'static str) -> Result<Option<String>, ScenarioError> {
        self.value(key, "a text", |value| {
            units::text(value).filter(|text| !text.is_empty()).map(str::to_owned)
        })
    }

    /// Refuses what nobody asked for.
    pub(crate) fn finish(mut self) -> Result<(), ScenarioError> {
        let mut keys = self.table.into_iter().flatten();
        let Some((key, entry)) = keys.find(|(key, _)| !self.known.contains(&key.as_str())) else {
            return Ok(());
        };
        self.known.sort_unstable();
        self.known.dedup();
        let path = self.path_of(key);
        let known = self.known.join(", ");
        Err(ScenarioError::new(format!("{path}: unknown key, known are {known}{}", self.place(entry.origin))))
    }

    /// The refusal of a value that its key alone does not rule out.
    pub(crate) fn refusal(&self, key: &str, why: &str) -> ScenarioError {
        match self.table.and_then(|table| table.get(key)) {
            Some(entry) => self.refuse(key, entry, why),
            None => ScenarioError::new(format!("{}: {why} ({})", self.path_of(key), self.file)),
        }
    }

    fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.known.push(key);
        self.table.and_then(|table| table.get(key))
    }

    fn refuse(&self, key: &str, entry: &Entry, why: &str) -> ScenarioError {
        ScenarioError::new(format!(
            "{}: {}, {why}{}",
            self.path_of(key),
            entry.value,
            self.place(entry.origin)
        ))
    }

    fn place(&self, origin: Origin) -> String {
        match origin {
            Origin::Line(line) => format!(" ({}:{line})", self.file),
            Origin::Given => String::new(),
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }
}
