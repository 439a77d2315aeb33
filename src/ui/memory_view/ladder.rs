//! The give-back ladder: what each rung costs and returned.

use egui::{Align, Button, Layout, RichText, ScrollArea, Ui, vec2};

use crate::{
    command::{Command, Outbox},
    engine::give_back::{GiveBackReceipt, Rung, RungReceipt},
    memory::recording::GivenBack,
    state::{AppState, instrument::give_back::Forecast},
    ui::{
        theme::Palette,
        widgets::{figures, muted, primary_button, small, turning},
    },
    units::format_elapsed,
};

const ROW_HEIGHT: f32 = 30.0;
const NAME_WIDTH: f32 = 172.0;
const RETURNS_WIDTH: f32 = 96.0;

/// Shows the ladder of this process.
pub fn ui(ui: &mut Ui, state: &AppState, out: &mut Outbox) {
    let giving_back = &state.instrument.giving_back;
    let is_running = !giving_back.running.is_empty();
    ui.horizontal(|ui| {
        let all = ui.add_enabled_ui(!is_running, |ui| primary_button(ui, "Give everything back"));
        let all = all.inner.on_hover_text(
            "All rungs from top to bottom. What is running goes on; busy connections follow after \
             their task. It lowers cache_size, too, until you change that again",
        );
        if all.clicked() {
            out.send(Command::GiveBack(Rung::ALL.to_vec()));
        }
        if is_running {
            turning(ui, 14.0);
            ui.label("under way");
        } else if let Some((at_secs, receipt)) = &giving_back.last {
            // One rung alone is not everything.
            let what = match receipt.rungs.as_slice() {
                [only] => format!("{}: ", only.rung.label()),
                _ => String::new(),
            };
            let text = format!("{what}{}, {}", receipt.sentence(), ago(state, *at_secs));
            ui.add(egui::Label::new(text).truncate());
        } else {
            ui.label(muted(
                ui,
                "Each rung says what it costs before, and what it returned after",
            ));
        }
    });
    ui.add_space(4.0);
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        for (number, rung) in Rung::ALL.into_iter().enumerate() {
            let forecast = state.forecast(rung);
            rung_ui(ui, (state, is_running), (number, rung), &forecast, out);
        }
    });
}

fn rung_ui(
    ui: &mut Ui,
    (state, is_running): (&AppState, bool),
    (number, rung): (usize, Rung),
    forecast: &Forecast,
    out: &mut Outbox,
) {
    let width = ui.available_width();
    let layout = Layout::left_to_right(Align::Center);
    ui.allocate_ui_with_layout(vec2(width, ROW_HEIGHT), layout, |ui| {
        ui.set_min_height(ROW_HEIGHT);
        ui.label(small(ui, (number + 1).to_string()));
        let can = forecast.cannot.is_none() && !is_running;
        let button = Button::new(rung.label()).min_size(vec2(NAME_WIDTH, 24.0));
        let response = ui.add_enabled(can, button).on_hover_text(rung.technical());
        if response.clicked() {
            out.send(Command::GiveBack(vec![rung]));
        }
        let layout = Layout::right_to_left(Align::Center);
        ui.allocate_ui_with_layout(vec2(RETURNS_WIDTH, ROW_HEIGHT), layout, |ui| {
            let text = match (&forecast.cannot, forecast.returns) {
                (Some(_), _) => String::new(),
                (None, Some(bytes)) => format!("~{bytes}"),
                (None, None) => "unknown".to_owned(),
            };
            ui.label(figures(text))
                .on_hover_text("What it should return, by what is published now: an estimate");
        });
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            let cost = forecast.cannot.as_ref().unwrap_or(&forecast.cost);
            ui.add(egui::Label::new(small(ui, cost)).truncate())
                .on_hover_text(cost);
            match state.instrument.giving_back.rungs.get(&rung) {
                Some((at_secs, receipt)) => returned_ui(ui, state, *at_secs, receipt),
                None => {
                    ui.label(small(ui, "not taken yet"));
                }
            }
        });
    });
}

fn returned_ui(ui: &mut Ui, state: &AppState, at_secs: f64, receipt: &RungReceipt) {
    let color = if receipt.trouble.is_some() {
        Palette::of(ui).warning
    } else {
        Palette::of(ui).good
    };
    let text = format!("returned: {} · {}", receipt.sentence(), ago(state, at_secs));
    let text = RichText::new(text).small().color(color);
    ui.add(egui::Label::new(text).truncate());
}

fn ago(state: &AppState, at_secs: f64) -> String {
    let secs = (state.live.latest.at_secs - at_secs).max(0.0);
    format!("{} ago", format_elapsed(crate::units::seconds(secs)))
}

/// Shows what was given back while a recording ran.
pub fn recorded_ui(ui: &mut Ui, given_back: &[GivenBack]) {
    if given_back.is_empty() {
        ui.label(muted(
            ui,
            "Nobody asked for memory back while it was recorded",
        ));
        return;
    }
    ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
        for GivenBack { at_secs, receipt } in given_back {
            let at = format_elapsed(crate::units::seconds(at_secs.max(0.0)));
            ui.label(format!("After {at}: {}", receipt.sentence()));
            rungs_ui(ui, receipt);
            ui.add_space(8.0);
        }
    });
}

fn rungs_ui(ui: &mut Ui, receipt: &GiveBackReceipt) {
    for rung in &receipt.rungs {
        ui.label(muted(
            ui,
            format!("{}: {}", rung.rung.label(), rung.sentence()),
        ));
    }
}
