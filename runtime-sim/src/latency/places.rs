//! Latency by distance on the globe.

use super::regions::{Regions, RegionsError};
use crate::fixed::{angle_of, cos_sin};

/// A place where nodes live.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// Degrees north, millionths.
    pub latitude: i32,
    /// Degrees east, millionths.
    pub longitude: i32,
    /// Share of the nodes that live there, relative to the other places.
    pub weight: u32,
}

impl Regions {
    /// Places whose one-way latency is 3.55 ms + 0.00896 ms for each kilometre between them.
    ///
    /// The formula is the one of published gossip simulations; the distance is along the great circle of a sphere of
    /// 6371 km radius.
    pub fn geographic(places: &[Place]) -> Result<Self, RegionsError> {
        let row = |a: &Place| places.iter().map(|b| micros(a, b)).collect::<Vec<u32>>();
        let names = places.iter().map(|place| place.name.clone()).collect();
        let weights = places.iter().map(|place| place.weight).collect();
        Self::new(names, weights, places.iter().flat_map(row).collect())
    }
}

fn micros(a: &Place, b: &Place) -> u32 {
    let metres = metres(a, b);
    (3_550 + metres * 896 / 100_000) as u32
}

/// By the haversine formula, whose figures stay good for small and for large distances.
fn metres(a: &Place, b: &Place) -> u64 {
    let half_sine_squared = |from: i32, to: i32| {
        let (_, sine) = cos_sin((i64::from(from) - i64::from(to)).abs() / 2);
        product(sine, sine)
    };
    let (cos_a, _) = cos_sin(a.latitude.into());
    let (cos_b, _) = cos_sin(b.latitude.into());
    let across = product(product(cos_a, cos_b), half_sine_squared(a.longitude, b.longitude));
    let square = (half_sine_squared(a.latitude, b.latitude) + across).clamp(0, ONE);
    let half = angle_of(root(ONE - square), root(square)).max(0);
    ((2 * EARTH_METRES * i128::from(half)) >> 40) as u64
}

/// Q40 times Q40.
fn product(a: i64, b: i64) -> i64 {
    ((i128::from(a) * i128::from(b)) >> 40) as i64
}

/// The square root of a Q40 number.
fn root(square: i64) -> i64 {
    ((i128::from(square) << 40) as u128).isqrt() as i64
}

const ONE: i64 = 1 << 40;
const EARTH_METRES: i128 = 6_371_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(name: &str, latitude: f64, longitude: f64) -> Place {
        let micro = |degrees: f64| (degrees * 1e6) as i32;
        Place { name: name.into(), latitude: micro(latitude), longitude: micro(longitude), weight: 1 }
    }

    #[test]
    fn distances_are_those_of_the_globe() {
        let (london, new_york) = (place("London", 51.5074, -0.1278), place("New York", 40.7128, -74.0060));
        let (sydney, pole) = (place("Sydney", -33.8688, 151.2093), place("South Pole", -90.0, 0.0));
        for (a, b, kilometres) in [
            (&london, &new_york, 5_570),
            (&london, &sydney, 16_994),
            (&new_york, &new_york, 0),
            (&london, &pole, 15_735),
        ] {
            let found = metres(a, b) / 1000;
            assert!(found.abs_diff(kilometres) <= 5, "{} - {}: {found} km", a.name, b.name);
        }
    }

    #[test]
    fn latency_is_the_published_line() {
        let regions =
            Regions::geographic(&[place("London", 51.5074, -0.1278), place("New York", 40.7128, -74.0060)]);
        let millis = |a, b| regions.as_ref().unwrap().between(a, b).as_micros();
        assert_eq!(millis(0, 0), 3_550);
        assert!((53_400..53_520).contains(&millis(0, 1)), "{}", millis(0, 1));
    }
}
