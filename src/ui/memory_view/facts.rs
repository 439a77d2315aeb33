//! What a recording says about itself: machine, SQLite, database, settings.

use egui::{Grid, ScrollArea, Ui};

use crate::{
    memory::{
        quantity::Quantity,
        recording::{Header, OpenRecording, RecordedDatabase},
        series::Point,
    },
    ui::widgets::{figures, muted},
    units::{Bytes, counted, format_elapsed, format_rough_count, format_time},
};

/// Shows one recording's facts.
pub fn ui(ui: &mut Ui, recording: &OpenRecording) {
    let Header {
        recorded_by,
        recorded_at_unix_secs,
        machine,
        sqlite_version,
        database,
        profile,
        ..
    } = &recording.recorded.header;
    let memory = machine.memory_bytes.map_or_else(
        || "memory not told".to_owned(),
        |bytes| Bytes(bytes).to_string(),
    );
    let span = recording.recorded.history.span();
    let length = span.map_or(0.0, |(from, to)| to - from);
    let mut rows = vec![
        (
            "Recorded",
            format!(
                "{} UTC by {recorded_by}, {} long",
                format_time(*recorded_at_unix_secs, &jiff::tz::TimeZone::UTC),
                elapsed(length)
            ),
        ),
        (
            "Machine",
            format!(
                "{}, {}, {}, {memory}",
                machine.system,
                machine.architecture,
                counted(machine.cpus as u64, "thread", "threads")
            ),
        ),
        ("SQLite", sqlite_version.clone()),
        (
            "Database",
            database
                .as_ref()
                .map_or_else(|| "none was open".to_owned(), database_text),
        ),
        (
            "Profile",
            format!(
                "{}: cache_size {}, soft heap limit {}, {} connections",
                profile.name,
                profile.cache_size,
                profile
                    .soft_heap_limit
                    .map_or_else(|| "off".to_owned(), |limit| limit.to_string()),
                profile.connections
            ),
        ),
        ("File", recording.path.display().to_string()),
    ];
    if recording.recorded.is_cut {
        let cut = "the program that recorded was ended in the middle of a line: everything before \
                   it is shown";
        rows.push(("Cut off", cut.to_owned()));
    }
    if recording.recorded.num_unknown > 0 {
        let later = format!(
            "{} of its lines: what has no name in this version of jobscope is left out",
            recording.recorded.num_unknown
        );
        rows.push(("Of a later version", later));
    }
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        Grid::new("recording facts")
            .num_columns(2)
            .spacing([16.0, 5.0])
            .show(ui, |ui| {
                for (name, text) in rows {
                    ui.label(muted(ui, name));
                    ui.add(egui::Label::new(text).wrap());
                    ui.end_row();
                }
            });
    });
}

fn database_text(database: &RecordedDatabase) -> String {
    format!(
        "~{} jobs, {}, schema {}, journal mode {}",
        format_rough_count(database.estimated_jobs),
        Bytes(database.file_bytes),
        database
            .schema_version
            .map_or_else(|| "unknown".to_owned(), |version| version.to_string()),
        database.journal_mode
    )
}

fn elapsed(secs: f64) -> String {
    format_elapsed(crate::units::seconds(secs.max(0.0)))
}

/// Compares all open recordings in one table.
pub fn together_ui(ui: &mut Ui, open: &[OpenRecording]) {
    ScrollArea::both()
        .id_salt("recordings together")
        .auto_shrink(false)
        .show(ui, |ui| {
            Grid::new("recordings together")
                .num_columns(6)
                .striped(false)
                .spacing([20.0, 6.0])
                .show(ui, |ui| {
                    for name in [
                        "Recording",
                        "Profile",
                        "Peak RSS",
                        "Peak SQLite heap",
                        "RSS at its end",
                        "Tasks",
                        "Longest task",
                    ] {
                        ui.label(muted(ui, name));
                    }
                    ui.end_row();
                    for recording in open {
                        row_ui(ui, recording);
                        ui.end_row();
                    }
                });
        });
}

fn row_ui(ui: &mut Ui, recording: &OpenRecording) {
    let series = &recording.recorded.history.series;
    let all = series.span().and_then(|(from, to)| series.sum(from, to));
    let peak = |quantity| {
        all.as_ref()
            .and_then(|all: &Point| all.peak(quantity))
            .map_or_else(|| "–".to_owned(), |bytes| bytes.to_string())
    };
    let rss_now = recording.recorded.history.latest.rss;
    let longest = recording
        .recorded
        .receipts
        .iter()
        .map(|ended| ended.receipt.elapsed_ms)
        .fold(0.0, f64::max);
    ui.label(recording.name());
    ui.label(&recording.recorded.header.profile.name);
    for text in [
        peak(Quantity::Rss),
        peak(Quantity::SqliteHeap),
        rss_now.map_or_else(|| "–".to_owned(), |rss| rss.to_string()),
        recording.recorded.receipts.len().to_string(),
        elapsed(longest / 1e3),
    ] {
        ui.label(figures(text));
    }
}
