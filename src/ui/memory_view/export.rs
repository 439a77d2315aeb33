//! What is shown as a file: picture, table, or (recordings) a page.

use egui::{Button, Ui, containers::menu::MenuButton};

use super::charts::Charts;
use crate::{
    error::Result,
    memory::{history::History, recording::OpenRecording},
    report::{
        Theme,
        chart::{self, ChartSpec, Panel},
        csv,
        html::{Source, html},
    },
    state::{AppState, instrument::recordings::Shown},
    ui::{file_dialog::FileDialog, widgets::plain_menu},
};

/// What can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The chart as a picture of pixels.
    Png,
    /// The chart as a picture of lines.
    Svg,
    /// The samples.
    Csv,
    /// Tasks and marks.
    Events,
    /// A page with everything.
    Html,
}

const KINDS: [(Kind, &str, &str); 5] = [
    (Kind::Png, "Chart as PNG…", "memory.png"),
    (Kind::Svg, "Chart as SVG…", "memory.svg"),
    (Kind::Csv, "Samples as CSV…", "memory.csv"),
    (Kind::Events, "Events as CSV…", "memory-events.csv"),
    (Kind::Html, "Report as HTML…", "memory.html"),
];

/// One history as it was when somebody asked for a file: that is made away from the window.
struct Taken {
    name: String,
    history: History,
    zero_unix_secs: Option<f64>,
}

/// Everything that a file is made of.
struct Snapshot {
    taken: Vec<Taken>,
    recordings: Vec<OpenRecording>,
    spec: ChartSpec,
}

/// Shows the menu.
pub fn menu_ui(
    ui: &mut Ui,
    (state, started_unix): (&AppState, f64),
    charts: &Charts,
    dialog: &mut FileDialog,
) {
    let (response, _) = MenuButton::new("Export").config(plain_menu()).ui(ui, |ui| {
        ui.set_min_width(180.0);
        for (kind, text, file) in KINDS {
            // What a report tells beside the chart is in the header of a recording.
            let is_live = state.instrument.recordings.shown == Shown::Live;
            let is_one = state.instrument.recordings.shown != Shown::Together;
            let can = match kind {
                Kind::Html => !is_live,
                Kind::Csv | Kind::Events => is_one,
                Kind::Png | Kind::Svg => true,
            } && !dialog.is_open();
            let why = match kind {
                Kind::Html => "Of a recording: record first",
                Kind::Csv | Kind::Events => "Of one recording at a time",
                Kind::Png | Kind::Svg => "A file dialog is open",
            };
            let button = ui
                .add_enabled(can, Button::new(text).frame(false))
                .on_disabled_hover_text(why);
            if button.clicked() {
                let snapshot = snapshot(state, started_unix, charts, ui.visuals().dark_mode);
                dialog.save(ui.ctx(), file, move || make(kind, &snapshot));
                ui.close();
            }
        }
    });
    response.on_hover_text("What is shown, as a file");
}

fn snapshot(state: &AppState, started_unix: f64, charts: &Charts, is_dark: bool) -> Snapshot {
    let recordings = &state.instrument.recordings;
    let shown: Vec<OpenRecording> = match recordings.shown {
        Shown::Live => Vec::new(),
        Shown::One(index) => recordings.open.get(index).into_iter().cloned().collect(),
        Shown::Together => recordings.open.clone(),
    };
    let taken = if recordings.shown == Shown::Live {
        vec![Taken {
            name: String::new(),
            history: state.live.clone(),
            zero_unix_secs: Some(started_unix - state.clock_shift_secs),
        }]
    } else {
        Vec::new()
    };
    Snapshot {
        taken,
        recordings: shown,
        spec: ChartSpec {
            title: "Memory over time".to_owned(),
            quantities: state.settings.quantities.clone(),
            range: charts.range(state, started_unix),
            theme: if is_dark { Theme::Dark } else { Theme::Light },
            show_caches_per_connection: true,
            by_clock: recordings.shown == Shown::Live,
            ..ChartSpec::default()
        },
    }
}

fn make(kind: Kind, snapshot: &Snapshot) -> Result<Vec<u8>> {
    let Snapshot {
        taken,
        recordings,
        spec,
    } = snapshot;
    let names: Vec<_> = recordings.iter().map(OpenRecording::name).collect();
    let sources: Vec<_> = recordings
        .iter()
        .zip(&names)
        .map(|(recording, name)| Source {
            name,
            recorded: &recording.recorded,
        })
        .collect();
    let is_alone = sources.len() == 1;
    let mut panels: Vec<_> = taken
        .iter()
        .map(|taken| Panel {
            name: &taken.name,
            history: &taken.history,
            zero_unix_secs: taken.zero_unix_secs,
        })
        .collect();
    panels.extend(sources.iter().map(|source| source.panel(is_alone)));
    let mut bytes = Vec::new();
    match kind {
        Kind::Png => return chart::png(spec, &panels),
        Kind::Svg => return Ok(chart::svg(spec, &panels)?.into_bytes()),
        Kind::Html => return Ok(html(spec, &sources)?.into_bytes()),
        Kind::Csv => {
            if let Some(panel) = panels.first() {
                let (history, zero) = (panel.history, panel.zero_unix_secs);
                csv::points(history, &spec.quantities, spec.range, zero, &mut bytes)?;
            }
        }
        Kind::Events => {
            if let Some(panel) = panels.first() {
                let receipts = recordings.first().map(|open| &open.recorded.receipts);
                let receipts = receipts.map_or(&[][..], |receipts| receipts);
                let (history, zero) = (panel.history, panel.zero_unix_secs);
                csv::events(history, receipts, spec.range, zero, &mut bytes)?;
            }
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        memory::{marker::MarkerKind, quantity::Quantity, sample::MemorySample},
        units::Bytes,
    };

    fn live() -> Snapshot {
        let mut history = History::default();
        for tick in 0..100_u32 {
            history.sampled(MemorySample {
                at_secs: f64::from(tick) / 10.0,
                rss: Some(Bytes::mib(100 + u64::from(tick))),
                ..MemorySample::default()
            });
        }
        let text = "cache_size 64 MiB → 1 GiB".to_owned();
        history.timeline.mark(5.0, MarkerKind::Setting, text);
        Snapshot {
            taken: vec![Taken {
                name: String::new(),
                history,
                zero_unix_secs: Some(1_773_187_200.0),
            }],
            recordings: Vec::new(),
            spec: ChartSpec {
                quantities: vec![Quantity::Rss],
                range: Some((2.0, 8.0)),
                by_clock: true,
                ..ChartSpec::default()
            },
        }
    }

    #[test]
    fn what_is_shown_becomes_files() {
        let snapshot = live();
        let text = |kind| String::from_utf8(make(kind, &snapshot).expect("made")).expect("text");
        let svg = text(Kind::Svg);
        assert!(svg.contains("cache_size 64 MiB"), "the mark's words");
        assert!(svg.contains("RSS"), "the legend");
        assert!(
            make(Kind::Png, &snapshot)
                .expect("made")
                .starts_with(b"\x89PNG")
        );
        let csv = text(Kind::Csv);
        assert_eq!(csv.lines().count(), 62, "a header and what is in the range");
        assert!(text(Kind::Events).contains("setting changed"));
    }
}
