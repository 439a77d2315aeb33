//! The app: takes events, draws, and hands commands on. It has no features of its own.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use super::{
    Panels,
    frame_log::FrameLog,
    saver::Saver,
    theme,
    top_bar::{open, open_as},
};
use crate::{
    command::{Command, Outbox, ThemeChoice},
    db::{build::BuildFacts, connection::OpenMode},
    engine::{Engine, budget::default_guard, message::Request},
    error::{Report, Result},
    memory::{recording::is_recording_name, sample::MachineReader},
    state::{
        AppState,
        settings::{Settings, WindowPlace},
    },
    units::unix_now,
};

/// Redraws while nothing runs: twice a second, as the strip moves on.
const IDLE_REDRAW: Duration = Duration::from_millis(500);

/// Redraws while a task runs or the pointer is on a chart: as often as samples come.
const BUSY_REDRAW: Duration = Duration::from_millis(100);

/// A hidden window only takes in samples before their channel is full.
const HIDDEN_WAKE: Duration = Duration::from_secs(10);

/// What to do at the start.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// The database to open; the last one if there is none.
    pub database: Option<(PathBuf, OpenMode)>,
    /// Recordings to look at.
    pub recordings: Vec<PathBuf>,
    /// Cluster descriptions to add to the database.
    pub clusters: Vec<PathBuf>,
    /// Begin the tour of the incident.
    pub tour: bool,
    /// Where settings are kept. `None`: nowhere.
    pub settings_path: Option<PathBuf>,
}

/// The window's application.
pub struct App {
    /// What the application knows.
    pub state: AppState,
    engine: Engine,
    panels: Panels,
    outbox: Outbox,
    saver: Option<Saver>,
    frame_log: Option<FrameLog>,
    logic_time: Duration,
    /// When the engine started, in Unix seconds: turns its clock into the time of day.
    started_unix: f64,
}

impl App {
    /// Starts the engine with the settings of the last run.
    ///
    /// # Errors
    /// If a thread cannot be started or the frame log cannot be created.
    pub fn new(ctx: &egui::Context, start: Start) -> Result<Self> {
        theme::install(ctx);
        let is_new = start
            .settings_path
            .as_ref()
            .is_some_and(|path| !path.exists());
        let (mut settings, trouble) = match start.settings_path.as_deref().map(Settings::load) {
            Some(Ok(settings)) => (settings, None),
            Some(Err(error)) => (Settings::default(), Some(Report::from(&error))),
            None => (Settings::default(), None),
        };
        if is_new {
            // A small machine keeps less free than a large one.
            settings.guard = default_guard();
        }
        let saver = start
            .settings_path
            // Settings that could not be read are still there, and must not be written over.
            .filter(|path| trouble.is_none() || !path.exists())
            .map(|path| Saver::start(path, settings.clone()))
            .transpose()?;
        let wake = ctx.clone();
        let mut engine = Engine::start(&settings.profile, move || {
            // One frame, where request_repaint would draw two.
            wake.request_repaint_after(Duration::from_millis(1));
        })?;
        engine.watch_file()?;
        engine.send(Request::SetGuard(settings.guard));
        let last = settings.last_database.clone();
        let mut state = AppState::new(settings);
        state.clusters.at_start = start.clusters;
        state.build = BuildFacts::read().ok();
        state.machine = MachineReader::default().total();
        let mut outbox = Outbox::default();
        if let Some((path, mode)) = start.database {
            outbox.send(open_as(path, mode));
        } else if !start.recordings.is_empty() {
            // Whoever wants to see a recording does not wait for a database.
        } else if let Some(path) = last {
            outbox.send(open(path));
        }
        for path in start.recordings {
            // A relative path means another file after the next change of folders.
            let path = std::path::absolute(&path).unwrap_or(path);
            outbox.send(Command::OpenRecording(path));
        }
        if start.tour {
            outbox.send(Command::Tour(Some(0)));
        }
        if let Some(report) = trouble {
            outbox.send(Command::Report(report));
        }
        let started_unix = unix_now() as f64 - engine.now_secs();
        Ok(Self {
            state,
            engine,
            panels: Panels::default(),
            outbox,
            saver,
            frame_log: FrameLog::from_env()?,
            logic_time: Duration::ZERO,
            started_unix,
        })
    }

    /// What the panels would send: the same, from outside.
    pub fn send(&mut self, command: Command) {
        self.outbox.send(command);
    }

    fn take_news(&mut self) {
        for sample in self.engine.samples() {
            self.state.sampled(sample);
        }
        for news in self.engine.news() {
            let requests = self.state.apply(news);
            self.pass_on(requests);
        }
    }

    fn pass_on(&mut self, requests: Vec<Request>) {
        for request in requests {
            self.engine.send(request);
        }
    }

    fn remember_window(&mut self, ctx: &egui::Context) {
        self.state.settings.zoom = ctx.zoom_factor();
        let place = ctx.input(|input| {
            let viewport = input.viewport();
            let is_plain = viewport.maximized != Some(true) && viewport.fullscreen != Some(true);
            viewport
                .inner_rect
                .filter(|_| is_plain)
                .map(|inner| (inner, viewport.outer_rect))
        });
        if let Some((inner, outer)) = place {
            // A window is made before it is zoomed: its place is kept in unzoomed points. Some
            // platforms tell the size and never the position.
            let zoom = ctx.zoom_factor();
            self.state.settings.window = Some(WindowPlace {
                position: outer.map(|outer| [outer.left() * zoom, outer.top() * zoom]),
                size: [inner.width() * zoom, inner.height() * zoom],
            });
        }
    }
}

impl eframe::App for App {
    /// Runs before every `ui`, and also while the window is hidden, so samples are not lost.
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        let started = Instant::now();
        self.state.now_unix_secs = unix_now();
        self.take_news();
        if let Some(saver) = &mut self.saver {
            saver.watch(&self.state.settings);
        }
        self.engine.note_window(self.state.jobs.memory());
        ctx.request_repaint_after(HIDDEN_WAKE);
        self.logic_time = started.elapsed();
    }

    fn ui(&mut self, ui: &mut egui::Ui, _frame: &mut eframe::Frame) {
        let started = Instant::now();
        let ctx = ui.ctx().clone();
        for path in dropped(&ctx) {
            self.outbox.send(dropped_command(path));
        }
        self.remember_window(&ctx);
        let started_unix = self.started_unix + self.state.clock_shift_secs;
        self.panels
            .ui(ui, &self.state, started_unix, &mut self.outbox);
        let at_secs = self.engine.now_secs();
        for command in self.outbox.drain() {
            if let Command::SetTheme(theme) = &command {
                ctx.set_theme(preference(*theme));
            }
            let requests = self.state.handle(at_secs, command);
            self.pass_on(requests);
        }
        let redraw = if self.state.is_busy() || self.panels.chart_is_hovered {
            BUSY_REDRAW
        } else {
            IDLE_REDRAW
        };
        ctx.request_repaint_after(redraw);
        if let Some(log) = &mut self.frame_log {
            let running = self.state.tasks.active.len();
            log.frame(self.logic_time + started.elapsed(), running);
        }
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        if let Some(saver) = &mut self.saver {
            saver.flush(&self.state.settings);
        }
    }
}

/// egui's name for a choice of theme.
pub fn preference(theme: ThemeChoice) -> egui::ThemePreference {
    match theme {
        ThemeChoice::System => egui::ThemePreference::System,
        ThemeChoice::Light => egui::ThemePreference::Light,
        ThemeChoice::Dark => egui::ThemePreference::Dark,
    }
}

/// Cluster descriptions are JSON files or folders, recordings are JSON Lines; everything else is a
/// database to look at.
fn dropped_command(path: PathBuf) -> Command {
    if is_recording_name(&path) {
        return Command::OpenRecording(path);
    }
    let is_json = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if is_json || path.is_dir() {
        Command::AddClusters(path)
    } else {
        open(path)
    }
}

/// Files that were dropped on the window.
fn dropped(ctx: &egui::Context) -> Vec<PathBuf> {
    ctx.input(|input| {
        input
            .raw
            .dropped_files
            .iter()
            .map(|file| file.path().to_owned())
            .filter(|path| !path.as_os_str().is_empty())
            .collect()
    })
}
