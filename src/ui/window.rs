//! Opens the window, or says that there is no display to open it on. Never a panic.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::app::{App, Start, preference};
use crate::{
    cli::signals,
    error::{Error, Result},
    state::settings::Settings,
};

/// What became of the window.
pub enum Shown {
    /// It was open, and was closed.
    Closed,
    /// There is no display, or none that answers; the reason in one line.
    NoDisplay(String),
}

/// Runs the window until it is closed.
///
/// # Errors
/// If the application behind the window cannot be started.
pub fn run(start: Start) -> Result<Shown> {
    if !has_display() {
        return Ok(Shown::NoDisplay(
            "neither DISPLAY nor WAYLAND_DISPLAY is set".to_owned(),
        ));
    }
    signals::watch()?;
    let begun = Arc::new(AtomicBool::new(false));
    let failure = Arc::new(parking_lot::Mutex::new(None));
    let (app_begun, app_failure) = (Arc::clone(&begun), Arc::clone(&failure));
    let settings = start
        .settings_path
        .as_deref()
        .and_then(peek)
        .unwrap_or_default();
    let options = options(&settings);
    // A missing display library panics inside winit. Before the app has begun that is no crash of
    // ours but one more way of having no display; its message goes into our own report.
    let hook = std::panic::take_hook();
    let quiet = Arc::clone(&begun);
    std::panic::set_hook(Box::new(move |info| {
        if quiet.load(Ordering::SeqCst) {
            hook(info);
        }
    }));
    let result = catch_unwind(AssertUnwindSafe(|| {
        eframe::run_native(
            "jobscope",
            options,
            Box::new(move |cc| {
                app_begun.store(true, Ordering::SeqCst);
                cc.egui_ctx.set_theme(preference(settings.theme));
                cc.egui_ctx.set_zoom_factor(settings.zoom.clamp(0.8, 2.0));
                let ctx = cc.egui_ctx.clone();
                signals::close_window_with(Some(Box::new(move || {
                    ctx.send_viewport_cmd(egui::ViewportCommand::Close);
                    ctx.request_repaint();
                })));
                match App::new(&cc.egui_ctx, start) {
                    Ok(app) => Ok(Box::new(app) as Box<dyn eframe::App>),
                    Err(error) => {
                        let text = error.chain();
                        *app_failure.lock() = Some(error);
                        Err(text.into())
                    }
                }
            }),
        )
    }));
    signals::close_window_with(None);
    if let Some(error) = failure.lock().take() {
        return Err(error);
    }
    let has_begun = begun.load(Ordering::SeqCst);
    match result {
        Ok(Ok(())) => Ok(Shown::Closed),
        Ok(Err(error)) if has_begun => Err(Error::other("keep the window open", error.to_string())),
        Ok(Err(error)) => {
            // winit puts its own source file and line in front of what matters.
            let text = error.to_string();
            let reason = text.rsplit(": ").next().unwrap_or(&text);
            Ok(Shown::NoDisplay(reason.to_owned()))
        }
        Err(panic) if has_begun => resume_unwind(panic),
        Err(panic) => {
            let text = panic
                .downcast_ref::<String>()
                .map(String::as_str)
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("a display library is missing");
            Ok(Shown::NoDisplay(text.to_owned()))
        }
    }
}

/// The settings, for the window's place; trouble with them is reported by the app itself.
fn peek(path: &std::path::Path) -> Option<Settings> {
    let text = std::fs::read_to_string(path).ok()?;
    toml::from_str(&text).ok()
}

fn options(settings: &Settings) -> eframe::NativeOptions {
    let mut viewport = egui::ViewportBuilder::default()
        .with_title("jobscope")
        .with_app_id("jobscope")
        .with_min_inner_size([900.0, 560.0])
        .with_inner_size([1440.0, 900.0])
        .with_icon(icon());
    if let Some(place) = settings.window {
        let [width, height] = place.size;
        viewport = viewport.with_inner_size([width.max(900.0), height.max(560.0)]);
        if let Some(position) = place.position {
            viewport = viewport.with_position(position);
        }
    }
    eframe::NativeOptions {
        viewport,
        persist_window: false,
        ..Default::default()
    }
}

/// The icon, drawn rather than decoded: four rows of a table beside a rising curve.
fn icon() -> egui::IconData {
    const SIZE: u32 = 64;
    let mut rgba = Vec::with_capacity((SIZE * SIZE * 4) as usize);
    for y in 0..SIZE {
        for x in 0..SIZE {
            let curve = 54 - x * x / 96;
            let pixel: [u8; 4] = if y >= curve && (8..56).contains(&x) && y < 56 {
                [0x2F, 0xBF, 0xA5, 0xFF]
            } else if y + 3 >= curve && y < curve && (8..56).contains(&x) {
                [0x5A, 0xA9, 0xFF, 0xFF]
            } else if (4..60).contains(&x) && (4..60).contains(&y) {
                [0x19, 0x1D, 0x24, 0xFF]
            } else {
                [0, 0, 0, 0]
            };
            rgba.extend_from_slice(&pixel);
        }
    }
    egui::IconData {
        rgba,
        width: SIZE,
        height: SIZE,
    }
}

fn has_display() -> bool {
    if !cfg!(target_os = "linux") {
        return true;
    }
    ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
