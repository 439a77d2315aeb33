//! The table driven by accessible names.

mod headings;
mod rows;
mod scrolling;

use egui::{
    CursorIcon, Event, Key, Modifiers, MouseWheelUnit, Pos2, Rect, SetOpenCommand, TouchPhase, Ui,
    accesskit::Role, pos2, vec2,
};
use egui_kittest::{
    Harness,
    kittest::{NodeT as _, Queryable as _},
};

use super::{Align, Column, Grid, HEADER_HEIGHT, KeyAction, MIN_WIDTH, Output, Rows};
use crate::ui::theme;

const MANY: u64 = 1 << 40;
const ROW_HEIGHT: f32 = 20.0;

/// A table with what it told, all frames together.
struct Table {
    grid: Grid,
    num_rows: u64,
    selectable: bool,
    current: Option<u64>,
    columns: Vec<(&'static str, f32)>,
    num_cells: usize,
    links: Vec<u64>,
    header_clicked: Vec<usize>,
    moved: Vec<(usize, usize)>,
    clicked: Vec<(u64, Modifiers)>,
    double_clicked: Vec<u64>,
    secondary_clicked: Vec<u64>,
    keys: Vec<KeyAction>,
    hovered: Option<u64>,
    is_dragging: bool,
    visible: std::ops::Range<u64>,
}

impl Table {
    fn new(num_rows: u64) -> Self {
        Self {
            grid: Grid::default(),
            num_rows,
            selectable: true,
            current: None,
            columns: vec![("number", 120.0), ("link", 80.0), ("third", 90.0)],
            num_cells: 0,
            links: Vec::new(),
            header_clicked: Vec::new(),
            moved: Vec::new(),
            clicked: Vec::new(),
            double_clicked: Vec::new(),
            secondary_clicked: Vec::new(),
            keys: Vec::new(),
            hovered: None,
            is_dragging: false,
            visible: 0..0,
        }
    }

    fn ui(&mut self, ui: &mut Ui) {
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|(key, width)| Column {
                key,
                title: (*key).into(),
                name: if *key == "fixed" {
                    String::new()
                } else {
                    format!("Sort by {key}")
                },
                width: *width,
                right_aligned: *key == "number",
                pinned: *key == "number",
                adjustable: *key != "fixed",
            })
            .collect();
        let rows = Rows {
            name: "Jobs",
            num_rows: self.num_rows,
            row_height: ROW_HEIGHT,
            selectable: self.selectable,
            current: self.current,
            is_marked: &|row| row == 3,
            summary: format!("{} jobs", self.num_rows),
            thumb_hint: &|row| format!("from job {row}"),
        };
        let (mut num_cells, mut links) = (0, Vec::new());
        let out = self.grid.ui(
            ui,
            &rows,
            &columns,
            &mut |response, index| {
                response.clone().on_hover_text(format!("hint {index}"));
            },
            &mut |ui, row, column| {
                num_cells += 1;
                match columns.get(column).map(|column| column.key) {
                    Some("number") => drop(ui.label(format!("row {row}"))),
                    Some("link") if ui.link(format!("link {row}")).clicked() => links.push(row),
                    _ => {}
                }
            },
        );
        let opened = out.secondary_clicked.map(|_| SetOpenCommand::Bool(true));
        egui::Popup::menu(&out.response)
            .open_memory(opened)
            .at_pointer_fixed()
            .show(|ui| ui.button("Copy this row"));
        self.num_cells = num_cells;
        self.links.extend(links);
        self.note(out);
    }

    fn note(&mut self, out: Output) {
        if let Some((index, width)) = out.resized {
            self.columns[index].1 = width;
        }
        if let Some(KeyAction::Move { to, .. }) = out.key {
            self.current = Some(to);
        }
        self.header_clicked.extend(out.header_clicked);
        self.moved.extend(out.moved);
        self.clicked.extend(out.clicked);
        self.double_clicked.extend(out.double_clicked);
        self.secondary_clicked.extend(out.secondary_clicked);
        self.keys.extend(out.key);
        self.hovered = out.hovered_row;
        self.is_dragging = out.is_dragging_thumb;
        self.visible = out.visible;
    }
}

/// 400 × 300 with a margin of 8: twelve rows and a part of the next.
fn shown(table: Table) -> Harness<'static, Table> {
    sized(table, 400.0)
}

fn sized(table: Table, width: f32) -> Harness<'static, Table> {
    let mut harness = Harness::builder()
        .with_size([width, 300.0])
        .with_step_dt(1.0 / 60.0)
        .with_render_cursor(false)
        .with_context_setup(theme::install)
        .build_ui_state(|ui, table: &mut Table| table.ui(ui), table);
    harness.run_steps(2);
    harness
}

/// Places are sums of 32-bit numbers.
#[track_caller]
pub fn assert_near(found: f32, expected: f32) {
    let distance = (found - expected).abs();
    assert!(distance < 0.01, "{found} instead of {expected}");
}

fn shows(harness: &Harness<'_, Table>, row: u64) -> bool {
    harness.query_by_label(&format!("row {row}")).is_some()
}

fn rect_of(harness: &Harness<'_, Table>, label: &str) -> Rect {
    harness.get_by_label(label).rect()
}

fn press(harness: &mut Harness<'_, Table>, key: Key) {
    press_with(harness, Modifiers::NONE, key);
}

fn press_with(harness: &mut Harness<'_, Table>, modifiers: Modifiers, key: Key) {
    harness.key_press_modifiers(modifiers, key);
    harness.run_steps(3);
}

fn drag(harness: &mut Harness<'_, Table>, from: Pos2, to: Pos2) {
    hold(harness, from, to);
    harness.drop_at(to);
    harness.run_steps(3);
}

/// Like [`drag`], without letting go.
fn hold(harness: &mut Harness<'_, Table>, from: Pos2, to: Pos2) {
    harness.hover_at(from);
    harness.run_steps(2);
    harness.drag_at(from);
    harness.run_steps(2);
    harness.hover_at(from.lerp(to, 0.5));
    harness.run_steps(2);
    harness.hover_at(to);
    harness.run_steps(2);
}

fn scroll(harness: &mut Harness<'_, Table>, by: egui::Vec2) {
    harness.hover_at(pos2(200.0, 150.0));
    harness.event(Event::MouseWheel {
        unit: MouseWheelUnit::Point,
        delta: by,
        phase: TouchPhase::Move,
        modifiers: Modifiers::NONE,
        source: egui::MouseWheelSource::Trackpad,
    });
    harness.run_steps(30);
}

fn thumb(harness: &Harness<'_, Table>) -> Pos2 {
    // 24 points high, at the upper end of its track.
    rect_of(harness, "Scroll jobs").center_top() + vec2(0.0, 12.0)
}
