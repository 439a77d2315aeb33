//! The memory of each run as a picture, with the same axes for all, so that heights can be compared.

use super::{compare::Run, story::ArmSummary};
use crate::{
    error::Result,
    memory::{
        history::History,
        marker::{MarkerKind, Timeline},
        quantity::Quantity,
    },
    report::chart::{self, Axes, ChartSpec, Panel},
    units::{Bytes, format_elapsed, seconds},
};

/// What the story is about. What the allocator keeps is why the RSS stays up when the heap is empty.
const QUANTITIES: [Quantity; 4] = [
    Quantity::Rss,
    Quantity::SqliteHeap,
    Quantity::PageCaches,
    Quantity::Kept,
];

/// Room for all of these runs.
pub fn axes<'a>(runs: impl Iterator<Item = &'a Run>) -> Axes {
    let mut axes = Axes {
        range: (0.0, 1.0),
        largest: Bytes::mib(16),
    };
    for Run { summary, recording } in runs {
        let last = recording.samples.last().map_or(0.0, |last| last.at_secs);
        let peak = summary.peak;
        let highest = peak.rss_bytes.unwrap_or(0).max(peak.sqlite_heap_bytes);
        axes.range.1 = axes.range.1.max(last);
        axes.largest = axes.largest.max(Bytes(highest));
    }
    axes
}

/// Draws one run as SVG.
///
/// # Errors
/// If nothing was sampled.
pub fn svg(run: &Run, axes: Axes) -> Result<String> {
    let Run { summary, recording } = run;
    let mut history = History::from(recording);
    history.timeline = story(&history.timeline, summary);
    let spec = ChartSpec {
        title: String::new(),
        quantities: QUANTITIES.to_vec(),
        axes: Some(axes),
        ..ChartSpec::default()
    };
    let panel = Panel {
        name: "",
        history: &history,
        zero_unix_secs: None,
    };
    chart::svg(&spec, &[panel])
}

/// The tasks, and instead of a mark for each step of each of them the few that the text is about.
fn story(timeline: &Timeline, summary: &ArmSummary) -> Timeline {
    let mut story = Timeline {
        bands: timeline.bands.clone(),
        ..History::under(summary.profile.heap_limits()).timeline
    };
    for (index, band) in story.bands.iter_mut().enumerate() {
        band.title = format!("heavy query {}", index + 1);
    }
    let asked = timeline
        .bands
        .iter()
        .filter_map(|band| band.stop_asked_secs);
    let Some(asked_secs) = asked.min_by(f64::total_cmp) else {
        return story;
    };
    let what = match summary.num_queries {
        1 => "the query is asked to stop".to_owned(),
        count => format!("all {count} queries are asked to stop"),
    };
    story.mark(asked_secs, MarkerKind::Stop, what);
    let mut later = |ms: Option<f64>, kind, what: &str| {
        if let Some(ms) = ms {
            let after = format_elapsed(seconds(ms / 1e3));
            story.mark(
                asked_secs + ms / 1e3,
                kind,
                format!("{what}, {after} later"),
            );
        }
    };
    let returned = "SQLite has its heap back where it was before";
    later(
        summary.stopped_after_ms,
        MarkerKind::Stopped,
        "the last has stopped",
    );
    later(summary.heap_given_back_ms, MarkerKind::GivenBack, returned);
    story
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::verdict::tests::{arm, kept, returned};

    #[test]
    fn all_runs_have_the_same_axes_and_only_the_marks_of_the_story() {
        let arms = [arm("one", kept()), arm("other", returned())];
        let runs = || arms.iter().filter_map(|arm| arm.outcome.as_ref().ok());
        let axes = axes(runs());
        let tick = |svg: &str| {
            let (before, _) = svg.split_once(">1500<").expect("a number of the axis");
            before.rsplit_once("<text").expect("its place").1.to_owned()
        };
        let pictures: Vec<_> = runs().map(|run| svg(run, axes).expect("drawn")).collect();
        assert_eq!(tick(&pictures[0]), tick(&pictures[1]));
        assert!(pictures[1].contains("1 · 5.0 s · stop asked: all 4 queries are asked to stop"));
        assert!(pictures[1].contains("heavy query 1 · cancelled"));
        assert!(pictures[1].contains("memory given back: SQLite has its heap back"));
        assert!(!pictures[0].contains("memory given back"), "it was not");
    }
}
