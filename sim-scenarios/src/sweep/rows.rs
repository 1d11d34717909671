//! Deliveries as Parquet: one file per run, one row per message and node.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use parquet::data_type::{DataType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use super::{Manifest, RunKey, StoreError, store};
use crate::result::DeliveryRow;

/// Writes the deliveries of a run; the values of its point are in the file's key-value metadata.
pub(super) fn write(
    dir: &Path,
    manifest: &Manifest,
    key: RunKey,
    rows: &[DeliveryRow],
) -> Result<(), StoreError> {
    let folder = dir.join("deliveries");
    fs::create_dir_all(&folder).map_err(|error| StoreError::Io { path: folder.clone(), error })?;
    let path = folder.join(format!("{}.parquet", key.name()));
    match encode(manifest, key, rows) {
        Ok(content) => store::write(&path, &content),
        Err(error) => Err(StoreError::Content { path, problem: error.to_string() }),
    }
}

fn encode(manifest: &Manifest, key: RunKey, rows: &[DeliveryRow]) -> Result<Vec<u8>, ParquetError> {
    let values = manifest.values(key.point);
    let values = values.into_iter().map(|(path, value)| KeyValue::new(path, super::manifest::plain(&value)));
    let properties = WriterProperties::builder().set_key_value_metadata(Some(values.collect())).build();
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    column::<Int32Type>(&mut group, &vec![key.point as i32; rows.len()])?;
    column::<Int64Type>(&mut group, &vec![key.seed as i64; rows.len()])?;
    column::<Int32Type>(&mut group, &map(rows, |row| row.message as i32))?;
    column::<Int32Type>(&mut group, &map(rows, |row| row.node as i32))?;
    column::<Int32Type>(&mut group, &map(rows, |row| row.life as i32))?;
    column::<DoubleType>(&mut group, &map(rows, |row| row.ms))?;
    group.close()?;
    writer.into_inner()
}

fn map<T>(rows: &[DeliveryRow], of: impl FnMut(&DeliveryRow) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Vec<u8>>,
    values: &[T::T],
) -> Result<(), ParquetError> {
    let mut column =
        group.next_column()?.ok_or_else(|| ParquetError::General("no column is left".to_owned()))?;
    column.typed::<T>().write_batch(values, None, None)?;
    column.close()
}

/// `ms` is from the publication; `life` counts the node's restarts.
const SCHEMA: &str = "message deliveries {
    REQUIRED INT32 point;
    REQUIRED INT64 seed;
    REQUIRED INT32 message;
    REQUIRED INT32 node;
    REQUIRED INT32 life;
    REQUIRED DOUBLE ms;
}";

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;
    use crate::sweep::Build;
    use crate::{Scenario, Tree};

    #[test]
    fn rows_are_read_back() {
        let text = "name = \"x\"\n[sweep]\nnetwork.loss = [0.0, 0.1]\n";
        let tree = Tree::parse("x", text).unwrap();
        let manifest = Manifest::new(&Scenario::from_tree(&tree).unwrap(), &tree, Build::default());
        let rows = [(0, 3, 1.5), (1, 4, 2.5)];
        let rows = rows.map(|(message, node, ms)| DeliveryRow { message, node, ms, life: 0 });
        let content = encode(&manifest, RunKey { point: 1, seed: 9 }, &rows).unwrap();
        let reader = SerializedFileReader::new(Bytes::from(content)).unwrap();
        let read: Vec<_> = reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).collect();
        assert_eq!(read.len(), 2);
        let row = &read[1];
        let whole = [0, 2, 3, 4].map(|column| row.get_int(column).unwrap());
        assert_eq!(whole, [1, 1, 4, 0]);
        assert_eq!((row.get_long(1).unwrap(), row.get_double(5).unwrap()), (9, 2.5));
        let metadata = reader.metadata().file_metadata().key_value_metadata().unwrap();
        let values: Vec<_> = metadata.iter().map(|it| (it.key.as_str(), it.value.as_deref())).collect();
        assert!(values.contains(&("network.loss", Some("0.1"))), "{values:?}");
    }
}
