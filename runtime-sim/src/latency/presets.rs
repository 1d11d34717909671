//! Regions with published figures.

use super::Regions;

impl Regions {
    /// Fourteen regions of Amazon Web Services, with equal weights.
    ///
    /// Half of the mean of both directions' round-trip times in the sample of cloudping.co that the simulator of
    /// jvm-libp2p carries (`tools/simulator`, `AwsLatencies.kt`); there in whole milliseconds.
    pub fn aws() -> Self {
        let micros = AWS_SUMS.iter().flatten().map(|sum| sum * 250).collect();
        let names = AWS_NAMES.map(String::from).to_vec();
        Self::new(names, vec![1; AWS_NAMES.len()], micros).expect("the table is a symmetric matrix")
    }

    /// The eight regions of Ethereum's network studies, weighted by where nodes were counted.
    ///
    /// Latencies: the locations built into EthShadow (`lib/src/config/ethshadow.rs`), one-way, 2024. Where its two
    /// directions differ (South America - South Africa, 190 and 195 ms), their mean. Weights: the node counts of
    /// `network_graph.py` in the Shadow simulations of GossipSub for Ethereum, 2025.
    pub fn ethereum() -> Self {
        let micros = ETHEREUM_TENTHS.iter().flatten().map(|tenths| tenths * 100).collect();
        let names = ETHEREUM_NODES.map(|(name, _)| name.into()).to_vec();
        let weights = ETHEREUM_NODES.map(|(_, nodes)| nodes).to_vec();
        Self::new(names, weights, micros).expect("the table is a symmetric matrix")
    }
}

const AWS_NAMES: [&str; 14] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "ca-central-1",
    "sa-east-1",
    "eu-west-1",
    "eu-west-2",
    "eu-central-1",
    "eu-north-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
];

/// Sums of the round-trip times of both directions, milliseconds.
const AWS_SUMS: [[u32; 14]; 14] = [
    [8, 25, 124, 127, 29, 227, 139, 152, 183, 223, 371, 424, 397, 292],
    [25, 8, 103, 103, 49, 248, 158, 172, 204, 242, 391, 400, 374, 268],
    [124, 103, 6, 44, 158, 344, 256, 294, 302, 348, 455, 343, 277, 216],
    [127, 103, 44, 6, 120, 348, 238, 256, 281, 315, 435, 323, 280, 195],
    [29, 49, 158, 120, 4, 250, 140, 156, 184, 215, 373, 419, 395, 287],
    [227, 248, 344, 348, 250, 2, 353, 372, 408, 430, 595, 644, 623, 513],
    [139, 158, 256, 238, 140, 353, 2, 26, 53, 83, 240, 363, 512, 402],
    [152, 172, 294, 256, 156, 372, 26, 2, 34, 65, 222, 342, 529, 421],
    [183, 204, 302, 281, 184, 408, 53, 34, 4, 44, 220, 315, 498, 446],
    [223, 242, 348, 315, 215, 430, 83, 65, 44, 4, 261, 355, 589, 486],
    [371, 391, 455, 435, 373, 595, 240, 222, 220, 261, 2, 112, 291, 249],
    [424, 400, 343, 323, 419, 644, 363, 342, 315, 355, 112, 8, 186, 137],
    [397, 374, 277, 280, 395, 623, 512, 529, 498, 589, 291, 186, 2, 213],
    [292, 268, 216, 195, 287, 513, 402, 421, 446, 486, 249, 137, 213, 8],
];

/// Regions and the nodes counted in each.
const ETHEREUM_NODES: [(&str, u32); 8] = [
    ("australia", 290),
    ("east_asia", 1059),
    ("europe", 5599),
    ("na_west", 1240),
    ("na_east", 2894),
    ("south_america", 36),
    ("south_africa", 47),
    ("west_asia", 161),
];

/// One-way, tenths of a millisecond.
const ETHEREUM_TENTHS: [[u32; 8]; 8] = [
    [20, 1100, 1650, 1100, 1500, 1900, 2200, 1800],
    [1100, 40, 1250, 1000, 1400, 1750, 1750, 1100],
    [1650, 1250, 20, 1100, 700, 1400, 950, 600],
    [1100, 1000, 1100, 20, 600, 1000, 1600, 1500],
    [1500, 1400, 700, 600, 20, 1000, 1300, 1100],
    [1900, 1750, 1400, 1000, 1000, 70, 1925, 1450],
    [2200, 1750, 950, 1600, 1300, 1925, 70, 1100],
    [1800, 1100, 600, 1500, 1100, 1450, 1100, 50],
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_have_the_published_figures() {
        let aws = Regions::aws();
        let index = |name: &str| aws.names().iter().position(|other| other == name).unwrap() as u16;
        // Round trips of 64 and 62 ms.
        assert_eq!(aws.between(index("us-east-1"), index("us-west-2")).as_micros(), 31_750);
        assert_eq!(aws.names().len(), 14);
        assert_eq!(Regions::ethereum().between(2, 4).as_millis(), 70);
    }
}
