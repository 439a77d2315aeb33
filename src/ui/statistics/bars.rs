//! The card of one histogram: bars that can be clicked and dragged over, or the same as a table.

use egui::{Align2, FontId, Rect, ScrollArea, Stroke, Ui, Vec2, pos2, vec2};

use super::{
    Cards,
    brush::{Brush, brush},
    card::{body_is_there, footer_ui, frame_ui, header_ui},
};
use crate::{
    command::{Command, Outbox},
    jobs::{
        filter::{JobFilter, NumberField, Range},
        histogram::{DurationBins, Resource},
    },
    state::{
        AppState, Phase,
        statistics::{
            Part, PartKey,
            histogram::{Histogram, Place},
        },
    },
    ui::{
        file_dialog::FileDialog,
        theme::{Palette, faded},
        widgets::{figures, small},
    },
    units::{format_count, format_value},
};

/// The height of the labels below an axis.
pub const TICK_HEIGHT: f32 = 16.0;

/// The place of bars outside of the axis, and the gap before it.
const OUTSIDE: (f32, f32) = (44.0, 8.0);

/// Shows one histogram.
pub fn card_ui(
    ui: &mut Ui,
    state: &AppState,
    part: &Part,
    size: Vec2,
    (cards, dialog): (&mut Cards, &mut FileDialog),
    out: &mut Outbox,
) {
    let title = part.key.title();
    frame_ui(ui, size, |ui, rect| {
        let unit = part.histogram().map_or("", |histogram| &histogram.unit);
        let as_table = cards.as_table.contains(&part.key);
        // The titles of resources are their units.
        let unit = if matches!(part.key, PartKey::Metric(_)) {
            unit
        } else {
            ""
        };
        header_ui(ui, part, (title, unit, rect), (cards, dialog), |ui| {
            if part.key == PartKey::Duration {
                bins_ui(ui, state, out);
            }
        });
        let height = ui.available_height() - 36.0;
        ui.push_id(title, |ui| {
            ui.scope(|ui| {
                if body_is_there(ui, part, height, out)
                    && let Some(histogram) = part.histogram()
                {
                    let height = ui.available_height() - 36.0;
                    if as_table {
                        table_ui(ui, state, part, histogram, height, out);
                    } else {
                        chart_ui(ui, state, part, histogram, height, out);
                    }
                }
            });
        });
        if let Some(histogram) = part.histogram().filter(|_| part.phase != Phase::Failed) {
            let axis = egui::Label::new(small(ui, axis_text(part, histogram))).truncate();
            let axis = ui.add(axis);
            if part.key == PartKey::Duration {
                axis.on_hover_text(
                    "The filter looks at the stored duration, which is up to five minutes old \
                     for a running job",
                );
            }
            let unknown = match histogram.unknown {
                0 => String::new(),
                num => format!("{} without a value", format_count(num)),
            };
            footer_ui(ui, state, part, &unknown);
        }
    });
}

fn axis_text<'a>(part: &Part, histogram: &'a Histogram) -> &'a str {
    match part.key {
        PartKey::Duration => "duration of a job, of a running one until now",
        PartKey::Resource(Resource::Nodes) => "nodes of a job",
        PartKey::Resource(Resource::Cores) => "hardware threads of a job",
        PartKey::Resource(Resource::Accelerators) => "accelerators of a job",
        PartKey::Metric(_)
        | PartKey::Totals
        | PartKey::Groups
        | PartKey::OverTime
        | PartKey::Keys => &histogram.axis,
    }
}

fn bins_ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let chosen = state.settings.duration_bins;
    let response = egui::ComboBox::from_id_salt("duration bins")
        .selected_text(egui::RichText::new(chosen.key()).small())
        .width(44.0)
        .show_ui(ui, |ui| {
            for bins in DurationBins::ALL {
                if ui.selectable_label(bins == chosen, bins.key()).clicked() {
                    out.send(Command::SetDurationBins(bins));
                }
            }
        })
        .response;
    response
        .accessible_name("Width of the bins of duration")
        .on_hover_text("Width of the bins");
}

/// The filter with a range of this histogram in it.
fn narrowed(filter: &JobFilter, key: &PartKey, range: Range) -> Option<JobFilter> {
    let filter = filter.clone();
    Some(match key {
        PartKey::Duration => filter.with_number(NumberField::Duration, range),
        PartKey::Resource(Resource::Nodes) => filter.with_number(NumberField::NumNodes, range),
        PartKey::Resource(Resource::Cores) => filter.with_number(NumberField::NumHwThreads, range),
        PartKey::Resource(Resource::Accelerators) => {
            filter.with_number(NumberField::NumAccelerators, range)
        }
        PartKey::Metric(name) => filter.with_metric(name, range),
        PartKey::Totals | PartKey::Groups | PartKey::OverTime | PartKey::Keys => return None,
    })
}

fn choose(state: &AppState, part: &Part, (from, to): (usize, usize), out: &mut Outbox) {
    let range = part
        .histogram()
        .and_then(|histogram| histogram.range(from, to));
    if let Some(filter) = range.and_then(|range| narrowed(state.filter(), &part.key, range)) {
        out.send(Command::SetFilter(filter));
    }
}

fn chart_ui(
    ui: &mut Ui,
    state: &AppState,
    part: &Part,
    histogram: &Histogram,
    height: f32,
    out: &mut Outbox,
) {
    let (area, _) = ui.allocate_exact_size(
        vec2(ui.available_width(), height.max(40.0)),
        egui::Sense::hover(),
    );
    if histogram.largest == 0 {
        let text = if histogram.total == 0 {
            "No job matches"
        } else {
            "No job has a value"
        };
        let font = FontId::proportional(12.0);
        let color = Palette::of(ui).muted;
        ui.painter()
            .text(area.center(), Align2::CENTER_CENTER, text, font, color);
        return;
    }
    let plot = y_axis(ui, area, histogram.largest);
    let slots = slots(histogram, plot);
    let summary = histogram.summary(part.key.title());
    let (response, brush) = brush(ui, plot, ui.scope_id().with("bars"));
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &summary));
    let index_at = |x: f32| slots.iter().rposition(|(left, _)| *left <= x).unwrap_or(0);
    let marked = match brush {
        Brush::Idle => None,
        Brush::Over(x) | Brush::Clicked(x) => Some((index_at(x), index_at(x))),
        Brush::Dragging(from, to) | Brush::Chosen(from, to) => Some((index_at(from), index_at(to))),
    };
    paint_bars(ui, histogram, &slots, plot, marked);
    paint_ticks(ui, histogram, &slots, plot);
    let Some(marked) = marked else { return };
    if matches!(brush, Brush::Clicked(_) | Brush::Chosen(..)) {
        choose(state, part, marked, out);
        return;
    }
    if let Some((words, count)) = histogram.words(marked.0, marked.1) {
        let share = histogram.share(count);
        let count = format_count(count);
        let unit = if matches!(part.key, PartKey::Resource(_)) {
            &histogram.unit
        } else {
            ""
        };
        tip(ui, "bar", |ui| {
            let unit = if words == "1" {
                unit.trim_end_matches('s')
            } else {
                unit
            };
            ui.label(format!("{words} {unit}"));
            ui.label(small(ui, format!("{count} jobs · {share}")));
            let hint = if matches!(brush, Brush::Dragging(..)) {
                "Let go for only these; Esc gives up"
            } else {
                "Click for only these; drag for more bars"
            };
            ui.label(small(ui, hint));
        });
    }
}

/// A tooltip at the pointer, at once.
pub fn tip(ui: &Ui, name: &str, inside: impl FnOnce(&mut Ui)) {
    egui::Tooltip::always_open(
        ui.ctx().clone(),
        ui.layer_id(),
        ui.scope_id().with(name),
        egui::PopupAnchor::Pointer,
    )
    .show(|ui| {
        ui.set_max_width(300.0);
        inside(ui);
    });
}

/// Lines at round numbers with their labels at the left. Answers with the rest of the area.
pub fn y_axis(ui: &Ui, area: Rect, largest: u64) -> Rect {
    let palette = Palette::of(ui);
    let font = FontId::proportional(10.5);
    let step = round_step(largest);
    let values: Vec<u64> = (0..=largest / step).map(|n| n * step).collect();
    let labels: Vec<_> = values
        .iter()
        .map(|value| {
            ui.painter()
                .layout_no_wrap(axis_count(*value), font.clone(), palette.muted)
        })
        .collect();
    let width = labels
        .iter()
        .map(|label| label.size().x)
        .fold(0.0, f32::max);
    let plot = Rect::from_min_max(
        pos2(area.left() + width + 6.0, area.top() + 6.0),
        pos2(area.right(), area.bottom() - TICK_HEIGHT),
    );
    for (value, label) in values.iter().zip(labels) {
        let y = plot.bottom() - plot.height() * (*value as f32 / largest.max(1) as f32);
        let stroke = Stroke::new(1.0, faded(palette.hairline, 0.7));
        ui.painter().hline(plot.x_range(), y, stroke);
        let at = pos2(plot.left() - 5.0 - label.size().x, y - label.size().y / 2.0);
        ui.painter().galley(at, label, palette.muted);
    }
    plot
}

/// A round number in little room: `5 k`, `1.5 M`.
fn axis_count(value: u64) -> String {
    let amount = |factor: f64| format_value(value as f64 / factor);
    match value {
        v if v >= 1_000_000_000 => format!("{} G", amount(1e9)),
        v if v >= 1_000_000 => format!("{} M", amount(1e6)),
        v if v >= 1_000 => format!("{} k", amount(1e3)),
        v => v.to_string(),
    }
}

/// 1, 2 or 5 times a power of ten, so that there are two to five lines.
fn round_step(largest: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if largest / step <= 4 {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Where each bar stands, from left to right.
fn slots(histogram: &Histogram, plot: Rect) -> Vec<(f32, f32)> {
    let bars = &histogram.bars;
    let has = |place| bars.iter().any(|bar| bar.place == place);
    let margin = |place| {
        if has(place) {
            OUTSIDE.0 + OUTSIDE.1
        } else {
            0.0
        }
    };
    let left = plot.left() + margin(Place::Below);
    let right = plot.right() - margin(Place::Above);
    let num = bars
        .iter()
        .filter(|bar| bar.place == Place::Inside)
        .count()
        .max(1);
    let width = (right - left) / num as f32;
    let mut inside = 0;
    bars.iter()
        .map(|bar| match bar.place {
            Place::Below => (plot.left(), plot.left() + OUTSIDE.0),
            Place::Above => (plot.right() - OUTSIDE.0, plot.right()),
            Place::Inside => {
                let from = left + width * inside as f32;
                inside += 1;
                (from, from + width)
            }
        })
        .collect()
}

fn paint_bars(
    ui: &Ui,
    histogram: &Histogram,
    slots: &[(f32, f32)],
    plot: Rect,
    marked: Option<(usize, usize)>,
) {
    let palette = Palette::of(ui);
    for (index, (bar, (left, right))) in histogram.bars.iter().zip(slots).enumerate() {
        let is_marked = marked.is_some_and(|(from, to)| (from..=to).contains(&index));
        let slot = Rect::from_x_y_ranges(*left..=*right, plot.y_range());
        if is_marked {
            ui.painter()
                .rect_filled(slot, 0.0, faded(palette.accent, 0.14));
        }
        if bar.count == 0 {
            continue;
        }
        let share = bar.count as f32 / histogram.largest.max(1) as f32;
        // One job among millions is still a job.
        let height = (plot.height() * share).max(1.5);
        let gap = ((right - left) * 0.12).clamp(0.5, 4.0);
        // A few wide bars would look like a wall.
        let half = ((right - left) / 2.0 - gap / 2.0).min(22.0);
        let center = (left + right) / 2.0;
        let rect = Rect::from_min_max(
            pos2(center - half, plot.bottom() - height),
            pos2(center + half, plot.bottom()),
        );
        let color = match bar.place {
            Place::Inside => palette.accent,
            Place::Below | Place::Above => palette.muted,
        };
        let color = if marked.is_some() && !is_marked {
            faded(color, 0.55)
        } else {
            color
        };
        ui.painter().rect_filled(rect, 1.0, color);
    }
    let stroke = Stroke::new(1.0, palette.hairline);
    ui.painter().hline(plot.x_range(), plot.bottom(), stroke);
}

fn paint_ticks(ui: &Ui, histogram: &Histogram, slots: &[(f32, f32)], plot: Rect) {
    let palette = Palette::of(ui);
    let inside = |place| {
        histogram
            .bars
            .iter()
            .zip(slots)
            .filter(move |(bar, _)| bar.place == place)
            .map(|(_, slot)| *slot)
    };
    let y = plot.bottom() + 3.0;
    let font = FontId::proportional(10.5);
    for place in [Place::Below, Place::Above] {
        let bar = histogram.bars.iter().find(|bar| bar.place == place);
        if let (Some(bar), Some((left, right))) = (bar, inside(place).next()) {
            // Units stand in the title; here is little room.
            let text = bar.label.trim_end_matches(&histogram.unit).trim_end();
            let at = pos2(f32::midpoint(left, right), y);
            ui.painter()
                .text(at, Align2::CENTER_TOP, text, font.clone(), palette.muted);
        }
    }
    let Some((left, right)) = inside(Place::Inside).reduce(|(left, _), (_, right)| (left, right))
    else {
        return;
    };
    let num = inside(Place::Inside).count().max(1) as f32;
    let has_above = inside(Place::Above).next().is_some();
    let mut free_from = f32::NEG_INFINITY;
    for tick in &histogram.ticks {
        let is_end = tick.at >= num;
        if is_end && has_above {
            continue;
        }
        let x = left + (right - left) * tick.at / num;
        let galley = ui
            .painter()
            .layout_no_wrap(tick.text.clone(), font.clone(), palette.muted);
        let width = galley.size().x;
        let begin =
            (x - width / 2.0).clamp(plot.left() - 8.0, (plot.right() - width).max(plot.left()));
        if begin < free_from {
            continue;
        }
        free_from = begin + width + 4.0;
        ui.painter().galley(pos2(begin, y), galley, palette.muted);
    }
}

fn table_ui(
    ui: &mut Ui,
    state: &AppState,
    part: &Part,
    histogram: &Histogram,
    height: f32,
    out: &mut Outbox,
) {
    let title = part.key.title();
    let shown: Vec<usize> = (0..histogram.bars.len())
        .filter(|index| histogram.bars.get(*index).is_some_and(|bar| bar.count > 0))
        .collect();
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.spacing_mut().interact_size.y = 18.0;
    ScrollArea::vertical()
        .id_salt("table")
        .max_height(height)
        .min_scrolled_height(height)
        .auto_shrink(false)
        .show_rows(ui, 18.0, shown.len(), |ui, lines| {
            for index in shown.get(lines).unwrap_or_default() {
                let Some(bar) = histogram.bars.get(*index) else {
                    continue;
                };
                ui.horizontal(|ui| {
                    let name = format!("{title} {}: {} jobs", bar.label, format_count(bar.count));
                    if ui.link(&bar.label).accessible_name(name).clicked() {
                        choose(state, part, (*index, *index), out);
                    }
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        ui.add_space(12.0);
                        let share = histogram.share(bar.count);
                        ui.add_sized([52.0, 18.0], egui::Label::new(small(ui, share)));
                        ui.label(figures(format_count(bar.count)));
                    });
                });
            }
        });
}
