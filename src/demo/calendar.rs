//! When jobs start: more in office hours than at night, fewer at weekends and in holidays, none
//! while the clusters are being maintained.

use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::options::DAY;

/// Seconds of an hour.
pub const HOUR: i64 = 3_600;

/// How far a generated database goes back: five years.
pub const SPAN_DAYS: i64 = 1_826;

/// The hours of five years, each with its share of the jobs.
#[derive(Debug)]
pub struct Calendar {
    /// When the first hour begins.
    begin: i64,
    /// How busy each hour is; only the proportions count.
    weights: Vec<f32>,
}

impl Calendar {
    /// Five years that end at `until`.
    pub fn new(until: i64, rng: &mut ChaCha8Rng) -> Self {
        let begin = until - SPAN_DAYS * DAY;
        let num_hours = SPAN_DAYS * 24;
        let weights = (0..num_hours)
            .map(|index| {
                let growth = 0.7 + 0.6 * index as f64 / num_hours as f64;
                let noise = (0.35 * rng.sample::<f64, _>(StandardNormal)).exp();
                (rhythm(begin + index * HOUR) * growth * noise) as f32
            })
            .collect();
        Self { begin, weights }
    }

    /// How many hours there are.
    pub fn len(&self) -> usize {
        self.weights.len()
    }

    /// When an hour begins.
    pub fn begin_of(&self, hour: usize) -> i64 {
        self.begin + hour.cast_signed() as i64 * HOUR
    }

    /// How busy an hour is.
    pub fn weight(&self, hour: usize) -> f64 {
        self.weights.get(hour).copied().map_or(0.0, f64::from)
    }

    /// How busy all hours are together.
    pub fn total_weight(&self) -> f64 {
        self.weights.iter().copied().map(f64::from).sum()
    }
}

/// The rhythm of days, weeks and years. 1 is an average hour.
fn rhythm(at: i64) -> f64 {
    let days = at.div_euclid(DAY);
    let hour_of_day = at.rem_euclid(DAY) / HOUR;
    // 1970-01-01 was a Thursday; 0 is Monday.
    let weekday = (days + 3).rem_euclid(7);
    let day_of_year = (days as f64).rem_euclid(365.2425) as i64;

    let by_hour = match hour_of_day {
        8..=10 => 1.5,
        11..=16 => 1.8,
        17..=19 => 1.2,
        20..=22 => 0.8,
        _ => 0.5,
    };
    let by_weekday = if weekday >= 5 { 0.55 } else { 1.15 };
    let by_season = match day_of_year {
        0..=3 | 357..=366 => 0.35,
        212..=245 => 0.8,
        _ => 1.0,
    };
    // One day of maintenance per quarter, on a Tuesday.
    let open = !(weekday == 1 && days.rem_euclid(91) < 7 && (7..18).contains(&hour_of_day));
    by_hour * by_weekday * by_season * f64::from(u8::from(open))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offices_are_busier_than_nights_and_weekends() {
        let tuesday_noon = 1_772_539_200; // 2026-03-03 12:00 UTC
        assert!(rhythm(tuesday_noon) > 2.0 * rhythm(tuesday_noon + 12 * HOUR));
        assert!(rhythm(tuesday_noon) > 1.5 * rhythm(tuesday_noon + 4 * DAY));
    }

    #[test]
    fn there_is_maintenance_four_times_a_year() {
        let closed = (0..365 * 24)
            .filter(|hour| rhythm(1_767_225_600 + hour * HOUR) == 0.0)
            .count();
        assert!((33..=55).contains(&closed), "{closed} hours");
    }
}
