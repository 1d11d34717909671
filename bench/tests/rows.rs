//! Whatever the machine's speed: there are rows for every target, in the form that scripts read.
#![allow(clippy::unwrap_used, reason = "a test helper that fails is a test that fails")]

use std::collections::BTreeSet;

use braidcast_bench::{Row, Target, coding, table};
use braidcast_coding::counting::CountingAllocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

#[test]
fn every_target_has_rows_and_the_code_allocates_no_more_than_it_should() {
    let options = coding::Options { quick: true, ..coding::Options::default() };
    let rows = coding::run(&options);
    let missed: Vec<&Row> =
        rows.iter().filter(|row| row.target == Target::T10 && row.met != Some(true)).collect();
    assert!(missed.is_empty(), "{missed:#?}");
    let targets: BTreeSet<Target> = rows.iter().map(|row| row.target).collect();
    assert_eq!(targets, BTreeSet::from(Target::ALL));
    rows.iter().for_each(check);
    assert_eq!(table(&rows).lines().count(), rows.len() + 1);

    let options = coding::Options { targets: vec![Target::T9], quick: true };
    assert!(coding::run(&options).iter().all(|row| row.target == Target::T9));
}

/// The fields that scripts read.
fn check(row: &Row) {
    let json = serde_json::to_value(row).unwrap();
    assert_eq!(json["target"], row.target.to_string());
    assert!(json["case"].is_string() && json["unit"].is_string(), "{json}");
    let has_need = !matches!(row.target, Target::Limit | Target::Info);
    assert_eq!(json["need"].is_number(), has_need, "{json}");
    // Without its instructions a processor has no value.
    let has_value = json["value"].as_f64().is_some_and(|value| value >= 0.0);
    assert!(has_value || json["value"].is_null(), "{json}");
    assert_eq!(json["met"].is_boolean(), has_need && has_value, "{json}");
    assert!(json["better"] == "higher" || json["better"] == "lower", "{json}");
    assert_eq!(&serde_json::from_value::<Row>(json).unwrap(), row);
}
