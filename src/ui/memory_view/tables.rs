//! Each connection, and the receipts of tasks.

use egui::{Align, Layout, Ui};
use egui_extras::{Column, TableBuilder, TableRow};

use crate::{
    engine::receipt::Receipt,
    memory::sample::{ConnectionReading, ConnectionState},
    state::AppState,
    ui::{
        theme::Palette,
        widgets::{figures, small},
    },
    units::{Bytes, format_elapsed, seconds},
};

const CONNECTION_COLUMNS: [(&str, f32); 8] = [
    ("Connection", 84.0),
    ("State", 64.0),
    ("Task", 170.0),
    ("Page cache", 96.0),
    ("Limit", 110.0),
    ("Hit ratio", 76.0),
    ("Snapshot", 84.0),
    ("Closes in", 90.0),
];

const SNAPSHOT_HINT: &str = "How long it has held its read snapshot. While any reader holds an old \
                             one, the write-ahead log cannot be reset";

/// Shows the connections of the profile.
pub fn connections_ui(ui: &mut Ui, state: &AppState) {
    let num = state.tuning.wanted.connections;
    ui.spacing_mut().item_spacing = egui::vec2(8.0, 0.0);
    let mut table = TableBuilder::new(ui)
        .id_salt("connections")
        .vscroll(num > 4)
        .max_scroll_height(130.0)
        .auto_shrink([false, true])
        .cell_layout(Layout::left_to_right(Align::Center));
    for (_, width) in CONNECTION_COLUMNS {
        table = table.column(Column::exact(width));
    }
    table
        .column(Column::remainder())
        .header(22.0, |mut header| {
            for (name, _) in CONNECTION_COLUMNS {
                header.col(|ui| {
                    let label = ui.label(small(ui, name));
                    if name == "Snapshot" {
                        label.on_hover_text(SNAPSHOT_HINT);
                    }
                });
            }
            header.col(|_| {});
        })
        .body(|body| {
            body.rows(22.0, num, |mut line| {
                let index = line.index();
                let reading = state
                    .live
                    .latest
                    .connections
                    .get(index)
                    .copied()
                    .unwrap_or_default();
                connection_row(&mut line, state, index, &reading);
            });
        });
}

fn connection_row(
    line: &mut TableRow<'_, '_>,
    state: &AppState,
    index: usize,
    reading: &ConnectionReading,
) {
    let word = match reading.state {
        ConnectionState::Closed => "closed",
        ConnectionState::Idle => "idle",
        ConnectionState::Busy => "busy",
    };
    let task = reading
        .task
        .and_then(|id| state.tasks.active.iter().find(|task| task.id.0 == id))
        .map_or_else(String::new, |task| {
            let secs = seconds(reading.state_secs.max(0.0));
            format!("{} · {}", task.title, format_elapsed(secs))
        });
    let limit = state
        .tuning
        .connections
        .get(index)
        .copied()
        .flatten()
        .map_or_else(
            || "–".to_owned(),
            |(_, settings)| settings.cache_size.to_string(),
        );
    let looked = reading.cache_hits + reading.cache_misses;
    let ratio = if looked == 0 {
        "–".to_owned()
    } else {
        format!("{:.1} %", reading.cache_hits as f64 / looked as f64 * 100.0)
    };
    let snapshot = reading
        .snapshot_secs
        .map_or_else(|| "–".to_owned(), |secs| format_elapsed(seconds(secs)));
    let closes_in = match (reading.state, state.tuning.wanted.idle_time) {
        (ConnectionState::Idle, Some(idle)) => {
            format_elapsed(idle.saturating_sub(seconds(reading.state_secs.max(0.0))))
        }
        (ConnectionState::Idle, None) => "never".to_owned(),
        (ConnectionState::Closed | ConnectionState::Busy, _) => "–".to_owned(),
    };
    line.col(|ui| {
        let (swatch, _) = ui.allocate_exact_size(egui::vec2(9.0, 9.0), egui::Sense::hover());
        ui.painter()
            .rect_filled(swatch, 2.0, Palette::of(ui).cache(index));
        ui.label((index + 1).to_string());
    });
    line.col(|ui| {
        ui.label(word);
    });
    line.col(|ui| {
        ui.add(egui::Label::new(task).truncate());
    });
    for text in [
        reading.cache_used.to_string(),
        limit,
        ratio,
        snapshot,
        closes_in,
    ] {
        line.col(|ui| {
            ui.label(figures(text));
        });
    }
    line.col(|_| {});
}

const RECEIPT_COLUMNS: [(&str, f32, bool); 8] = [
    ("Task", 150.0, false),
    ("Outcome", 96.0, false),
    ("Time", 76.0, true),
    ("First row", 76.0, true),
    ("Rows", 76.0, true),
    ("VM steps", 100.0, true),
    ("Cache misses", 92.0, true),
    ("Peak heap", 84.0, true),
];

/// Shows receipts, each with the name of its task.
pub fn receipts_ui<'a>(
    ui: &mut Ui,
    num_rows: usize,
    task: impl Fn(usize) -> Option<(&'a str, &'a Receipt)>,
) {
    ui.spacing_mut().item_spacing = egui::vec2(8.0, 0.0);
    let ui_width = ui.available_width();
    let mut table = TableBuilder::new(ui)
        .id_salt("receipts")
        .auto_shrink(false)
        .cell_layout(Layout::left_to_right(Align::Center));
    let fixed: f32 = RECEIPT_COLUMNS
        .iter()
        .map(|(_, width, _)| width + 8.0)
        .sum();
    // Names are told apart by their ends; what stopped it wants room, too.
    let spare = ((ui_width - fixed) * 0.4).clamp(0.0, 180.0);
    for (name, width, _) in RECEIPT_COLUMNS {
        let spare = if name == "Task" { spare } else { 0.0 };
        table = table.column(Column::exact(width + spare));
    }
    table
        .column(Column::remainder())
        .header(22.0, |mut header| {
            for (name, _, is_number) in RECEIPT_COLUMNS {
                header.col(|ui| {
                    let text = small(ui, name);
                    side(ui, is_number, |ui| {
                        ui.label(text);
                    });
                });
            }
            header.col(|ui| {
                ui.add_space(8.0);
                ui.label(small(ui, "Stop"));
            });
        })
        .body(|body| {
            body.rows(22.0, num_rows, |mut line| {
                if let Some((title, receipt)) = task(line.index()) {
                    receipt_row(&mut line, title, receipt);
                }
            });
        });
}

fn receipt_row(line: &mut TableRow<'_, '_>, title: &str, receipt: &Receipt) {
    use crate::units::format_count;

    let millis = |ms: f64| format_elapsed(seconds(ms.max(0.0) / 1e3));
    let count = |n: u64| format_count(n);
    line.col(|ui| {
        ui.add(egui::Label::new(title).truncate());
    });
    line.col(|ui| {
        let color = Palette::of(ui).outcome(receipt.outcome);
        let words = egui::RichText::new(receipt.outcome_words()).color(color);
        ui.add(egui::Label::new(words).truncate())
            .on_hover_text(receipt.error.as_deref().unwrap_or(&receipt.to_string()));
    });
    for text in [
        millis(receipt.elapsed_ms),
        receipt.first_row_ms.map_or_else(|| "–".to_owned(), millis),
        count(receipt.rows),
        count(receipt.vm_steps),
        count(receipt.cache_misses),
        Bytes(receipt.sqlite_heap_peak_bytes).to_string(),
    ] {
        line.col(|ui| {
            side(ui, true, |ui| {
                ui.label(figures(text));
            });
        });
    }
    line.col(|ui| {
        let text = if receipt.stop.is_some() {
            receipt.to_string()
        } else {
            String::new()
        };
        ui.add_space(8.0);
        ui.add(egui::Label::new(small(ui, text)).truncate());
    });
}

fn side(ui: &mut Ui, right: bool, add: impl FnOnce(&mut Ui)) {
    if right {
        ui.with_layout(Layout::right_to_left(Align::Center), add);
    } else {
        add(ui);
    }
}
