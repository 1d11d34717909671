//! The identity file, byte for byte and under damage.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::fs;
use std::path::Path;

use braidcast_runtime_tokio::{FileFault, Identity, IdentityError, KEY_FILE, KeyFault, peer_id_text};
use libp2p_identity::Keypair;

const GOLDEN_JSON: &str = concat!(
    r#"{"Key":"CAESQNip0wtV4LpSlL3a3wTIyo9bKfzt0VYdsmfFeeWJ4fAx7eUx1zxyeGhbfAB9DAA4FYzA4FEXTySZpba5KA2OHzM=","#,
    r#""ID":"12D3KooWRq1VcVYyKTGRGuSzpMT792mBecAPSDKhGwKcFdCd8Pbp"}"#
);
const GOLDEN_CRC: [u8; 8] = [0x7d, 0x35, 0x0e, 0x2a, 0xdc, 0x5d, 0x55, 0x5c];
const GOLDEN_ID: &str = "12D3KooWRq1VcVYyKTGRGuSzpMT792mBecAPSDKhGwKcFdCd8Pbp";

fn golden() -> Vec<u8> {
    [&GOLDEN_CRC[..], GOLDEN_JSON.as_bytes()].concat()
}

/// CRC-64/ISO by its definition, one bit at a time: shares nothing with the code under test.
fn with_checksum(json: &str) -> Vec<u8> {
    let crc = !json.bytes().fold(!0u64, |crc, byte| {
        (0..8).fold(crc ^ u64::from(byte), |crc, _| (crc >> 1) ^ ((crc & 1) * 0xD800_0000_0000_0000))
    });
    [&crc.to_le_bytes()[..], json.as_bytes()].concat()
}

fn write(dir: &Path, bytes: &[u8]) {
    fs::write(dir.join(KEY_FILE), bytes).unwrap();
}

fn read(dir: &Path) -> Vec<u8> {
    fs::read(dir.join(KEY_FILE)).unwrap()
}

/// All names in a directory: nothing temporary may stay behind.
fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_golden_file_is_read_and_written_to_the_byte() {
    assert_eq!(GOLDEN_JSON.len(), 162);
    let (dir, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(dir.path(), &golden());
    let identity = Identity::load(dir.path()).unwrap();
    assert_eq!(peer_id_text(&identity.peer_id()), GOLDEN_ID);
    identity.store(copy.path()).unwrap();
    assert_eq!(read(copy.path()), golden());
}

#[test]
fn a_new_identity_is_kept() {
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("deep/identity");
    let made = Identity::load_or_generate(&dir).unwrap();
    let bytes = read(&dir);
    assert_eq!(Identity::load_or_generate(&dir).unwrap().peer_id(), made.peer_id());
    assert_eq!(Identity::load(&dir).unwrap().peer_id(), made.peer_id());
    assert_eq!(read(&dir), bytes);
    assert_eq!(names(&dir), [KEY_FILE]);
    assert!(peer_id_text(&made.peer_id()).starts_with("12D3KooW"));
}

#[test]
fn storing_does_not_overwrite() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &golden());
    let there = Identity::generate().store(dir.path()).unwrap();
    assert_eq!(peer_id_text(&there.peer_id()), GOLDEN_ID);
    assert_eq!(read(dir.path()), golden());
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_the_key() {
    use std::os::unix::fs::PermissionsExt;
    let base = tempfile::tempdir().unwrap();
    let dir = base.path().join("identity");
    Identity::load_or_generate(&dir).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.join(KEY_FILE)), 0o600);
    // The process's umask may take more away, never add.
    assert_eq!(mode(&dir) & !0o755, 0);
}

#[test]
fn secp256k1_keys_are_loaded_and_others_refused() {
    let dir = tempfile::tempdir().unwrap();
    let keypair = Keypair::generate_secp256k1();
    let identity = Identity::new(keypair).unwrap().store(dir.path()).unwrap();
    assert!(peer_id_text(&identity.peer_id()).starts_with("16Uiu2H"));
    let refused = Identity::new(Keypair::generate_ecdsa()).unwrap_err();
    assert_eq!(refused.to_string(), "Ecdsa keys are not supported, only Ed25519 and Secp256k1");
}

/// What loading these bytes says, after checking that neither way of loading touches the file.
fn refusal(bytes: &[u8]) -> IdentityError {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), bytes);
    Identity::load(dir.path()).unwrap_err();
    let error = Identity::load_or_generate(dir.path()).unwrap_err();
    assert_eq!(read(dir.path()), bytes, "the damaged file changed");
    assert_eq!(names(dir.path()), [KEY_FILE]);
    error
}

#[test]
fn damage_is_named_and_left_alone() {
    for short in [0, 1, 7] {
        let error = refusal(&golden()[..short]);
        assert!(error.to_string().starts_with("read key from disk: file is too short"), "{error}");
    }
    let mut flipped = golden();
    flipped[20] ^= 1;
    let error = refusal(&flipped);
    assert!(
        error.to_string().starts_with("read key from disk: checksum mismatch: 5c555ddc2a0e357d != "),
        "{error}"
    );
    assert!(matches!(
        refusal(&golden()[..100]),
        IdentityError::Read { fault: FileFault::Checksum { .. }, .. }
    ));
    let error = refusal(&with_checksum("{"));
    assert!(error.to_string().starts_with("read key from disk: EOF while parsing"), "{error}");
    assert!(matches!(
        refusal(&vec![0; (64 << 10) + 1]),
        IdentityError::Read { fault: FileFault::TooLong { bytes_max: 65536 }, .. }
    ));
}

#[test]
fn every_flipped_bit_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    for bit in 0..golden().len() * 8 {
        let mut bytes = golden();
        bytes[bit / 8] ^= 1 << (bit % 8);
        write(dir.path(), &bytes);
        let error = Identity::load(dir.path()).unwrap_err();
        assert!(
            matches!(error, IdentityError::Read { fault: FileFault::Checksum { .. }, .. }),
            "{bit}: {error}"
        );
    }
}

#[test]
fn a_whole_file_with_a_bad_key_is_refused() {
    let file = |key: &str, id: &str| with_checksum(&format!(r#"{{"Key":"{key}","ID":"{id}"}}"#));
    for key in ["*", "AAAA", ""] {
        let error = refusal(&file(key, GOLDEN_ID));
        assert!(error.to_string().starts_with("unmarshal privkey: "), "{error}");
    }
    let key = &GOLDEN_JSON[8..100];
    assert_eq!(file(key, GOLDEN_ID), golden());
    let error = refusal(&file(key, "12D3KooWNobody"));
    assert!(matches!(error, IdentityError::Key { fault: KeyFault::OtherPeer { .. }, .. }), "{error}");
}

#[test]
fn no_directory_is_an_error_with_its_path() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("none");
    let error = Identity::load(&missing).unwrap_err();
    assert!(error.to_string().contains("none"), "{error}");
    assert!(!missing.exists());
    // A file where the directory should be.
    fs::write(&missing, "").unwrap();
    Identity::load_or_generate(&missing).unwrap_err();
}

#[test]
fn all_who_create_at_once_get_one_key() {
    for _round in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let barrier = std::sync::Barrier::new(8);
        let create = || {
            barrier.wait();
            Identity::load_or_generate(dir.path().join("new")).unwrap().peer_id()
        };
        let mut ids: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(create)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        ids.dedup();
        assert_eq!(ids.len(), 1);
        assert_eq!(names(&dir.path().join("new")), [KEY_FILE]);
    }
}
