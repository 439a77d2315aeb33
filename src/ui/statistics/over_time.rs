//! The chart over time: stacked bars, a legend that narrows the filter, and brushing.

use egui::{
    Align2, Color32, FontId, Mesh, Rect, RichText, ScrollArea, Stroke, Ui, Vec2, pos2, vec2,
};

use super::{
    Cards,
    bars::{tip, y_axis},
    brush::{Brush, brush},
    card::{body_is_there, footer_ui, frame_ui, header_ui},
    time_axis::TimeAxis,
};
use crate::{
    command::{Command, Outbox},
    jobs::{
        filter::{JobFilter, StartTime, TextField},
        lookup::{Stack, Step},
    },
    state::{
        AppState,
        statistics::{
            Part,
            over_time::{MAX_PARTS, Measure, OverTime, step_end, step_label},
        },
    },
    ui::{
        file_dialog::FileDialog,
        theme::{Palette, faded},
        widgets::{figures, small},
    },
    units::{format_count, format_rough_count},
};

/// Bars are at least this wide, with their gap; steps closer than that are one bar.
const MIN_BAR: f32 = 3.0;

/// One bar: one step, or several that have no room of their own.
struct Column {
    /// The time of the bar on the axis.
    place: (i64, i64),
    values: [[i64; 2]; MAX_PARTS + 1],
}

impl Column {
    fn sum(&self, measure: usize) -> i64 {
        self.values.iter().map(|value| value[measure]).sum()
    }
}

/// Which columns were made: the answer, and how many steps share a bar.
type Made = (u64, usize, i64);

/// The chart, with what it remembers.
#[derive(Default)]
pub struct OverTimeChart {
    measure: Measure,
    columns: Vec<Column>,
    made: Option<Made>,
}

impl OverTimeChart {
    /// Shows the part.
    pub fn ui(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        (part, size): (&Part, Vec2),
        (cards, dialog): (&mut Cards, &mut FileDialog),
        out: &mut Outbox,
    ) {
        frame_ui(ui, size, |ui, rect| {
            let as_table = cards.as_table.contains(&part.key);
            let title = part.key.title();
            header_ui(ui, part, (title, "", rect), (cards, dialog), |ui| {
                self.choices_ui(ui, state, out);
            });
            let height = ui.available_height() - 18.0;
            ui.push_id("over time", |ui| {
                ui.scope(|ui| {
                    let is_there = body_is_there(ui, part, height, out);
                    let Some(over_time) = part.over_time().filter(|_| is_there) else {
                        return;
                    };
                    legend_ui(ui, state, over_time, self.measure, out);
                    let height = ui.available_height() - 18.0;
                    if as_table {
                        table_ui(ui, state, over_time, self.measure, height, out);
                    } else {
                        self.chart_ui(ui, state, (part, over_time), height, out);
                    }
                });
            });
            footer_ui(ui, state, part, &foot(part));
        });
    }

    fn choices_ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        ui.add_space(6.0);
        for measure in Measure::ALL {
            let text = RichText::new(measure.label()).small();
            if ui.selectable_label(self.measure == measure, text).clicked() {
                self.measure = measure;
            }
        }
        ui.add_space(6.0);
        ui.label(small(ui, "by"));
        for step in Step::ALL {
            let chosen = state.settings.step == step;
            let text = RichText::new(step.key()).small();
            if ui.selectable_label(chosen, text).clicked() && !chosen {
                out.send(Command::SetStep(step));
            }
        }
        ui.add_space(6.0);
        ui.label(small(ui, "stacked by"));
        for stack in Stack::ALL {
            let chosen = state.settings.stack == stack;
            let text = RichText::new(stack.key()).small();
            let name = format!("Stack by {}", stack.key());
            if ui
                .selectable_label(chosen, text)
                .accessible_name(name)
                .clicked()
                && !chosen
            {
                out.send(Command::SetStack(stack));
            }
        }
    }

    fn chart_ui(
        &mut self,
        ui: &mut Ui,
        state: &AppState,
        (part, over_time): (&Part, &OverTime),
        height: f32,
        out: &mut Outbox,
    ) {
        let (area, _) = ui.allocate_exact_size(
            vec2(ui.available_width(), height.max(60.0)),
            egui::Sense::hover(),
        );
        let palette = Palette::of(ui);
        let Some(span) = over_time.span() else {
            let font = FontId::proportional(12.0);
            ui.painter().text(
                area.center(),
                Align2::CENTER_CENTER,
                "No job matches",
                font,
                palette.muted,
            );
            return;
        };
        self.make_columns(part, over_time, span, area.width());
        let measure = self.measure as usize;
        let largest = self
            .columns
            .iter()
            .map(|column| column.sum(measure))
            .max()
            .unwrap_or(0);
        let plot = y_axis(ui, area, largest.max(1).unsigned_abs());
        let axis = TimeAxis { span, plot };
        axis.ticks_ui(ui);
        let (response, brush) = brush(ui, plot, ui.scope_id().with("brush"));
        let summary = over_time.summary();
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &summary));
        self.paint(ui, axis, largest);
        self.react(ui, state, (over_time, axis), brush, out);
    }

    /// Joins steps until each bar has room. Only when the answer or the room has changed.
    fn make_columns(
        &mut self,
        part: &Part,
        over_time: &OverTime,
        (from, to): (i64, i64),
        width: f32,
    ) {
        let step_secs = match over_time.step {
            Step::Hour => 3600,
            Step::Day => 86_400,
            Step::Month => 30 * 86_400,
        };
        let most = (width / MIN_BAR).max(1.0) as i64;
        let stride = (to.saturating_sub(from) / step_secs / most + 1).max(1);
        let made = (part.answered_secs.to_bits(), over_time.steps.len(), stride);
        if self.made == Some(made) {
            return;
        }
        self.made = Some(made);
        self.columns.clear();
        let first = over_time
            .steps
            .first()
            .map_or(from, |step| step.from_unix_secs);
        let end_of = |begin| joined_end(over_time.step, begin, stride, step_secs);
        let mut joined = (first, end_of(first));
        for step in &over_time.steps {
            let begin = step.from_unix_secs;
            while begin >= joined.1 && joined.1 > joined.0 {
                joined = (joined.1, end_of(joined.1));
            }
            let place = if stride == 1 {
                (begin, step_end(over_time.step, begin))
            } else {
                joined
            };
            match self.columns.last_mut() {
                Some(last) if last.place == place => {
                    for (sum, value) in last.values.iter_mut().zip(step.values) {
                        sum[0] = sum[0].saturating_add(value[0]);
                        sum[1] = sum[1].saturating_add(value[1]);
                    }
                }
                _ => self.columns.push(Column {
                    place,
                    values: step.values,
                }),
            }
        }
    }

    fn paint(&self, ui: &Ui, axis: TimeAxis, largest: i64) {
        let palette = Palette::of(ui);
        let plot = axis.plot;
        let measure = self.measure as usize;
        // One mesh for thousands of rectangles, which need no rounded corners.
        let mut mesh = Mesh::default();
        for column in &self.columns {
            let (left, right) = (axis.x(column.place.0), axis.x(column.place.1));
            let gap = if right - left > 4.0 { 1.0 } else { 0.0 };
            let right = (right - gap).max(left + 1.0);
            let mut bottom = plot.bottom();
            for (value, color) in column.values.iter().zip(palette.series) {
                let value = value[measure];
                if value <= 0 {
                    continue;
                }
                let height = plot.height() * (value as f32 / largest.max(1) as f32);
                let top = (bottom - height).max(plot.top());
                let rect = Rect::from_min_max(pos2(left, top), pos2(right, bottom));
                let opacity = ui.opacity();
                mesh.add_colored_rect(rect, faded(color, opacity));
                bottom = top;
            }
        }
        // The painter would fade it a second time.
        let mut painter = ui.painter_at(plot);
        painter.set_opacity(1.0);
        painter.add(mesh);
        let stroke = Stroke::new(1.0, palette.hairline);
        ui.painter().hline(plot.x_range(), plot.bottom(), stroke);
    }

    fn react(
        &self,
        ui: &Ui,
        state: &AppState,
        (over_time, axis): (&OverTime, TimeAxis),
        brush: Brush,
        out: &mut Outbox,
    ) {
        let column_at = |x: f32| {
            let time = axis.time(x);
            self.columns
                .iter()
                .find(|column| (column.place.0..column.place.1).contains(&time))
        };
        match brush {
            Brush::Idle => {}
            Brush::Over(x) => {
                if let Some(column) = column_at(x) {
                    axis.mark(ui, column.place);
                    self.tip_ui(ui, over_time, column);
                }
            }
            Brush::Clicked(x) => {
                if let Some(column) = column_at(x) {
                    out.send(Command::SetFilter(between(state.filter(), column.place)));
                }
            }
            Brush::Dragging(left, right) | Brush::Chosen(left, right) => {
                let range = axis.range(over_time.step, left, right);
                if matches!(brush, Brush::Chosen(..)) {
                    out.send(Command::SetFilter(between(state.filter(), range)));
                    return;
                }
                axis.mark(ui, range);
                let text = range_text(over_time.step, range);
                tip(ui, "range", |ui| {
                    ui.label(text);
                    ui.label(small(ui, "Let go for only these; Esc gives up"));
                });
            }
        }
    }

    fn tip_ui(&self, ui: &Ui, over_time: &OverTime, column: &Column) {
        let measure = self.measure as usize;
        let palette = Palette::of(ui);
        let sum = column.sum(measure);
        tip(ui, "column", |ui| {
            ui.label(range_text(over_time.step, column.place));
            ui.label(small(
                ui,
                format!("{} {}", format_count(sum), self.measure.label()),
            ));
            for (index, part) in over_time.parts.iter().enumerate().rev() {
                let value = column.values.get(index).map_or(0, |value| value[measure]);
                if value == 0 {
                    continue;
                }
                ui.horizontal(|ui| {
                    swatch(ui, palette.part(index));
                    ui.label(small(ui, &part.name));
                    ui.label(figures(format_count(value)).size(11.5));
                });
            }
        });
    }
}

fn foot(part: &Part) -> String {
    let early = part
        .over_time()
        .and_then(|over_time| over_time.early)
        .map_or_else(String::new, |early| {
            format!(
                " · {} jobs before {} are not drawn",
                format_count(early.jobs),
                step_label(Step::Day, early.before_unix_secs)
            )
        });
    format!("Time of the start in UTC; a job counts whole where it started{early}")
}

fn range_text(step: Step, (from, to): (i64, i64)) -> String {
    let first = step_label(step, from);
    let last = step_label(step, to - 1);
    if first == last || step_end(step, from) >= to {
        format!("{first} UTC")
    } else {
        format!("{first} to {last} UTC")
    }
}

fn between(filter: &JobFilter, (from, to): (i64, i64)) -> JobFilter {
    filter.clone().with_start(StartTime::Between {
        from: Some(from),
        to: Some(to - 1),
    })
}

fn narrowed(filter: &JobFilter, stack: Stack, value: &str) -> JobFilter {
    let filter = filter.clone();
    match stack {
        Stack::Cluster => filter.with_text(TextField::Cluster, value),
        Stack::Project => filter.with_text(TextField::Project, value),
        Stack::State => filter.with_states([value]),
    }
}

fn swatch(ui: &mut Ui, color: Color32) {
    let (rect, _) = ui.allocate_exact_size(vec2(9.0, 9.0), egui::Sense::hover());
    ui.painter().rect_filled(rect, 2.0, color);
}

fn legend_ui(
    ui: &mut Ui,
    state: &AppState,
    over_time: &OverTime,
    measure: Measure,
    out: &mut Outbox,
) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().interact_size.y = 16.0;
        ui.spacing_mut().item_spacing = vec2(5.0, 0.0);
        for (index, part) in over_time.parts.iter().enumerate() {
            swatch(ui, Palette::of(ui).part(index));
            let sum = part.sums.get(measure as usize).copied().unwrap_or(0);
            let exact = format!("{} {}", format_count(sum), measure.label());
            let name = RichText::new(&part.name).small();
            if let Some(value) = &part.value {
                let link = ui
                    .add(egui::Button::new(name).frame(false))
                    .accessible_name(format!("Only {} {}", over_time.stack.key(), part.name))
                    .on_hover_text(format!("Only this {} ({exact})", over_time.stack.key()));
                if link.clicked() {
                    out.send(Command::SetFilter(narrowed(
                        state.filter(),
                        over_time.stack,
                        value,
                    )));
                }
            } else {
                ui.label(name).on_hover_text(exact);
            }
            ui.label(small(ui, format_rough_count(sum.unsigned_abs())));
            ui.add_space(8.0);
        }
    });
}

fn table_ui(
    ui: &mut Ui,
    state: &AppState,
    over_time: &OverTime,
    measure: Measure,
    height: f32,
    out: &mut Outbox,
) {
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.spacing_mut().interact_size.y = 18.0;
    ScrollArea::vertical()
        .id_salt("table")
        .max_height(height)
        .auto_shrink(false)
        .show_rows(ui, 18.0, over_time.steps.len(), |ui, lines| {
            for step in over_time.steps.get(lines).unwrap_or_default() {
                let from = step.from_unix_secs;
                let sum: i64 = step
                    .values
                    .iter()
                    .filter_map(|value| value.get(measure as usize))
                    .sum();
                ui.horizontal(|ui| {
                    let label = step_label(over_time.step, from);
                    let sum = format!("{} {}", format_count(sum), measure.label());
                    let link = ui.link(&label).accessible_name(format!("{label}: {sum}"));
                    if link.clicked() {
                        let range = (from, step_end(over_time.step, from));
                        out.send(Command::SetFilter(between(state.filter(), range)));
                    }
                    ui.add_space(12.0);
                    ui.label(figures(sum));
                });
            }
        });
}

/// More calendar months than these in one bar are counted as months of thirty days: a file with
/// such a span is broken.
const MOST_MONTHS: i64 = 1200;

/// The end of `stride` steps that begin here: a bar filters by the jobs that it shows.
fn joined_end(step: Step, begin: i64, stride: i64, step_secs: i64) -> i64 {
    if step == Step::Month && stride <= MOST_MONTHS {
        return (0..stride).fold(begin, |begin, _| step_end(step, begin));
    }
    begin
        .saturating_add(stride.saturating_mul(step_secs))
        .max(begin.saturating_add(1))
}
