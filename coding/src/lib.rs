//! Random linear network coding over GF(2^8): encoder, recoder, decoder.
