use super::*;
use crate::memory::{
    marker::Marker,
    sample::{ConnectionReading, MemorySample},
};

/// Numbers without a pattern, the same on every run.
fn noise(tick: u32) -> u64 {
    u64::from(tick.wrapping_mul(2_654_435_761) >> 12)
}

fn samples() -> Vec<MemorySample> {
    (0..900_u32)
        .map(|tick| MemorySample {
            at_secs: f64::from(tick) / 10.0 + f64::from(tick / 400) * 7.0,
            rss: (tick % 5 != 0).then(|| Bytes::kib(noise(tick) % 900_000)),
            sqlite_heap: Bytes::kib(noise(tick + 7) % 300_000),
            connections: vec![ConnectionReading {
                cache_used: Bytes::kib(u64::from(tick) * 100),
                cache_hits: u64::from(tick) * 9,
                cache_misses: u64::from(tick),
                ..ConnectionReading::default()
            }],
            ..MemorySample::default()
        })
        .collect()
}

fn band(task: u64, from_secs: f64, end: Option<f64>) -> Band {
    Band {
        task,
        title: format!("task {task}"),
        is_background: false,
        connection: Some(0),
        from_secs,
        first_row_secs: None,
        stop_asked_secs: None,
        end: end.map(|end| (end, Outcome::Finished)),
        given_back_secs: None,
    }
}

fn history() -> History {
    let mut history = History::default();
    for sample in samples() {
        history.sampled(sample);
    }
    history.timeline.bands = vec![
        band(1, 1.0, Some(2.0)),
        band(2, 5.0, Some(20.0)),
        band(3, 21.0, Some(21.5)),
        band(4, 30.0, None),
        band(5, 80.0, Some(85.0)),
    ];
    for (at_secs, kind, text) in [
        (9.9, MarkerKind::Setting, "too early"),
        (12.0, MarkerKind::Setting, "cache_size 8 MiB → 64 MiB"),
        (13.0, MarkerKind::Trim, "no setting"),
        (70.1, MarkerKind::Setting, "too late"),
    ] {
        history.timeline.markers.push(Marker {
            at_secs,
            kind,
            text: text.to_owned(),
        });
    }
    history
}

#[test]
fn a_summary_is_what_the_raw_samples_say() {
    let history = history();
    for (from, to) in [(10.0, 70.0), (0.0, 200.0), (39.0, 47.6), (12.3, 12.4)] {
        let summary = RangeSummary::of(&history, from, to);
        let inside: Vec<_> = samples()
            .into_iter()
            .filter(|sample| from <= sample.at_secs && sample.at_secs <= to)
            .collect();
        assert_eq!(summary.num_samples as usize, inside.len());
        let rss: Vec<u64> = inside.iter().filter_map(|s| s.rss).map(|b| b.0).collect();
        let heap: Vec<u64> = inside.iter().map(|s| s.sqlite_heap.0).collect();
        for (quantity, raw) in [(Quantity::Rss, rss), (Quantity::SqliteHeap, heap)] {
            let course = summary.course(quantity).expect("sampled");
            assert_eq!(Some(course.peak), raw.iter().copied().max());
            let mean = raw.iter().sum::<u64>() as f64 / raw.len() as f64;
            assert!((course.mean - mean).abs() < mean * 1e-6 + 1.0, "{course:?}");
            let change = raw[raw.len() - 1].cast_signed() - raw[0].cast_signed();
            assert!((course.change() - change).abs() < 1024, "{course:?}");
        }
        assert_eq!(summary.course(Quantity::Pss), None, "never read");
    }
}

#[test]
fn a_peak_between_two_samples_is_the_peak_of_the_range_in_which_it_was() {
    let mut history = History::default();
    for (secs, peak) in [(1.0, 20), (1.1, 20), (1.2, 90), (1.3, 90), (1.4, 90)] {
        history.sampled(MemorySample {
            at_secs: secs,
            sqlite_heap: Bytes::mib(10),
            sqlite_heap_peak: Bytes::mib(peak),
            ..MemorySample::default()
        });
    }
    let peak = |from, to| {
        let summary = RangeSummary::of(&history, from, to);
        let peak = summary.course(Quantity::SqliteHeap).expect("sampled").peak;
        // What the page of a report has.
        let sum = history.series.sum(from, to).expect("samples");
        assert_eq!(sum.peak(Quantity::SqliteHeap), Some(Bytes(peak)));
        peak >> 20
    };
    assert_eq!(peak(1.0, 1.4), 90);
    assert_eq!(peak(1.1, 1.2), 90);
    assert_eq!(peak(1.0, 1.1), 10, "that mark is from before");
    assert_eq!(peak(1.2, 1.4), 10, "that one, too");
}

#[test]
fn tasks_settings_and_growth_are_those_of_the_range() {
    let summary = RangeSummary::of(&history(), 10.0, 70.0);
    let ran: Vec<_> = summary.tasks.iter().map(|task| &*task.title).collect();
    assert_eq!(ran, ["task 2", "task 3", "task 4"]);
    assert!(summary.is_running(), "task 4 has no end");
    assert_eq!(summary.settings, ["cache_size 8 MiB → 64 MiB"]);
    let most = summary.growth.first().expect("the page cache grew");
    assert_eq!(most.who, "page cache of connection 1");
    assert!(
        summary
            .hit_ratio()
            .is_some_and(|ratio| (ratio - 0.9).abs() < 1e-9)
    );
}

#[test]
fn a_range_without_samples_says_so() {
    let summary = RangeSummary::of(&history(), 40.2, 46.0);
    assert_eq!(summary.num_samples, 0);
    assert_eq!(summary.hit_ratio(), None);
    assert!(summary.growth.is_empty());
    let text = summary.text(&Quantity::ALL, |secs| format!("{secs:.0}"));
    assert!(
        text.contains("No page was looked up\nNothing grew"),
        "{text}"
    );
}

#[test]
fn a_range_may_be_given_backwards() {
    let history = history();
    assert_eq!(
        RangeSummary::of(&history, 70.0, 10.0),
        RangeSummary::of(&history, 10.0, 70.0)
    );
}

#[test]
fn the_text_has_every_number() {
    let text = RangeSummary::of(&history(), 10.0, 70.0)
        .text(&[Quantity::SqliteHeap], |secs| format!("{secs:.0} s"));
    for part in [
        "10 s to 70 s (1:00 min)",
        "SQLite heap: peak 29",
        "page cache of connection 1 +",
        "task 2: finished, 15.0 s",
        "  cache_size 8 MiB → 64 MiB",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_screen_reader_hears_values_tasks_and_marks() {
    let history = history();
    let (from, to) = (10.0, history.latest.at_secs);
    let points = history.series.between(from, to, 100);
    let text = sentence(
        "Memory",
        &history,
        &points,
        (from, to),
        &[Quantity::SqliteHeap],
    );
    assert!(text.starts_with("Memory over the last 1:3"), "{text}");
    assert!(text.contains("SQLite heap "), "{text}");
    assert!(text.contains(" now, at most 29"), "{text}");
    assert!(text.ends_with("4 tasks ran, 1 running; 3 marks"), "{text}");
    let text = sentence("Memory", &history, &[], (41.0, 42.0), &[Quantity::Rss]);
    assert!(text.contains("nothing was sampled"), "{text}");
}

#[test]
fn what_was_known_only_part_of_the_time_says_so() {
    let summary = RangeSummary::of(&history(), 10.0, 30.0);
    let rss = summary.course(Quantity::Rss).expect("four of five samples");
    assert!(rss.num_known < summary.num_samples, "{rss:?}");
    assert_eq!(
        summary.gaps(&[Quantity::Rss, Quantity::SqliteHeap, Quantity::Pss]),
        ["RSS: known 80 % of the time"]
    );
    let text = summary.text(&[Quantity::Rss, Quantity::SqliteHeap], |_| String::new());
    let line = |label: &str| text.lines().find(|line| line.starts_with(label));
    let said = |label| line(label).is_some_and(|line| line.ends_with("; known 80 % of the time"));
    assert!(said("RSS") && !said("SQLite heap"), "{text}");
    for (known, part) in [
        (1, Some("known less than 1 % of the time")),
        (999, Some("known more than 99 % of the time")),
        (1000, None),
    ] {
        assert_eq!(partly_known(known, 1000).as_deref(), part);
    }
}
