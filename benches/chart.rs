//! The memory strip with a day of samples and ten thousand events: what drawing it takes of a frame.
//!
//! Prints tables in Markdown; how to run it and what each figure means stands in `README.md`.

#![expect(
    clippy::print_stdout,
    reason = "the tables are what this program is for"
)]

use std::time::Instant;

use egui::{Event, Pos2, RawInput, Rect, Vec2, pos2};
use jiff::tz::TimeZone;
use jobscope::{
    command::Outbox,
    db::status::HeapLimits,
    engine::receipt::Outcome,
    memory::{
        history::History,
        marker::{Band, MarkerKind},
        quantity::Quantity,
        sample::{ConnectionReading, MemorySample, SlowReading},
    },
    ui::{
        memory_chart::{Axis, ChartLook, ChartSource, Legend, MemoryChart},
        theme,
    },
    units::Bytes,
};

/// A day, at ten samples a second.
const SECS: u32 = 86_400;

/// As many bands and as many marks.
const EVENTS: u32 = 5_000;

/// Frames of each measurement.
const FRAMES: usize = 300;

/// The strip of a new user, and one dragged up.
const HEIGHT: f32 = 150.0;

fn main() {
    let mut history = filled();
    let kib = |bytes: usize| Bytes(bytes as u64).to_string();
    let events = history.timeline.bands.capacity() * size_of::<Band>()
        + history.timeline.markers.capacity() * size_of::<jobscope::memory::marker::Marker>();
    println!(
        "# The memory chart\n\n- {} points for {} samples: {}\n- {} bands and {} marks, without their texts: {}\n",
        history.series.points().len(),
        SECS * 10,
        kib(history.series.size()),
        history.timeline.bands.len(),
        history.timeline.markers.len(),
        kib(events),
    );
    println!("| Chart | Width | View | Curves | Samples | median | p99 | slowest |");
    println!("| --- | ---: | --- | ---: | --- | ---: | ---: | ---: |");
    let mut now = f64::from(SECS);
    for (name, legend, height) in [
        ("strip", Legend::Short, HEIGHT),
        ("Memory view", Legend::List, 500.0),
    ] {
        for width in [1280.0, 1920.0] {
            for view in ["all", "1 h"] {
                for quantities in [&Quantity::DEFAULT[..], &Quantity::ALL[..]] {
                    for is_live in [true, false] {
                        let look = ChartLook {
                            quantities,
                            legend,
                            with_lookups: legend == Legend::List,
                            top: None,
                        };
                        let size = Vec2::new(width, height);
                        let mut times = frames(&mut history, &mut now, &look, size, view, is_live);
                        times.sort_by(f64::total_cmp);
                        let at = |share: f64| {
                            let index = (times.len() as f64 * share) as usize;
                            times
                                .get(index.min(times.len() - 1))
                                .copied()
                                .unwrap_or(0.0)
                        };
                        println!(
                            "| {name} | {width} | {view} | {} | {} | {:.2} ms | {:.2} ms | {:.2} ms |",
                            quantities.len(),
                            if is_live { "one a frame" } else { "none" },
                            at(0.5),
                            at(0.99),
                            at(1.0),
                        );
                    }
                }
            }
        }
    }
}

/// What our own code takes of each frame, in milliseconds.
fn frames(
    history: &mut History,
    now: &mut f64,
    look: &ChartLook<'_>,
    size: Vec2,
    view: &str,
    is_live: bool,
) -> Vec<f64> {
    let ctx = egui::Context::default();
    theme::install(&ctx);
    let mut chart = MemoryChart::of_everything();
    let zone = TimeZone::UTC;
    let mut times = Vec::with_capacity(FRAMES);
    for frame in 0..FRAMES + 10 {
        if is_live {
            *now += 0.1;
            history.sampled(sample(*now));
        }
        let history = &*history;
        let source = ChartSource {
            name: "Memory",
            history,
            zone: &zone,
            axis: Axis::TimeOfDay {
                started_unix: 1.773e9,
            },
            first_secs: 0.0,
            now_secs: *now,
        };
        if view == "1 h" {
            chart.set_range((*now - 3600.0, *now));
        }
        // The pointer is on the chart, and moves: a readout or a list of marks is shown, too.
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, size)),
            time: Some(frame as f64 / 60.0),
            events: vec![Event::PointerMoved(pos2(
                600.0 + (frame % 200) as f32,
                size.y * 0.5,
            ))],
            ..RawInput::default()
        };
        let mut millis = 0.0;
        let mut output = ctx.run_ui(input, |ui| {
            let started = Instant::now();
            chart.ui(ui, &source, look, &mut Outbox::default());
            millis = started.elapsed().as_secs_f64() * 1e3;
        });
        // The first ones lay out every text of the legend.
        if frame >= 10 {
            times.push(millis);
        }
        output.textures_delta.clear();
    }
    times
}

fn filled() -> History {
    let mut history = History::under(HeapLimits {
        soft: Some(Bytes::mib(900)),
        hard: None,
    });
    for tick in 0..SECS * 10 {
        history.sampled(sample(f64::from(tick) / 10.0));
    }
    let step = f64::from(SECS) / f64::from(EVENTS);
    for event in 0..EVENTS {
        let at_secs = f64::from(event) * step;
        history.timeline.begin(Band {
            task: u64::from(event),
            title: format!("Task {event}"),
            is_background: event % 3 == 0,
            connection: Some(event as usize % 4),
            from_secs: at_secs,
            first_row_secs: Some(at_secs + step / 4.0),
            stop_asked_secs: (event % 5 == 0).then_some(at_secs + step / 2.0),
            end: Some((at_secs + step * 0.7, Outcome::Finished)),
            given_back_secs: None,
        });
        let kind = MarkerKind::ALL[event as usize % MarkerKind::ALL.len()];
        (history.timeline).mark(at_secs + step / 3.0, kind, format!("Mark {event}"));
    }
    history
}

/// Numbers that go up and down, the same on every run.
fn sample(at_secs: f64) -> MemorySample {
    let tick = (at_secs * 10.0).round() as u64;
    let noise = tick.wrapping_mul(6_364_136_223_846_793_005) >> 40;
    let wave = ((at_secs / 300.0).sin() * 200.0 + 300.0) as u64;
    MemorySample {
        at_secs,
        rss: Some(mib(wave + 100, noise % (60 << 20))),
        sqlite_heap: mib(wave, noise % (40 << 20)),
        sqlite_heap_peak: Bytes::mib(600),
        available: Some(Bytes::gib(9)),
        connections: (0..4)
            .map(|index| ConnectionReading {
                cache_used: mib(wave / 5, noise % (10 << 20)),
                cache_hits: tick * 900,
                cache_misses: tick * 7 + noise % 7 * index,
                ..ConnectionReading::default()
            })
            .collect(),
        slow: tick.is_multiple_of(10).then(|| SlowReading {
            pss: Some(Bytes::mib(wave + 80)),
            anonymous: Some(Bytes::mib(wave + 60)),
            wal: Some(Bytes::mib(wave / 3)),
            ..SlowReading::default()
        }),
        ..MemorySample::default()
    }
}

fn mib(count: u64, more: u64) -> Bytes {
    Bytes((count << 20) + more)
}
