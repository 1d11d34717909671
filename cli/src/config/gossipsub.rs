//! GossipSub's own parameters: options of a node that apply in both modes, unless they say otherwise.

use braidcast_protocol::Mode;
use braidcast_runtime_tokio::{
    MeshSettings, MessageIds, Reputation, ReputationSettings, Score, Settings, Signatures, Topic, TopicFilter,
};
use clap::Args;

use super::value::Given;
use crate::exit::Failure;

/// See the module. Their names are the documents' where these have one.
#[derive(Args, Clone, Debug)]
pub(crate) struct GossipsubOptions {
    /// D in both modes, instead of the mode's mesh target
    #[arg(
        long,
        env = "GOSSIPSUB_MESH_DEGREE",
        default_value = "",
        hide_default_value = true,
        value_name = "PEERS"
    )]
    gossipsub_mesh_degree: String,

    /// `D_lo` in both modes, instead of the mode's mesh minimum
    #[arg(
        long,
        env = "GOSSIPSUB_MESH_DEGREE_LOW",
        default_value = "",
        hide_default_value = true,
        value_name = "PEERS"
    )]
    gossipsub_mesh_degree_low: String,

    /// `D_hi` in both modes, instead of the mode's mesh maximum
    #[arg(
        long,
        env = "GOSSIPSUB_MESH_DEGREE_HIGH",
        default_value = "",
        hide_default_value = true,
        value_name = "PEERS"
    )]
    gossipsub_mesh_degree_high: String,

    /// `D_out`: members of each mesh that this node dialed itself [default: 2, or what the degrees allow]
    #[arg(
        long,
        env = "GOSSIPSUB_MESH_DEGREE_OUT",
        default_value = "",
        hide_default_value = true,
        value_name = "PEERS"
    )]
    gossipsub_mesh_degree_out: String,

    /// `D_score`: best members kept when a mesh is cut, others by lot [default: 4, or what the degrees allow]
    #[arg(
        long,
        env = "GOSSIPSUB_MESH_DEGREE_SCORE",
        default_value = "",
        hide_default_value = true,
        value_name = "PEERS"
    )]
    gossipsub_mesh_degree_score: String,

    /// `D_lazy`: peers outside the mesh that hear of messages at each heartbeat
    #[arg(long, env = "GOSSIPSUB_MESH_DEGREE_LAZY", default_value = "6", value_name = "PEERS")]
    gossipsub_mesh_degree_lazy: String,

    /// Share of the peers outside the mesh that hear of messages, where that is more than `D_lazy`
    #[arg(long, env = "GOSSIPSUB_GOSSIP_FACTOR", default_value = "0.25", value_name = "SHARE")]
    gossipsub_gossip_factor: String,

    /// Whether own whole messages go to everybody in the topic: on or off
    #[arg(long, env = "GOSSIPSUB_FLOOD_PUBLISH", default_value = "off", value_name = "SWITCH")]
    gossipsub_flood_publish: String,

    /// Peer exchange: on names others to whom is pruned, and dials whom others name (with scoring, only from a score
    /// of 10); or off
    #[arg(long, env = "GOSSIPSUB_PEER_EXCHANGE", default_value = "off", value_name = "SWITCH")]
    gossipsub_peer_exchange: String,

    /// strict-sign, or strict-no-sign (gossipsub mode with message ids by content): messages without publisher
    #[arg(long, env = "GOSSIPSUB_SIGNATURES", default_value = "strict-sign", value_name = "POLICY")]
    gossipsub_signatures: String,

    /// What names a message: origin (publisher and number) or content (SHA-256); all nodes must agree
    #[arg(long, env = "GOSSIPSUB_MESSAGE_ID", default_value = "origin", value_name = "RULE")]
    gossipsub_message_id: String,

    /// Peers to stay connected to and to send everything, outside of meshes and scores; on both sides
    #[arg(
        long,
        env = "GOSSIPSUB_DIRECT_PEERS",
        default_value = "",
        hide_default_value = true,
        value_name = "MULTIADDRS"
    )]
    pub(super) gossipsub_direct_peers: String,

    /// The only topics this node has to do with, comma-separated, or one prefix with * [default: all]
    #[arg(
        long,
        env = "GOSSIPSUB_TOPICS",
        default_value = "",
        hide_default_value = true,
        value_name = "TOPICS"
    )]
    gossipsub_topics: String,

    /// Topics that are joined, and remembered of each peer
    #[arg(long, env = "GOSSIPSUB_TOPICS_MAX", default_value = "1024", value_name = "TOPICS")]
    gossipsub_topics_max: String,

    /// Messages from this length on are declined at others (IDONTWANT) as soon as they are here, bytes
    #[arg(long, env = "GOSSIPSUB_IDONTWANT_MIN_SIZE", default_value = "1024", value_name = "BYTES")]
    gossipsub_idontwant_min_size: String,

    /// With scoring: reputation below which a peer is dropped and refused; 0 drops nobody
    #[arg(long, env = "BRAIDCAST_REPUTATION_MIN", default_value = "0.3", value_name = "SHARE")]
    reputation_min: String,

    /// With scoring: what a reputation is made of: latency, reliability and history
    #[arg(long, env = "BRAIDCAST_REPUTATION_SHARES", default_value = "0.3,0.5,0.2", value_name = "SHARES")]
    reputation_shares: String,
}

impl GossipsubOptions {
    /// The degrees that count: these where they are set, else the mode's own.
    pub(super) fn degrees<'a>(&'a self, [min, target, max]: [Given<'a>; 3]) -> [Given<'a>; 3] {
        let or = |name: &'a str, text: &'a str, own| {
            if text.trim().is_empty() { own } else { Given::new(name, text) }
        };
        [
            or("GOSSIPSUB_MESH_DEGREE_LOW", &self.gossipsub_mesh_degree_low, min),
            or("GOSSIPSUB_MESH_DEGREE", &self.gossipsub_mesh_degree, target),
            or("GOSSIPSUB_MESH_DEGREE_HIGH", &self.gossipsub_mesh_degree_high, max),
        ]
    }

    /// Changes the settings; their degrees, mode and scoring must be there.
    pub(super) fn apply(&self, settings: &mut Settings) -> Result<(), Failure> {
        self.mesh(&mut settings.mesh)?;
        settings.gossip.lazy = Given::new("GOSSIPSUB_MESH_DEGREE_LAZY", &self.gossipsub_mesh_degree_lazy)
            .number(0..=PEERS_MAX)?;
        settings.gossip.factor_percent = Given::new("GOSSIPSUB_GOSSIP_FACTOR", &self.gossipsub_gossip_factor)
            .fraction(thousandths, "a number from 0 to 1")?
            .div_ceil(10)
            .into();
        settings.gossip.idontwant_bytes_min =
            Given::new("GOSSIPSUB_IDONTWANT_MIN_SIZE", &self.gossipsub_idontwant_min_size)
                .bytes(0..=braidcast_protocol::Config::MESSAGE_BYTES_LIMIT)?;
        if settings.mesh.peer_exchange && !settings.score.enabled {
            // Without scores all are at 0, and the switch is all the trust there can be.
            settings.score.thresholds.accept_px = Score::ZERO;
        }
        self.messages(settings)?;
        settings.topic_filter = filter(Given::new("GOSSIPSUB_TOPICS", &self.gossipsub_topics))?;
        settings.topics_max =
            Given::new("GOSSIPSUB_TOPICS_MAX", &self.gossipsub_topics_max).number(1..=TOPICS_MAX)?;
        self.reputation(&mut settings.score.reputation)
    }

    fn mesh(&self, mesh: &mut MeshSettings) -> Result<(), Failure> {
        let out = Given::new("GOSSIPSUB_MESH_DEGREE_OUT", &self.gossipsub_mesh_degree_out);
        if !out.text.is_empty() {
            mesh.outbound_min = out.number(0..=(mesh.min - 1).min(mesh.target / 2))?;
        }
        let score = Given::new("GOSSIPSUB_MESH_DEGREE_SCORE", &self.gossipsub_mesh_degree_score);
        if !score.text.is_empty() {
            mesh.best_kept = score.number(0..=mesh.target)?;
        }
        mesh.flood_publish =
            Given::new("GOSSIPSUB_FLOOD_PUBLISH", &self.gossipsub_flood_publish).word(SWITCH)?;
        mesh.peer_exchange =
            Given::new("GOSSIPSUB_PEER_EXCHANGE", &self.gossipsub_peer_exchange).word(SWITCH)?;
        Ok(())
    }

    fn messages(&self, settings: &mut Settings) -> Result<(), Failure> {
        settings.message_ids = Given::new("GOSSIPSUB_MESSAGE_ID", &self.gossipsub_message_id)
            .word(&[("origin", MessageIds::Origin), ("content", MessageIds::Content)])?;
        let policy = Given::new("GOSSIPSUB_SIGNATURES", &self.gossipsub_signatures);
        settings.signatures = policy
            .word(&[("strict-sign", Signatures::StrictSign), ("strict-no-sign", Signatures::StrictNoSign)])?;
        let anonymous = settings.mode == Mode::Gossipsub && settings.message_ids == MessageIds::Content;
        if settings.signatures == Signatures::StrictNoSign && !anonymous {
            return Err(policy
                .refuse("strict-sign unless NODE_MODE is gossipsub and GOSSIPSUB_MESSAGE_ID is content"));
        }
        Ok(())
    }

    fn reputation(&self, reputation: &mut ReputationSettings) -> Result<(), Failure> {
        let min = Given::new("BRAIDCAST_REPUTATION_MIN", &self.reputation_min);
        reputation.drop_below = Reputation::from_permille(min.fraction(thousandths, "a number from 0 to 1")?);
        let given = Given::new("BRAIDCAST_REPUTATION_SHARES", &self.reputation_shares);
        let shares: Option<Vec<u16>> =
            given.text.split(',').map(|share| thousandths(share.trim().parse().ok()?)).collect();
        let Some(&[latency, reliability, history]) =
            shares.as_deref().filter(|s| s.iter().sum::<u16>() == 1000)
        else {
            return Err(given.refuse("three numbers that make 1, as 0.3,0.5,0.2"));
        };
        (reputation.latency_share, reputation.reliability_share) = (latency, reliability);
        reputation.history_share = history;
        Ok(())
    }
}

fn filter(given: Given<'_>) -> Result<TopicFilter, Failure> {
    let topics: Vec<&str> = given.text.split(',').map(str::trim).filter(|topic| !topic.is_empty()).collect();
    match topics[..] {
        [] => Ok(TopicFilter::Any),
        [one] if one.ends_with('*') => Ok(TopicFilter::Prefix(one.trim_end_matches('*').to_owned())),
        _ if topics.iter().any(|topic| topic.ends_with('*')) => {
            Err(given.refuse("names of topics, comma-separated, or one prefix that ends in *"))
        }
        _ => Ok(TopicFilter::Only(topics.into_iter().map(Topic::new).collect())),
    }
}

/// A share from 0 to 1.
fn thousandths(share: f64) -> Option<u16> {
    (0.0..=1.0).contains(&share).then(|| (share * 1000.0).round() as u16)
}

const SWITCH: &[(&str, bool)] = &[("on", true), ("off", false)];
/// More peers than this are nobody's neighbours.
const PEERS_MAX: usize = 1000;
/// What is remembered of a peer must stay small.
const TOPICS_MAX: usize = 1 << 16;

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use clap::Parser;

    use super::*;
    use crate::config::{NodeConfig, NodeOptions};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: NodeOptions,
    }

    fn check(flags: &str) -> Result<NodeConfig, Failure> {
        let line = Line::try_parse_from(std::iter::once("node").chain(flags.split_whitespace())).unwrap();
        NodeConfig::check(&line.options, PathBuf::new())
    }

    /// Flags, and what holds of the settings with them but not without.
    type Effect = (&'static str, fn(&Settings) -> bool);

    #[test]
    fn each_option_changes_its_setting() {
        let effects: &[Effect] = &[
            ("--gossipsub-mesh-degree=8", |s| s.mesh.target == 8),
            ("--node-mode=gossipsub --gossipsub-mesh-degree=8", |s| s.mesh.target == 8),
            ("--gossipsub-mesh-degree-low=5", |s| s.mesh.min == 5),
            ("--gossipsub-mesh-degree-high=7", |s| s.mesh.max == 7),
            ("--gossipsub-mesh-degree-out=3", |s| s.mesh.outbound_min == 3),
            ("--gossipsub-mesh-degree-score=6", |s| s.mesh.best_kept == 6),
            ("--gossipsub-mesh-degree-lazy=0", |s| s.gossip.lazy == 0),
            ("--gossipsub-gossip-factor=0.5", |s| s.gossip.factor_percent == 50),
            ("--gossipsub-flood-publish=on", |s| s.mesh.flood_publish),
            ("--gossipsub-peer-exchange=on", |s| {
                s.mesh.peer_exchange && s.score.thresholds.accept_px == Score::ZERO
            }),
            ("--gossipsub-peer-exchange=on --scoring=on", |s| {
                s.mesh.peer_exchange && s.score.thresholds.accept_px == Score::new(10)
            }),
            ("--gossipsub-message-id=content", |s| s.message_ids == MessageIds::Content),
            (
                "--node-mode=gossipsub --gossipsub-message-id=content --gossipsub-signatures=strict-no-sign",
                |s| s.signatures == Signatures::StrictNoSign,
            ),
            ("--gossipsub-topics=a,b", |s| {
                let [a, b, c] = ["a", "b", "c"].map(|topic| s.topic_filter.allows(&Topic::new(topic)));
                a && b && !c
            }),
            ("--gossipsub-topics=chat/*", |s| {
                let [a, b] = ["chat/a", "b"].map(|topic| s.topic_filter.allows(&Topic::new(topic)));
                a && !b
            }),
            ("--gossipsub-topics-max=5", |s| s.topics_max == 5),
            ("--gossipsub-idontwant-min-size=64KiB", |s| s.gossip.idontwant_bytes_min == 65536),
            ("--reputation-min=0.4", |s| s.score.reputation.drop_below == Reputation::from_permille(400)),
            ("--reputation-shares=0.2,0.2,0.6", |s| s.score.reputation.history_share == 600),
        ];
        let default = check("").unwrap();
        for (flags, holds) in effects {
            assert!(!holds(&default.protocol), "{flags} is the default");
            assert!(holds(&check(flags).unwrap().protocol), "{flags}");
        }
    }

    #[test]
    fn the_defaults_are_those_of_the_library() {
        let (given, library) = (check("").unwrap(), Settings::default());
        assert_eq!((&given.protocol.mesh, &given.protocol.gossip), (&library.mesh, &library.gossip));
        assert_eq!(given.protocol.score, library.score);
        assert_eq!((&given.protocol.topic_filter, given.protocol.topics_max), (&TopicFilter::Any, 1024));
    }

    #[test]
    fn what_contradicts_other_options_is_refused() {
        for (flags, allowed) in [
            ("--gossipsub-mesh-degree=3", "GOSSIPSUB_MESH_DEGREE"),
            ("--gossipsub-mesh-degree-out=4", "0 to 3"),
            ("--gossipsub-mesh-degree-score=7", "0 to 6"),
            ("--gossipsub-signatures=strict-no-sign", "unless NODE_MODE is gossipsub"),
            (
                "--node-mode=gossipsub --gossipsub-signatures=strict-no-sign",
                "GOSSIPSUB_MESSAGE_ID is content",
            ),
        ] {
            let refusal = check(flags).unwrap_err().to_string();
            assert!(refusal.contains(allowed), "{flags}: {refusal}");
        }
    }
}
