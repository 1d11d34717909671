//! A topology from a file: its links become part of the scenario, so that a stored result needs no other file.

use std::path::Path;

use super::tree::{Entry, Value};
use super::{ScenarioError, Tree};

/// Puts the links of the file that `network.edges` names in its place; paths count from `folder`.
///
/// A line has the numbers of two nodes, from 0; `#` begins a comment.
pub(super) fn include(tree: &mut Tree, folder: &Path) -> Result<(), ScenarioError> {
    let Some(Entry { value: Value::Table(network), .. }) = tree.root.get_mut("network") else {
        return Ok(());
    };
    let Some(entry) = network.get_mut("edges") else { return Ok(()) };
    let Value::Text(name) = &entry.value else { return Ok(()) };
    let path = folder.join(name);
    let shown = path.display();
    let text = std::fs::read_to_string(&path)
        .map_err(|error| ScenarioError::new(format!("network.edges: {shown}: {error}")))?;
    let mut links = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let words: Vec<&str> = line.split('#').next().unwrap_or("").split_whitespace().collect();
        match words.iter().map(|word| word.parse::<u32>()).collect::<Result<Vec<_>, _>>().as_deref() {
            Ok([]) => {}
            Ok(&[a, b]) => links.push(list([a, b].map(|node| Value::Integer(node.into())))),
            Ok(_) | Err(_) => {
                let line =
                    format!("network.edges: {line:?} is not two nodes, as 0 1 ({shown}:{})", index + 1);
                return Err(ScenarioError::new(line));
            }
        }
        if links.len() > LINKS_MAX {
            return Err(ScenarioError::new(format!(
                "network.edges: {shown}: more than {LINKS_MAX} links, the limit"
            )));
        }
    }
    entry.value = list(links);
    Ok(())
}

fn list(values: impl IntoIterator<Item = Value>) -> Value {
    Value::List(values.into_iter().map(Entry::given).collect())
}

/// A list of links is kept in every result.
const LINKS_MAX: usize = 1 << 20;
