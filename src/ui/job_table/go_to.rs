//! Go to a row, a time, a job.

use egui::{Key, KeyboardShortcut, Modifiers, Popup, TextEdit, Ui, containers::menu::MenuButton};
use lucide_icons::Icon;

use crate::{
    command::{Command, Goal, Outbox},
    error::{Error, Result},
    jobs::sort::SortKey,
    state::AppState,
    ui::{
        theme::Palette,
        widgets::{icon, left_aligned, mixed, plain_menu, primary_button, small},
    },
    units::{parse_time, zone_name},
};

/// What kind of place is meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Row,
    Time,
    JobId,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Row, Self::Time, Self::JobId];

    fn label(self) -> &'static str {
        match self {
            Self::Row => "Row",
            Self::Time => "Time",
            Self::JobId => "Job id",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Row => "12 345 678",
            Self::Time => "2026-03-11 06:14",
            Self::JobId => "812345",
        }
    }
}

/// Remembers what is being typed.
#[derive(Default)]
pub struct GoTo {
    kind: Kind,
    text: String,
    error: Option<String>,
    wants_focus: bool,
}

impl GoTo {
    /// The button with the field behind it; Ctrl+G opens it.
    pub fn menu(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        let text = mixed(
            &format!("Go to {}", icon(Icon::ChevronDown)),
            11.5,
            Palette::of(ui).muted,
        );
        let shortcut = KeyboardShortcut::new(Modifiers::COMMAND, Key::G);
        let is_wanted = ui.input_mut(|input| input.consume_shortcut(&shortcut));
        let (response, inner) = MenuButton::from_button(egui::Button::new(text).frame(false))
            .config(plain_menu())
            .ui(ui, |ui| self.menu_ui(ui, state, out));
        if inner.is_none() {
            self.wants_focus = true;
        }
        let response = response
            .accessible_name("Go to")
            .on_hover_text("A row, a time or a job (Ctrl+G)");
        if is_wanted {
            Popup::open_id(ui.ctx(), Popup::default_response_id(&response));
        }
    }

    fn menu_ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        ui.set_width(250.0);
        left_aligned(ui, |ui| {
            ui.horizontal(|ui| {
                for kind in Kind::ALL {
                    if ui
                        .selectable_label(self.kind == kind, kind.label())
                        .clicked()
                    {
                        self.kind = kind;
                        self.error = None;
                        self.wants_focus = true;
                    }
                }
            });
            let mut entered = false;
            ui.horizontal(|ui| {
                let field = TextEdit::singleline(&mut self.text)
                    .hint_text(self.kind.example())
                    .margin(egui::Margin::symmetric(6, 4))
                    .desired_width(170.0);
                let response = ui.add(field).accessible_name("Place in the list");
                if std::mem::take(&mut self.wants_focus) {
                    response.request_focus();
                }
                if response.changed() {
                    self.error = None;
                }
                entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
                entered |= primary_button(ui, "Go").clicked();
            });
            ui.label(small(ui, self.words(state)));
            if let Some(error) = &self.error {
                let text = egui::RichText::new(error).small();
                ui.label(text.color(Palette::of(ui).bad));
            }
            if entered {
                self.go(ui, state, out);
            }
        });
    }

    fn words(&self, state: &AppState) -> String {
        match self.kind {
            Kind::Row => "Counted from 1 in the order of the list".to_owned(),
            Kind::Time if is_by_start(state) => {
                format!("Of the start, in {}", zone_name(&state.zone))
            }
            Kind::Time => "Of the start; the list is sorted by it then".to_owned(),
            Kind::JobId => "The scheduler's id, among the jobs of the filter".to_owned(),
        }
    }

    fn go(&mut self, ui: &Ui, state: &AppState, out: &mut Outbox) {
        match self.goal(state) {
            Ok(goal) => {
                out.send(Command::GoTo(goal));
                self.error = None;
                ui.close();
            }
            Err(error) => self.error = Some(error.to_string()),
        }
    }

    fn goal(&self, state: &AppState) -> Result<Goal> {
        let digits: String = self
            .text
            .chars()
            .filter(|c| !c.is_whitespace() && !matches!(c, ',' | '\u{2009}'))
            .collect();
        match self.kind {
            Kind::Row => {
                let num_rows = state.jobs.num_rows();
                let row = digits.parse::<u64>().ok().filter(|row| *row > 0);
                let row = row.filter(|row| *row <= num_rows || state.jobs.is_estimate());
                row.map(|row| Goal::Row(row - 1)).ok_or_else(|| {
                    let expected = format!("a number from 1 to {num_rows}");
                    Error::invalid("row", &self.text, expected)
                })
            }
            Kind::Time => parse_time(&self.text, &state.zone).map(Goal::Time),
            Kind::JobId => digits
                .parse()
                .map(Goal::JobId)
                .map_err(|_no_number| Error::invalid("job id", &self.text, "a whole number")),
        }
    }
}

fn is_by_start(state: &AppState) -> bool {
    state.jobs.sort.key == SortKey::Column("start_time")
}
