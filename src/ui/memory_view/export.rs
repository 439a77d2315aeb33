//! What is shown as a file: picture, table, or (recordings) a page.

use std::path::PathBuf;

use egui::{RadioButton, Ui, containers::menu::MenuButton};

use super::{
    charts::Charts,
    place::{in_home, place_row},
};
use crate::{
    error::{Error, Result},
    memory::{history::History, recording::OpenRecording},
    report::{
        Theme,
        chart::{self, ChartSpec, Panel},
        csv,
        html::{Source, html},
    },
    state::{AppState, instrument::recordings::Shown},
    ui::{
        file_dialog::{FileDialog, Place},
        widgets::{left_aligned, plain_menu, primary_button, small},
    },
};

/// What can be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// The chart as a picture of pixels.
    #[default]
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
    (Kind::Png, "Chart as PNG", "memory.png"),
    (Kind::Svg, "Chart as SVG", "memory.svg"),
    (Kind::Csv, "Samples as CSV", "memory.csv"),
    (Kind::Events, "Events as CSV", "memory-events.csv"),
    (Kind::Html, "Report as HTML", "memory.html"),
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

/// The menu, with what was typed into it.
#[derive(Default)]
pub struct ExportMenu {
    kind: Kind,
    /// Where to, once somebody has typed or chosen it.
    path: Option<String>,
    /// What a dialog has chosen: that has asked before it lets a file be replaced.
    chosen: Option<PathBuf>,
}

impl ExportMenu {
    /// Shows the menu behind its button.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        (state, started_unix): (&AppState, f64),
        charts: &Charts,
        dialog: &mut FileDialog,
    ) {
        let (response, _) = MenuButton::new("Export").config(plain_menu()).ui(ui, |ui| {
            ui.set_min_width(420.0);
            left_aligned(ui, |ui| {
                let place = self.fields_ui(ui, state, dialog);
                if let Some(path) = place {
                    let kind = self.kind;
                    let snapshot = snapshot(state, started_unix, charts, ui.visuals().dark_mode);
                    let may_replace = self.chosen.as_ref() == Some(&path);
                    let free = path.clone();
                    dialog.save_to(ui.ctx(), path, move || {
                        if !may_replace && free.exists() {
                            let file = free.display().to_string();
                            let expected = "the name of a file that is not there yet";
                            return Err(Error::invalid("file to save", file, expected));
                        }
                        make(kind, &snapshot)
                    });
                    self.path = None;
                    ui.close();
                }
            });
        });
        response.on_hover_text("What is shown, as a file");
    }

    /// The kind and the place. Answers with the place once the button is pressed.
    fn fields_ui(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        dialog: &mut FileDialog,
    ) -> Option<PathBuf> {
        if let Some(path) = dialog.take_place(Place::Memory) {
            self.path = Some(path.display().to_string());
            self.chosen = Some(path);
        }
        if why_not(self.kind, state).is_some() {
            self.kind = Kind::Png;
        }
        for (kind, text, _) in KINDS {
            let why_not = why_not(kind, state);
            let radio = RadioButton::new(self.kind == kind, text);
            ui.horizontal(|ui| {
                if ui.add_enabled(why_not.is_none(), radio).clicked() {
                    self.kind = kind;
                    // The name that was offered; one that was typed stays.
                    self.path = self.path.take().map(|path| with_extension(&path, kind));
                }
                if let Some(why_not) = why_not {
                    ui.label(small(ui, why_not));
                }
            });
        }
        ui.add_space(4.0);
        let name = file_name(self.kind);
        let path = self
            .path
            .get_or_insert_with(|| in_home(name).display().to_string());
        let (choose, entered) = place_row(ui, "Save to", path, dialog);
        if choose {
            dialog.pick_place(ui.ctx(), Place::Memory, name);
        }
        ui.add_space(4.0);
        let path = path.trim();
        let can = !path.is_empty() && !dialog.is_open();
        let save = ui.add_enabled_ui(can, |ui| primary_button(ui, "Save"));
        (can && (entered || save.inner.clicked())).then(|| PathBuf::from(path))
    }
}

/// Why there is no such file of what is shown.
fn why_not(kind: Kind, state: &AppState) -> Option<&'static str> {
    let shown = state.instrument.recordings.shown;
    match kind {
        // What a report tells beside the chart is in the header of a recording.
        Kind::Html if shown == Shown::Live => Some("of a recording: record first"),
        Kind::Csv | Kind::Events if shown == Shown::Together => Some("of one recording at a time"),
        Kind::Png | Kind::Svg | Kind::Csv | Kind::Events | Kind::Html => None,
    }
}

fn file_name(kind: Kind) -> &'static str {
    let mut kinds = KINDS.into_iter();
    kinds
        .find(|(each, ..)| *each == kind)
        .map_or("memory", |(.., name)| name)
}

/// The same path with the ending of another kind, if it is the ending of one of them.
fn with_extension(path: &str, kind: Kind) -> String {
    let ending = |name: &'static str| name.trim_start_matches("memory");
    let now = KINDS.into_iter().map(|(.., name)| ending(name));
    // The longest that fits: that of the events ends like that of the samples.
    let known = now
        .filter(|known| path.ends_with(known))
        .max_by_key(|known| known.len());
    known.map_or_else(
        || path.to_owned(),
        |known| [&path[..path.len() - known.len()], ending(file_name(kind))].concat(),
    )
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
    fn the_ending_follows_the_kind() {
        let cases = [
            ("/a/memory.png", Kind::Svg, "/a/memory.svg"),
            ("/a/memory-events.csv", Kind::Csv, "/a/memory.csv"),
            ("/a/run 7.csv", Kind::Events, "/a/run 7-events.csv"),
            ("/a/notes", Kind::Html, "/a/notes"),
        ];
        for (path, kind, expected) in cases {
            assert_eq!(with_extension(path, kind), expected);
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
