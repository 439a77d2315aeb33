//! Which columns the table shows, what their headings say, and how they are chosen.

use egui::{Response, ScrollArea, TextEdit, Ui, containers::menu::MenuButton};
use lucide_icons::Icon;

use crate::{
    command::{Command, Outbox},
    jobs::{
        column::JobColumn,
        list::{COLUMNS, DETAIL_COLUMNS},
        order_cost::Served,
        sort::{Sort, SortKey},
    },
    state::{AppState, job_list::layout::ColumnLayout},
    ui::{
        order,
        theme::Palette,
        widgets::{icon, mixed, plain_menu, small},
    },
    units::{format_count, format_elapsed, seconds},
};

/// A column as it is drawn.
pub struct ShownColumn {
    pub column: JobColumn,
    /// Its name, which tells it from the others.
    pub key: String,
    pub width: f32,
    pub is_pinned: bool,
    /// The user chose it; otherwise it is there because the jobs are sorted by it.
    pub is_chosen: bool,
}

/// The columns of the table, as wide as there is room.
pub struct Shown {
    pub columns: Vec<ShownColumn>,
    /// By how much all of them are wider than they were chosen, so that no half of a large window is
    /// empty.
    pub stretch: f32,
}

/// How much wider than chosen columns may become.
const MAX_STRETCH: f32 = 1.4;

/// Width of a column that is only there because the jobs are sorted by it.
const EXTRA_WIDTH: f32 = 120.0;

impl Shown {
    pub fn of(state: &AppState, width: f32) -> Self {
        let sorted_by = state.jobs.sort.column();
        let has_it = (state.columns.iter()).any(|layout| layout.column == sorted_by);
        let mut columns: Vec<ShownColumn> = (state.columns.iter())
            .map(|layout| ShownColumn {
                key: layout.column.to_string(),
                column: layout.column.clone(),
                width: layout.width,
                is_pinned: layout.is_pinned,
                is_chosen: true,
            })
            .collect();
        if !has_it {
            columns.push(ShownColumn {
                key: "sorted by".to_owned(),
                column: sorted_by,
                width: EXTRA_WIDTH,
                is_pinned: false,
                is_chosen: false,
            });
        }
        let total: f32 = columns.iter().map(|column| column.width).sum();
        let stretch = (width / total.max(1.0)).clamp(1.0, MAX_STRETCH);
        for column in &mut columns {
            column.width *= stretch;
        }
        Self { columns, stretch }
    }
}

/// What a column sorts by; nothing inside metadata does.
pub fn sort_key(column: &JobColumn) -> Option<SortKey> {
    match column {
        JobColumn::Stored(name) => Some(SortKey::Column(name)),
        JobColumn::Footprint(key) => Some(SortKey::Footprint(key.clone())),
        JobColumn::MetaData(_) => None,
    }
}

/// What stands above a column.
pub fn title(column: &JobColumn) -> String {
    // Where the word is much wider than its numbers, or says no unit.
    match column {
        JobColumn::Stored("num_acc") => return "Accs".to_owned(),
        JobColumn::Stored("energy") => return "Energy kWh".to_owned(),
        JobColumn::Stored(_) | JobColumn::Footprint(_) | JobColumn::MetaData(_) => {}
    }
    match (sort_key(column), column) {
        (Some(key), _) => order::heading(&key),
        (None, JobColumn::MetaData(key)) => key.clone(),
        (None, other) => other.to_string(),
    }
}

/// What a column is, for its tooltip.
fn meaning(column: &JobColumn) -> String {
    match column {
        JobColumn::Stored("job_id") => "job_id: the scheduler's id".to_owned(),
        JobColumn::Stored("duration") => {
            "duration, h:mm:ss; of a running job the time since its start.\n\
             Sorted by the stored duration, which for running jobs is up to five minutes old"
                .to_owned()
        }
        JobColumn::Stored("num_hwthreads") => {
            "num_hwthreads: hardware threads of the whole job".to_owned()
        }
        JobColumn::Stored("num_acc") => "num_acc: accelerators of the whole job".to_owned(),
        JobColumn::Footprint(key) if key == "cpu_load_avg" => {
            "cpu_load_avg of the footprint; the bar compares it with the hardware threads per node"
                .to_owned()
        }
        JobColumn::Footprint(key) => format!("{key} of the footprint"),
        JobColumn::MetaData(key) => format!("{key} of the metadata"),
        JobColumn::Stored(name) => column
            .unit()
            .map_or_else(|| (*name).to_owned(), |unit| format!("{name}, {unit}")),
    }
}

/// What sorting by a column costs, and the plan that serves it.
fn cost_text(key: &SortKey, state: &AppState) -> String {
    let Some(cost) = state.jobs.orders.cost(key) else {
        return "What sorting by it costs is not known yet".to_owned();
    };
    let num_jobs = state.jobs.num_rows();
    let estimate = cost.estimate(num_jobs, num_jobs, state.bytes_per_job());
    let time = format_elapsed(seconds(estimate.secs.max(0.001)));
    let words = match cost.served {
        Served::Index => "Sorting by it is free: an index has this order".to_owned(),
        Served::KeySort => format!(
            "Sorting by it sorts ~{} keys of an index: about {time}, {} of temporary files",
            format_count(num_jobs.cast_signed()),
            estimate.temporary
        ),
        Served::TableSort => format!(
            "Sorting by it reads ~{} of the table and sorts ~{} keys: about {time}, {} of temporary files",
            estimate.read,
            format_count(num_jobs.cast_signed()),
            estimate.temporary
        ),
    };
    let plan = cost.plan.steps.join("\n");
    format!("{words}\n\nQuery plan:\n{plan}")
}

/// Tooltip and menu of a heading.
pub fn heading_menu(response: &Response, column: &ShownColumn, state: &AppState, out: &mut Outbox) {
    let key = sort_key(&column.column);
    let response = response.clone().on_hover_ui(|ui| {
        ui.set_max_width(420.0);
        ui.label(meaning(&column.column));
        if !column.is_chosen {
            ui.label("Here because the jobs are sorted by it");
        }
        ui.label(match &key {
            Some(key) => small(ui, cost_text(key, state)),
            None => small(ui, "Jobs cannot be sorted by metadata"),
        });
    });
    response.context_menu(|ui| {
        if let Some(key) = &key {
            for descending in [true, false] {
                let word = order::direction_word(key, descending);
                if ui.button(format!("Sort: {word}")).clicked() {
                    out.send(Command::SortJobs(Sort {
                        key: key.clone(),
                        descending,
                    }));
                    ui.close();
                }
            }
            ui.separator();
        }
        if !column.is_chosen {
            if ui.button("Keep this column").clicked() {
                let mut columns = state.columns.clone();
                columns.push(ColumnLayout::new(column.column.clone()));
                out.send(Command::SetColumns(columns));
                ui.close();
            }
            return;
        }
        let word = if column.is_pinned {
            "Unpin column"
        } else {
            "Pin column"
        };
        if ui.button(word).clicked() {
            let mut columns = state.columns.clone();
            for other in &mut columns {
                if other.column == column.column {
                    other.is_pinned = !column.is_pinned;
                }
            }
            out.send(Command::SetColumns(columns));
            ui.close();
        }
        let can_hide = state.columns.len() > 1;
        if ui
            .add_enabled(can_hide, egui::Button::new("Hide column"))
            .clicked()
        {
            let mut columns = state.columns.clone();
            columns.retain(|other| other.column != column.column);
            out.send(Command::SetColumns(columns));
            ui.close();
        }
        for (word, by) in [("Move left", -1_isize), ("Move right", 1)] {
            let from = (state.columns.iter()).position(|other| other.column == column.column);
            let to = from.and_then(|from| from.checked_add_signed(by));
            let to = to.filter(|to| *to < state.columns.len());
            let button = egui::Button::new(word);
            if ui.add_enabled(to.is_some(), button).clicked()
                && let (Some(from), Some(to)) = (from, to)
            {
                let mut columns = state.columns.clone();
                columns.swap(from, to);
                out.send(Command::SetColumns(columns));
                ui.close();
            }
        }
    });
}

/// A heading was dragged to another place.
pub fn move_column(state: &AppState, shown: &Shown, (from, to): (usize, usize), out: &mut Outbox) {
    let is_chosen = |index: usize| shown.columns.get(index).is_some_and(|c| c.is_chosen);
    let mut columns = state.columns.clone();
    if !is_chosen(from) || from >= columns.len() {
        return;
    }
    let column = columns.remove(from);
    columns.insert(to.min(columns.len()), column);
    out.send(Command::SetColumns(columns));
}

/// The button with everything that a job has, to be shown or not.
#[derive(Default)]
pub struct Chooser {
    name: String,
    error: Option<String>,
}

impl Chooser {
    pub fn menu(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        let text = mixed(
            &format!("Columns {}", icon(Icon::ChevronDown)),
            11.5,
            Palette::of(ui).muted,
        );
        let (response, _) = MenuButton::from_button(egui::Button::new(text).frame(false))
            .config(plain_menu())
            .ui(ui, |ui| self.menu_ui(ui, state, out));
        response.accessible_name("Columns");
    }

    fn menu_ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        ui.set_width(240.0);
        ScrollArea::vertical().max_height(300.0).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            let schema = state.schema();
            let stored = (COLUMNS.iter().chain(&DETAIL_COLUMNS))
                .map(|(name, _)| JobColumn::Stored(name))
                .filter(|column| schema.is_none_or(|schema| column.is_in(schema)));
            for column in stored {
                tick(ui, column, state, out);
            }
            ui.add_space(6.0);
            ui.label(small(ui, "Values of the footprint"));
            for known in &state.suggestions.footprint {
                tick(ui, JobColumn::Footprint(known.key.clone()), state, out);
            }
            let others = state.columns.iter().map(|layout| &layout.column);
            let others: Vec<JobColumn> = others
                .filter(|column| match column {
                    JobColumn::Stored(_) => false,
                    JobColumn::MetaData(_) => true,
                    JobColumn::Footprint(key) => !state
                        .suggestions
                        .footprint
                        .iter()
                        .any(|known| known.key == *key),
                })
                .cloned()
                .collect();
            if !others.is_empty() {
                ui.add_space(6.0);
                ui.label(small(ui, "Others"));
                for column in others {
                    tick(ui, column, state, out);
                }
            }
        });
        ui.separator();
        self.field_ui(ui, state, out);
        if ui.button("Show the usual columns").clicked() {
            out.send(Command::ResetColumns);
            ui.close();
        }
    }

    /// Any other value by its name.
    fn field_ui(&mut self, ui: &mut Ui, state: &AppState, out: &mut Outbox) {
        ui.horizontal(|ui| {
            let field = TextEdit::singleline(&mut self.name)
                .hint_text("meta_data.jobName")
                .margin(egui::Margin::symmetric(6, 4))
                .desired_width(150.0);
            let response = ui.add(field).accessible_name("Name of a column");
            if response.changed() {
                self.error = None;
            }
            let entered =
                response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
            if ui.button("Add column").clicked() || entered {
                match self.name.trim().parse::<JobColumn>() {
                    Ok(column) => {
                        let mut columns = state.columns.clone();
                        if !columns.iter().any(|other| other.column == column) {
                            columns.push(ColumnLayout::new(column));
                            out.send(Command::SetColumns(columns));
                        }
                        self.name.clear();
                    }
                    Err(error) => self.error = Some(error.to_string()),
                }
            }
        });
        if let Some(error) = &self.error {
            let text = egui::RichText::new(error).small();
            ui.label(text.color(Palette::of(ui).bad));
        }
    }
}

/// One column to be shown or not.
fn tick(ui: &mut Ui, column: JobColumn, state: &AppState, out: &mut Outbox) {
    let mut is_shown = state.columns.iter().any(|layout| layout.column == column);
    let is_last = is_shown && state.columns.len() == 1;
    let name = column.to_string();
    let check = egui::Checkbox::new(&mut is_shown, &name);
    if ui.add_enabled(!is_last, check).changed() {
        let mut columns = state.columns.clone();
        if is_shown {
            columns.push(ColumnLayout::new(column));
        } else {
            columns.retain(|layout| layout.column != column);
        }
        out.send(Command::SetColumns(columns));
    }
}
