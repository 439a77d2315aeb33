//! How many jobs match, how SQLite finds them, and with which statement.

use egui::{Label, RichText, ScrollArea, Ui, containers::menu::MenuButton};
use lucide_icons::Icon;

use crate::{
    jobs::{facts::DatabaseFacts, schema::FileKind, sql::Sql},
    state::{AppState, Phase},
    ui::{
        theme::{Palette, semibold},
        widgets::{figures, icon, left_aligned, mixed, muted, plain_menu, small},
    },
    units::format_count,
};

/// Shows the number of jobs, the gist of the plan, and the button for all of it.
pub fn ui(ui: &mut Ui, state: &AppState) {
    let jobs = &state.jobs;
    let count = match jobs.count {
        Some(count) => format!("{} jobs", format_count(count)),
        None if jobs.is_counting() => "counting…".to_owned(),
        None if jobs.phase == Phase::Empty => return,
        None => "not counted".to_owned(),
    };
    let plan = jobs.plan.gist();
    let width = (count.len() + plan.len()) as f32 * 7.0 + 90.0;
    if ui.available_size_before_wrap().x < width {
        ui.end_row();
        // A row of labels alone would be lower than the rows of chips above it.
        ui.allocate_space(egui::vec2(0.0, ui.spacing().interact_size.y));
    }
    ui.label(count);
    if !plan.is_empty() {
        ui.label(muted(ui, "·"));
        ui.label(muted(ui, plan)).on_hover_text(format!(
            "How SQLite finds the listed jobs:\n{}",
            jobs.plan.steps.join("\n")
        ));
    }
    if let Some(sql) = &jobs.sql {
        let (response, _) = MenuButton::new("SQL").config(plain_menu()).ui(ui, |ui| {
            ui.set_width(560.0);
            left_aligned(ui, |ui| sql_ui(ui, sql, &jobs.plan.steps));
        });
        response
            .accessible_name("SQL of the job list")
            .on_hover_text("The statement that asked for these jobs");
    }
    if let Some(database) = &state.database {
        missing_ui(ui, &database.facts);
    }
}

fn sql_ui(ui: &mut Ui, sql: &Sql, steps: &[String]) {
    let title = |ui: &mut Ui, text: &str| ui.label(RichText::new(text).family(semibold()));
    ui.horizontal(|ui| {
        title(ui, "Statement of the job list");
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let hint = "With the values in place of the ?, so that it runs anywhere";
            let copy = ui
                .button(mixed(
                    &format!("{} Copy", icon(Icon::Copy)),
                    13.0,
                    Palette::of(ui).text,
                ))
                .accessible_name("Copy SQL")
                .on_hover_text(hint);
            if copy.clicked() {
                ui.copy_text(sql.with_values());
                ui.close();
            }
        });
    });
    ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
        let text = figures(&sql.text).size(11.5);
        ui.add(Label::new(text).wrap().selectable(true));
        if !sql.params.is_empty() {
            ui.add_space(4.0);
            title(ui, "Values, in the order of their ?");
            for value in &sql.params {
                let text = figures(Sql::literal(value)).size(11.5);
                ui.add(Label::new(text).wrap().selectable(true));
            }
        }
        ui.add_space(4.0);
        title(ui, "Plan");
        if steps.is_empty() {
            ui.label(small(ui, "There is none yet"));
        }
        for step in steps {
            ui.add(Label::new(figures(step).size(11.5)).wrap());
        }
    });
}

/// Says quietly what an old file does not have.
fn missing_ui(ui: &mut Ui, facts: &DatabaseFacts) {
    let missing = &facts.missing_columns;
    if facts.kind != FileKind::Jobs || missing.is_empty() {
        return;
    }
    let text = match missing.as_slice() {
        few @ ([_] | [_, _] | [_, _, _]) => format!("this file lacks {}", few.join(", ")),
        many => format!("this file lacks {} columns", many.len()),
    };
    let text = format!("{} {text}", icon(Icon::Info));
    ui.label(mixed(&text, 11.5, Palette::of(ui).muted))
        .on_hover_text(format!(
            "Not in the job table of this file:\n{}\n\
             Conditions and columns that need them are not offered",
            missing.join(", ")
        ));
}
