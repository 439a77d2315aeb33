//! The window: panels, and which of them sits where. The only folder that knows egui.

pub mod app;
mod file_dialog;
mod filter_bar;
mod frame_log;
pub mod grid;
mod job_details;
mod job_table;
pub mod memory_chart;
mod memory_view;
mod order;
mod saver;
mod statistics;
mod status_bar;
pub mod theme;
mod top_bar;
mod tour;
mod tuning;
mod welcome;
mod widgets;
pub mod window;

use egui::{CentralPanel, Frame, Key, Margin, Modifiers, Panel, Ui};
use lucide_icons::Icon;

use self::{
    file_dialog::FileDialog,
    filter_bar::FilterBar,
    job_table::JobTable,
    memory_chart::{ChartLook, ChartSource, Legend, MemoryChart},
    memory_view::MemoryView,
    statistics::StatisticsPanel,
    theme::Palette,
    top_bar::TopBar,
    tuning::TuningPanel,
    welcome::Welcome,
};
use crate::{
    command::{Command, Outbox, View},
    jobs::schema::{FileKind, Schema},
    state::AppState,
};

/// All panels, with what they remember while the user is busy.
#[derive(Default)]
pub struct Panels {
    top_bar: TopBar,
    filter_bar: FilterBar,
    job_table: JobTable,
    statistics: StatisticsPanel,
    tuning: TuningPanel,
    strip: MemoryChart,
    memory: MemoryView,
    welcome: Welcome,
    dialog: FileDialog,
    /// The pointer is on a chart: it is redrawn as often as samples come.
    pub chart_is_hovered: bool,
}

impl Panels {
    /// Draws the whole window.
    pub fn ui(&mut self, ui: &mut Ui, state: &AppState, started_unix: f64, out: &mut Outbox) {
        self.strip.take_escape(ui);
        self.memory.take_escape(ui);
        if shortcuts(ui, state, out) {
            // What was selected on a chart stands over it or beside it, as if it could be closed.
            self.strip.clear_selection();
            self.memory.clear_selection();
        }
        self.dialog.poll(out);
        let palette = Palette::of(ui);
        let bar = Frame::new()
            .fill(palette.panel)
            .inner_margin(Margin::symmetric(12, 7));
        Panel::top("top")
            .frame(bar)
            .show(ui, |ui| self.top_bar.ui(ui, state, &mut self.dialog, out));
        banners_ui(ui, state, out);
        Panel::bottom("status")
            .exact_size(26.0)
            .frame(bar.inner_margin(Margin::symmetric(12, 3)))
            .show(ui, |ui| status_bar::ui(ui, state));
        self.chart_is_hovered = false;
        if state.settings.view != View::Memory {
            let strip = bar.inner_margin(Margin {
                left: 12,
                right: 12,
                top: 6,
                bottom: 4,
            });
            let max = (ui.available_height() / 2.0).max(120.0);
            Panel::bottom("strip")
                .resizable(true)
                .default_size(150.0)
                .size_range(110.0..=max)
                .frame(strip)
                .show(ui, |ui| {
                    let source = ChartSource::live(state, started_unix);
                    let look = ChartLook {
                        quantities: &state.settings.quantities,
                        legend: Legend::Short,
                        with_lookups: false,
                        top: None,
                    };
                    self.chart_is_hovered |= self.strip.ui(ui, &source, &look, out);
                });
        }
        Panel::left("navigation")
            .exact_size(76.0)
            .resizable(false)
            .frame(bar.inner_margin(Margin::symmetric(6, 8)))
            .show(ui, |ui| navigation_ui(ui, state, out));
        if state.settings.tuning_shown {
            Panel::right("tuning")
                .exact_size(280.0)
                .resizable(false)
                .frame(bar.inner_margin(Margin::symmetric(12, 8)))
                .show(ui, |ui| self.tuning.ui(ui, state, out));
        }
        CentralPanel::default()
            .frame(
                Frame::new()
                    .fill(palette.window)
                    .inner_margin(Margin::symmetric(12, 8)),
            )
            .show(ui, |ui| self.view_ui(ui, state, started_unix, out));
    }

    fn view_ui(&mut self, ui: &mut Ui, state: &AppState, started_unix: f64, out: &mut Outbox) {
        if state.settings.tour.is_some() && state.database.is_some() {
            tour::ui(ui, state, out);
        }
        if state.settings.view == View::Memory {
            self.chart_is_hovered |= self
                .memory
                .ui(ui, state, started_unix, &mut self.dialog, out);
            return;
        }
        if state.database.is_none() {
            self.welcome.ui(ui, state, &mut self.dialog, out);
            return;
        }
        let kind = state.schema().map(Schema::kind);
        if kind == Some(FileKind::Other) {
            no_jobs_ui(ui, out);
            return;
        }
        self.filter_bar.ui(ui, state, out);
        match state.settings.view {
            View::Jobs => {
                if state.details.is_some() {
                    let width = (ui.available_width() * 0.42).clamp(300.0, 460.0);
                    Panel::right("details")
                        .exact_size(width)
                        .resizable(false)
                        .frame(Frame::new().inner_margin(Margin {
                            left: 12,
                            ..Margin::ZERO
                        }))
                        .show(ui, |ui| job_details::ui(ui, state, out));
                }
                CentralPanel::no_frame().show(ui, |ui| {
                    self.job_table.ui(ui, state, &mut self.dialog, out);
                });
            }
            View::Statistics if kind == Some(FileKind::Archive) => widgets::empty_state(
                ui,
                "A job archive has no statistics here",
                "Each of them would read the whole document of every job. \
                 The job list, its count and the details work",
            ),
            View::Statistics => self.statistics.ui(ui, state, &mut self.dialog, out),
            View::Memory => {}
        }
    }
}

/// What stands in place of jobs and statistics where the file has none.
fn no_jobs_ui(ui: &mut Ui, out: &mut Outbox) {
    widgets::empty_state(
        ui,
        "This SQLite file has no job table",
        "It was not written by cc-backend. What it costs to read it can still be seen: \
         jobscope sql on the command line asks it anything",
    );
    ui.vertical_centered(|ui| {
        ui.add_space(8.0);
        if widgets::primary_button(ui, "Show memory").clicked() {
            out.send(Command::ShowView(View::Memory));
        }
    });
}

const VIEWS: [(View, &str, Icon); 3] = [
    (View::Jobs, "Jobs", Icon::List),
    (View::Statistics, "Statistics", Icon::ChartColumn),
    (View::Memory, "Memory", Icon::MemoryStick),
];

fn navigation_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    ui.spacing_mut().item_spacing.y = 4.0;
    for (index, (view, name, symbol)) in VIEWS.into_iter().enumerate() {
        let is_open = state.settings.view == view;
        let response = navigation_button(ui, is_open, symbol, name)
            .accessible_name(name)
            .on_hover_text(format!("{name} (Ctrl+{})", index + 1));
        if response.clicked() {
            out.send(Command::ShowView(view));
        }
    }
}

/// An icon above its word, as wide as the bar.
fn navigation_button(ui: &mut Ui, is_open: bool, symbol: Icon, name: &str) -> egui::Response {
    let palette = Palette::of(ui);
    let size = egui::vec2(ui.available_width(), 48.0);
    let (rect, response) = ui.allocate_exact_size(size, egui::Sense::click());
    let color = if is_open {
        palette.accent
    } else {
        palette.muted
    };
    if is_open || response.hovered() || response.has_focus() {
        let fill = if is_open {
            palette.selected
        } else {
            palette.raised
        };
        ui.painter().rect_filled(rect, 6.0, fill);
    }
    if response.has_focus() {
        let stroke = egui::Stroke::new(1.0, palette.accent);
        ui.painter()
            .rect_stroke(rect, 6.0, stroke, egui::StrokeKind::Inside);
    }
    let icon_font = egui::FontId::new(17.0, theme::icons());
    let word_font = egui::FontId::proportional(11.5);
    for (text, font, y) in [
        (widgets::icon(symbol), icon_font, -8.0),
        (name.to_owned(), word_font, 11.0),
    ] {
        ui.painter().text(
            rect.center() + egui::vec2(0.0, y),
            egui::Align2::CENTER_CENTER,
            text,
            font,
            color,
        );
    }
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, is_open, name));
    response
}

/// What went wrong, and what a budget stopped.
fn banners_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let palette = Palette::of(ui);
    if let Some(notice) = &state.notice {
        let banner = Frame::new()
            .fill(palette.raised)
            .inner_margin(Margin::symmetric(12, 8));
        Panel::top("notice")
            .frame(banner)
            .show(ui, |ui| notice_ui(ui, notice, out));
    } else {
        // What follows is called the same with and without a report: else an open menu and the
        // text in it would be gone when the report about that text comes.
        ui.skip_ahead_auto_ids(1);
    }
    if state.instrument.over_budget.is_some() {
        let banner = Frame::new()
            .fill(palette.raised)
            .inner_margin(Margin::symmetric(12, 6));
        Panel::top("over budget")
            .frame(banner)
            .show(ui, |ui| memory_view::over_budget_ui(ui, state, out));
    } else {
        ui.skip_ahead_auto_ids(1);
    }
}

fn notice_ui(ui: &mut Ui, notice: &crate::state::Notice, out: &mut Outbox) {
    use crate::db::connection::OpenMode;

    let palette = Palette::of(ui);
    ui.horizontal_top(|ui| {
        ui.label(widgets::mixed(
            &widgets::icon(Icon::TriangleAlert),
            14.0,
            palette.bad,
        ));
        ui.vertical(|ui| {
            ui.set_max_width((ui.available_width() - 220.0).max(240.0));
            ui.label(egui::RichText::new(&notice.report.headline).family(theme::semibold()));
            for cause in &notice.report.causes {
                ui.label(widgets::muted(ui, format!("because: {cause}")));
            }
            if let Some(hint) = &notice.report.hint {
                ui.label(hint);
            }
        });
        ui.with_layout(egui::Layout::right_to_left(egui::Align::TOP), |ui| {
            if widgets::icon_button(ui, Icon::X, "Dismiss").clicked() {
                out.send(Command::DismissReport);
            }
            if let Some(path) = &notice.reopen_offer
                && ui.button("Open again").clicked()
            {
                out.send(Command::Open {
                    path: path.clone(),
                    mode: OpenMode::ReadOnly,
                });
            }
            if let Some(path) = &notice.immutable_offer
                && ui
                    .button("Open as immutable")
                    .on_hover_text("Right only while nobody writes to the file")
                    .clicked()
            {
                out.send(Command::Open {
                    path: path.clone(),
                    mode: OpenMode::Immutable,
                });
            }
        });
    });
}

/// Keys that work everywhere. Esc stops what runs; if nothing does, it closes the job's details.
///
/// Answers whether Esc was pressed and meant nothing.
fn shortcuts(ui: &Ui, state: &AppState, out: &mut Outbox) -> bool {
    let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, key));
    for (key, (view, ..)) in [Key::Num1, Key::Num2, Key::Num3].into_iter().zip(VIEWS) {
        if pressed(key) {
            out.send(Command::ShowView(view));
        }
    }
    if pressed(Key::R) {
        out.send(Command::Reload);
    }
    let is_menu_open = egui::Popup::is_any_open(ui.ctx());
    let is_typing = ui.memory(|memory| memory.focused().is_some());
    // Esc gives up a drag before it means anything else.
    let is_dragging = ui.ctx().dragged_id().is_some() || ui.ctx().drag_stopped_id().is_some();
    if !is_menu_open && !is_dragging && ui.input(|input| input.key_pressed(Key::Escape)) {
        if state.can_stop() {
            out.send(Command::CancelAll);
        } else if state.details.is_some() && !is_typing {
            out.send(Command::SelectJob(None));
        } else if state.notice.is_some() {
            out.send(Command::DismissReport);
        } else if state.instrument.over_budget.is_some() {
            out.send(Command::DismissOverBudget);
        } else {
            return !is_typing;
        }
    }
    false
}
