//! The crate `rlnc`, used as its documentation says, with buffers reused where it lets us.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rlnc::full::{Decoder, Encoder, Recoder};

use crate::meter::Subject;

/// A message with `rlnc`.
pub(super) struct Rlnc {
    encoder: Encoder,
    k: usize,
}

impl Rlnc {
    /// Of `message`, in `k` pieces.
    pub(super) fn new(message: &[u8], k: usize) -> Self {
        let encoder = Encoder::new(message.to_vec(), k).expect("the shapes measured are valid");
        Self { encoder, k }
    }

    /// Makes one coded piece.
    pub(super) fn encoding(&self) -> Subject<'static> {
        let (encoder, mut rng) = (self.encoder.clone(), rng());
        let mut piece = vec![0; encoder.get_full_coded_piece_byte_len()];
        Subject::new(move || {
            encoder.code_with_buf(&mut rng, &mut piece).expect("the buffer has the right size");
        })
    }

    /// Makes one piece from `k` others.
    pub(super) fn recoding(&self) -> Subject<'static> {
        let (len, mut rng) = (self.encoder.get_full_coded_piece_byte_len(), rng());
        let pieces = self.pieces().concat();
        let mut recoder = Recoder::new(pieces, len, self.k).expect("the pieces are whole");
        let mut piece = vec![0; len];
        Subject::new(move || {
            recoder.recode_with_buf(&mut rng, &mut piece).expect("the buffer has the right size");
        })
    }

    /// Makes the message from `k` independent pieces.
    pub(super) fn decoding(&self) -> Subject<'static> {
        let (pieces, piece_len, k) = (self.pieces(), self.encoder.get_piece_byte_len(), self.k);
        Subject::new(move || {
            let mut decoder = Decoder::new(piece_len, k).expect("the shape is valid");
            for piece in &pieces {
                decoder.decode(piece).expect("the pieces are independent");
            }
            decoder.get_decoded_data().expect("there are k pieces")
        })
    }

    /// `k` independent coded pieces.
    fn pieces(&self) -> Vec<Vec<u8>> {
        let mut decoder =
            Decoder::new(self.encoder.get_piece_byte_len(), self.k).expect("the shape is valid");
        let (mut pieces, mut rng) = (Vec::new(), rng());
        while !decoder.is_already_decoded() {
            let piece = self.encoder.code(&mut rng);
            if decoder.decode(&piece).is_ok() {
                pieces.push(piece);
            }
        }
        pieces
    }
}

/// The cheapest generator there is: `rlnc` is not to be slowed by its random numbers.
fn rng() -> SmallRng {
    SmallRng::seed_from_u64(9)
}
