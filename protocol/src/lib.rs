//! Braidcast's pure publish/subscribe state machine: events in, actions out.
