//! What is kept, joined and summed is what was read.

use super::*;
use crate::{memory::quantity::Quantity, units::Bytes};

fn sample(at_secs: f64, rss_kib: u64) -> MemorySample {
    MemorySample {
        at_secs,
        rss: Some(Bytes::kib(rss_kib)),
        ..MemorySample::default()
    }
}

fn rss_of(point: &Point) -> Range {
    point.range(Quantity::Rss).expect("read")
}

#[test]
fn days_of_samples_stay_below_sixteen_mebibytes() {
    let mut series = Series::default();
    let mut peak_at = 0.0;
    for tick in 0..2_000_000_u32 {
        let at_secs = f64::from(tick) / 10.0;
        let rss = if tick == 1000 {
            9_000
        } else {
            u64::from(tick % 7)
        };
        if tick == 1000 {
            peak_at = at_secs;
        }
        assert!(series.push(&sample(at_secs, rss)));
    }
    assert!(series.size() < 15 << 20, "{} bytes", series.size());
    let all = series.between(0.0, 200_000.0, 1000);
    assert!(all.len() <= 1002, "{} points", all.len());
    let peak = all
        .iter()
        .find(|point| rss_of(point).max == 9_000 << 10)
        .expect("the peak is kept");
    assert!(peak.from_secs <= peak_at && peak_at <= peak.to_secs);
    assert_eq!(series.span(), Some((0.0, 199_999.9)));
    let sum = series.sum(0.0, 200_000.0).expect("points");
    assert_eq!(sum.num_samples, 2_000_000, "no sample is lost");
    let mean = rss_of(&sum).mean / 1024.0;
    assert!((mean - 3.0).abs() < 0.05, "0 to 6 KiB in turn: {mean}");
}

#[test]
fn the_overview_is_what_the_points_say() {
    let mut series = Series::default();
    for tick in 0..5_000_u32 {
        // A gap now and then, not at the ends of blocks.
        let at_secs = f64::from(tick) / 10.0 + f64::from(tick / 700) * 30.0;
        series.push(&sample(at_secs, u64::from(tick * 7919 % 1000)));
    }
    let (from, to) = series.span().expect("samples");
    let column_secs = (to - from) / 50.0;
    let mut columns = Columns {
        column_secs,
        joined: Vec::new(),
    };
    for point in series.points() {
        columns.add(point);
    }
    let shown = series.between(from, to, 50);
    assert_eq!(shown.len(), columns.joined.len());
    for (one, other) in shown.iter().zip(&columns.joined) {
        assert_eq!(
            (one.from_secs, one.to_secs),
            (other.from_secs, other.to_secs)
        );
        assert_eq!(one.num_samples, other.num_samples);
        assert_eq!(rss_of(one).max, rss_of(other).max);
        assert_eq!(rss_of(one).min, rss_of(other).min);
    }
}

#[test]
fn a_gap_is_never_joined_away() {
    let mut series = Series::default();
    for tick in 0..1000_u32 {
        let pause = if tick >= 500 { 60.0 } else { 0.0 };
        series.push(&sample(f64::from(tick) / 10.0 + pause, 1));
    }
    let points = series.between(0.0, 200.0, 20);
    let longest = points
        .windows(2)
        .map(|pair| pair[1].from_secs - pair[0].to_secs)
        .fold(0.0, f64::max);
    assert!(longest > 55.0, "the minute without samples: {longest}");
}

#[test]
fn a_zoomed_view_shows_every_sample() {
    let mut series = Series::default();
    for tick in 0..1000_u32 {
        series.push(&sample(f64::from(tick), 1));
    }
    let points = series.between(100.0, 110.0, 500);
    assert_eq!(
        points.len(),
        13,
        "eleven seconds and one neighbour on each side"
    );
}

#[test]
fn time_that_runs_backwards_is_left_out() {
    let mut series = Series::default();
    for at_secs in [1.0, 2.0, 1.5, 0.2, f64::NAN, 2.0, 3.0] {
        series.push(&sample(at_secs, 1));
    }
    let times: Vec<_> = series.points().iter().map(|point| point.to_secs).collect();
    assert_eq!(times, [1.0, 2.0, 3.0]);
}

#[test]
fn a_slow_reading_stands_for_the_samples_after_it_and_grows_old() {
    let mut series = Series::default();
    let slow = SlowReading {
        pss: Some(Bytes::mib(7)),
        ..SlowReading::default()
    };
    series.push(&MemorySample {
        slow: Some(slow),
        ..sample(1.0, 1)
    });
    series.push(&sample(2.0, 1));
    series.push(&sample(90.0, 1));
    let pss: Vec<_> = series
        .points()
        .iter()
        .map(|point| point.max(Quantity::Pss))
        .collect();
    assert_eq!(pss, [Some(Bytes::mib(7)), Some(Bytes::mib(7)), None]);
}

#[test]
fn a_mean_is_over_the_time_in_which_the_quantity_was_known() {
    let mut series = Series::default();
    // Long enough to be thinned, so that points stand for known and unknown samples alike.
    let num_samples = 3 * u32::try_from(MAX_POINTS).expect("small");
    for tick in 0..num_samples {
        let mut sample = sample(f64::from(tick) / 10.0, 0);
        sample.rss = match tick % 40 {
            0..10 => Some(Bytes::mib(4)),
            10..20 => Some(Bytes::mib(8)),
            _ => None,
        };
        series.push(&sample);
    }
    let sum = series.sum(0.0, 1e9).expect("points");
    let rss = rss_of(&sum);
    assert_eq!(sum.num_samples, num_samples);
    assert_eq!(rss.num_known, num_samples / 2);
    let mean = rss.mean / f64::from(1 << 20);
    assert!((mean - 6.0).abs() < 0.01, "4 and 8 MiB in turn: {mean}");
    let heap = sum.range(Quantity::SqliteHeap).expect("always known");
    assert_eq!(heap.num_known, num_samples);
}

#[test]
fn hits_and_misses_count_from_one_sample_to_the_next() {
    let mut series = Series::default();
    let with = |at_secs, cache_hits, cache_misses| MemorySample {
        connections: vec![ConnectionReading {
            cache_hits,
            cache_misses,
            ..ConnectionReading::default()
        }],
        ..sample(at_secs, 1)
    };
    series.push(&with(1.0, 1000, 1000));
    series.push(&with(1.1, 1030, 1010));
    // Closed, and opened again.
    series.push(&with(1.2, 6, 2));
    let counts: Vec<_> = series
        .points()
        .iter()
        .map(|point| (point.cache_hits, point.cache_misses))
        .collect();
    assert_eq!(counts, [(0, 0), (30, 10), (6, 2)]);
    assert_eq!(series.points()[1].hit_ratio(), Some(0.75));
    let sum = series.sum(1.0, 1.2).expect("samples");
    assert_eq!(sum.cache_misses, 12);
}

#[test]
fn what_came_during_a_gap_is_no_burst_behind_it() {
    let mut series = Series::default();
    let with = |at_secs, cache_misses| MemorySample {
        connections: vec![ConnectionReading {
            cache_misses,
            ..ConnectionReading::default()
        }],
        ..sample(at_secs, 1)
    };
    // A hundred pages a second, and nobody looked for ten of them.
    for (at_secs, misses) in [(1.0, 500), (1.1, 510), (11.1, 1_510), (11.2, 1_520)] {
        series.push(&with(at_secs, misses));
    }
    let rates: Vec<_> = (series.points().iter())
        .map(|point| point.misses_per_sec().round())
        .collect();
    assert_eq!(rates, [0.0, 100.0, 100.0, 100.0]);
    let sum = series.sum(1.0, 11.2).expect("samples");
    assert_eq!(sum.cache_misses, 1_020, "none is lost");
    assert!((sum.misses_per_sec() - 100.0).abs() < 0.5);
    assert!(!series.points()[2].follows(&series.points()[1]), "a gap");
}
