//! What the selected ranges held: numbers of each curve, tasks, settings, who grew.

use egui::{Align, Frame, Layout, Margin, RichText, ScrollArea, Stroke, Ui, UiBuilder, vec2};
use lucide_icons::Icon;

use super::{bands::outcome_icon, selection::NAMES, source::ChartSource};
use crate::{
    memory::{
        quantity::Quantity,
        summary::{Course, RangeSummary, difference, signed},
    },
    ui::{
        theme::{Palette, semibold},
        widgets::{figures, icon, icon_button, mixed, muted, small},
    },
    units::Bytes,
};

/// How wide the card is.
pub(super) const WIDTH: f32 = 352.0;

/// Names that are listed of each kind; the others are counted.
const MAX_LISTED: usize = 30;

/// Shows the card in the space there is. Whether it was closed.
pub(super) fn card_ui(
    ui: &mut Ui,
    source: &ChartSource<'_>,
    summaries: [Option<&RangeSummary>; 2],
    quantities: &[Quantity],
) -> bool {
    let palette = Palette::of(ui);
    let present: Vec<_> = (NAMES.into_iter().zip(summaries))
        .filter_map(|(name, summary)| Some((name, summary?)))
        .collect();
    let mut is_closed = false;
    Frame::new()
        .fill(palette.panel)
        .stroke(Stroke::new(1.0, palette.hairline))
        .corner_radius(6.0)
        .inner_margin(Margin::same(10))
        .show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.horizontal(|ui| {
                let title = if present.len() > 1 {
                    "Two ranges"
                } else {
                    "Selected range"
                };
                ui.label(RichText::new(title).family(semibold()));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    is_closed = icon_button(ui, Icon::X, "Clear the selection").clicked();
                    // For a moment, the button says that it has done it.
                    let copied = ui.scope_id().with("copied");
                    let now = ui.input(|input| input.time);
                    let since = ui.data(|data| data.get_temp::<f64>(copied));
                    let is_done = since.is_some_and(|since| now - since < 2.0);
                    let (symbol, name) = if is_done {
                        ui.ctx().request_repaint_after_secs(0.5);
                        (Icon::Check, "Copied")
                    } else {
                        (Icon::Copy, "Copy the summary")
                    };
                    if icon_button(ui, symbol, name).clicked() {
                        ui.data_mut(|data| data.insert_temp(copied, now));
                        let texts = present.iter().map(|(name, summary)| {
                            let text = summary.text(quantities, |secs| source.time_text(secs, 1.0));
                            format!("{name}: {text}")
                        });
                        let text = texts.collect::<Vec<_>>().join("\n\n");
                        ui.ctx().copy_text(text);
                    }
                });
            });
            ScrollArea::vertical()
                .id_salt(("summary", source.name))
                .auto_shrink(false)
                .show(ui, |ui| {
                    for (name, summary) in &present {
                        head(ui, source, name, summary);
                    }
                    ui.add_space(4.0);
                    match present.as_slice() {
                        all if all.iter().all(|(_, summary)| summary.num_samples == 0) => {}
                        [(_, a), (_, b)] => two_columns(ui, a, b, quantities),
                        [(_, only)] => one_column(ui, only, quantities),
                        _ => {}
                    }
                    for (name, summary) in &present {
                        let name = (present.len() > 1).then_some(*name);
                        lists(ui, name, summary);
                    }
                });
        });
    is_closed
}

fn head(ui: &mut Ui, source: &ChartSource<'_>, name: &str, summary: &RangeSummary) {
    let step = (summary.to_secs - summary.from_secs) / 10.0;
    let time = |secs| source.time_text(secs, step.min(1.0));
    ui.label(small(
        ui,
        format!(
            "{name}  {} to {}, {}",
            time(summary.from_secs),
            time(summary.to_secs),
            summary.duration()
        ),
    ));
    if summary.num_samples == 0 {
        ui.label(muted(ui, "Nothing was sampled in this time"));
    }
}

fn one_column(ui: &mut Ui, summary: &RangeSummary, quantities: &[Quantity]) {
    row(ui, "", &["peak", "mean", "change"], true);
    for quantity in Quantity::ALL {
        if let Some(course) = summary
            .course(quantity)
            .filter(|_| quantities.contains(&quantity))
        {
            let Course { peak, mean, .. } = course;
            let values = [
                Bytes(peak).to_string(),
                Bytes(mean as u64).to_string(),
                signed(course.change()),
            ];
            row(ui, quantity.label(), &values, false);
        }
    }
    ui.add_space(2.0);
    for gap in summary.gaps(quantities) {
        ui.label(muted(ui, gap).size(12.0));
    }
    ui.label(muted(ui, summary.hit_sentence()).size(12.0));
    if let Some(snapshot) = summary.snapshot_sentence() {
        ui.label(muted(ui, snapshot).size(12.0));
    }
}

fn two_columns(ui: &mut Ui, a: &RangeSummary, b: &RangeSummary, quantities: &[Quantity]) {
    row(ui, "", &["A", "B", "B − A"], true);
    let bytes = |course: Option<f64>| {
        course.map_or_else(|| "–".to_owned(), |bytes| Bytes(bytes as u64).to_string())
    };
    for quantity in Quantity::ALL {
        let (first, second) = (a.course(quantity), b.course(quantity));
        if !quantities.contains(&quantity) || (first.is_none() && second.is_none()) {
            continue;
        }
        ui.label(
            RichText::new(quantity.label())
                .family(semibold())
                .size(12.0),
        );
        for (what, of) in [
            (
                "peak",
                (|course: Course| course.peak as f64) as fn(Course) -> f64,
            ),
            ("mean", |course| course.mean),
        ] {
            let (first, second) = (first.map(of), second.map(of));
            let both = first.zip(second);
            let values = [
                bytes(first),
                bytes(second),
                both.map_or_else(String::new, |(first, second)| difference(first, second)),
            ];
            row(ui, what, &values, false);
        }
        let change = |course: Option<Course>| {
            course.map_or_else(|| "–".to_owned(), |course| signed(course.change()))
        };
        let values = [change(first), change(second), String::new()];
        row(ui, "change", &values, false);
    }
    let ratio = |summary: &RangeSummary| {
        summary
            .hit_ratio()
            .map_or_else(|| "–".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0))
    };
    let points = a
        .hit_ratio()
        .zip(b.hit_ratio())
        .map_or_else(String::new, |(a, b)| {
            format!("{:+.1} points", (b - a) * 100.0).replace('-', "−")
        });
    row(ui, "Cache hit ratio", &[ratio(a), ratio(b), points], false);
    for (name, summary) in NAMES.into_iter().zip([a, b]) {
        for gap in summary.gaps(quantities) {
            ui.label(muted(ui, format!("{name}, {gap}")).size(12.0));
        }
    }
}

/// Who grew, what ran, what was changed.
fn lists(ui: &mut Ui, name: Option<&str>, summary: &RangeSummary) {
    let title =
        |text: &str| name.map_or_else(|| text.to_owned(), |name| format!("{text} in {name}"));
    let grown = (summary.growth.iter())
        .map(|grown| format!("{} +{}", grown.who, Bytes(grown.bytes)))
        .collect();
    list(ui, &title("Who grew"), grown, "Nothing grew");
    let asked = summary.tasks.iter().filter(|task| !task.is_background);
    let mut tasks: Vec<_> = asked
        .map(|task| {
            let symbol = task.outcome.map_or(Icon::Play, outcome_icon);
            format!("{} {}", icon(symbol), task.sentence())
        })
        .collect();
    let background = summary.tasks.len() - tasks.len();
    if background > 0 {
        tasks.push(format!("{background} in the background"));
    }
    list(ui, &title("Tasks"), tasks, "No task ran");
    if !summary.settings.is_empty() {
        list(ui, &title("Settings changed"), summary.settings.clone(), "");
    }
}

fn list(ui: &mut Ui, title: &str, lines: Vec<String>, none: &str) {
    let palette = Palette::of(ui);
    ui.add_space(6.0);
    ui.label(small(ui, title));
    if lines.is_empty() {
        ui.label(muted(ui, none));
    }
    let more = lines.len().saturating_sub(MAX_LISTED);
    for line in lines.into_iter().take(MAX_LISTED) {
        ui.add(egui::Label::new(mixed(&line, 12.5, palette.text)).wrap());
    }
    if more > 0 {
        ui.label(small(ui, format!("and {more} more")));
    }
}

/// A name and three numbers below each other's kind.
fn row<S: AsRef<str>>(ui: &mut Ui, name: &str, values: &[S; 3], is_head: bool) {
    const VALUE: f32 = 71.0;
    let height = if is_head { 16.0 } else { 18.0 };
    let (rect, _) =
        ui.allocate_exact_size(vec2(ui.available_width(), height), egui::Sense::hover());
    let mut right = rect.right();
    for value in values.iter().rev() {
        let cell = egui::Rect::from_x_y_ranges(right - VALUE..=right, rect.y_range());
        right -= VALUE;
        let text = value.as_ref();
        if text.is_empty() {
            continue;
        }
        let text = if is_head {
            small(ui, text)
        } else {
            figures(text).size(12.0)
        };
        let builder = UiBuilder::new()
            .max_rect(cell)
            .layout(Layout::right_to_left(Align::Center));
        ui.scope_builder(builder, |ui| ui.label(text));
    }
    if !name.is_empty() {
        let cell = egui::Rect::from_x_y_ranges(rect.left()..=right, rect.y_range());
        let builder = UiBuilder::new()
            .max_rect(cell)
            .layout(Layout::left_to_right(Align::Center));
        ui.scope_builder(builder, |ui| {
            ui.add(egui::Label::new(RichText::new(name).size(12.0)).truncate())
                .on_hover_text(name);
        });
    }
}
