//! Joins the shards of a sweep.

use std::path::Path;

use super::{StoreError, Summary, finish, store};

/// Brings the results of several directories of one sweep together in `out`, which may be one of them.
pub fn merge(dirs: &[&Path], out: &Path) -> Result<Summary, StoreError> {
    let Some(first) = dirs.first() else {
        return Err(StoreError::Content { path: out.to_owned(), problem: "nothing to merge".to_owned() });
    };
    let manifest = store::load(first)?;
    for dir in &dirs[1..] {
        store::same_sweep(dir, &store::load(dir)?, &manifest)?;
    }
    store::open(out, &manifest)?;
    for key in manifest.runs() {
        let target = store::run_path(out, key);
        let found = dirs.iter().find(|dir| store::run_path(dir, key).exists());
        if let Some(dir) = found
            && !target.exists()
        {
            store::write_json(&target, &store::read_run(dir, key)?)?;
        }
    }
    let results = store::results(out, &manifest)?;
    finish(out, &manifest, &results)
}
