//! smoke
use braidcast_coding::*;
use bytes::Bytes;
use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
#[test]
fn smoke() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    for k in [1usize, 2, 4, 5, 16, 33, 255] { for s in [0usize, 1, 64, 1000, 70000] {
        let msg: Bytes = (0..s).map(|i| (i * 31 % 251) as u8).collect::<Vec<_>>().into();
        let p = Params::for_message(s, k).unwrap();
        let e = Encoder::new(msg.clone(), p).unwrap();
        let mut d = Decoder::new(p);
        for i in 0..k / 2 { d.offer(Shard { id: ShardId::Canonical(i as u16), payload: e.systematic(i), tag: Tag::new(0) }).unwrap(); }
        while !d.is_complete() { for c in e.coded(3, &mut rng) { d.offer(c.into_shard(Tag::new(1))).unwrap(); } }
        assert_eq!(d.finish().unwrap(), msg);
        let mut d2 = Decoder::new(p);
        let r = d.recoder(|_| true).unwrap();
        while !d2.is_complete() { for c in r.recode(3, &mut rng) { d2.offer(c.into_shard(Tag::new(1))).unwrap(); } }
        assert_eq!(d2.finish().unwrap(), msg);
    }}
}
