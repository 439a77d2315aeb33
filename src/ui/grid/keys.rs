//! What the keyboard asks of a table.

use egui::{Event, Key, Modifiers, Popup, Response, Ui, text_selection::LabelSelectionState};

/// One press of a key that means something here.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Press {
    /// To another row.
    Move(Step, /* extend */ bool),
    /// Sideways, by this many points.
    Sideways(f32),
    MarkAll,
    Copy,
    Open,
}

/// Which row a key leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

/// One press of an arrow sideways.
const SIDEWAYS: f32 = 48.0;

/// Takes the table's keys out of the input, in the order they were pressed.
///
/// They belong to the table while it has the focus, and also while nothing has: after a click on
/// empty space one expects the arrows to go on through the list.
pub(super) fn take(ui: &Ui, grid: &Response, is_selectable: bool) -> Vec<Press> {
    let focused = ui.memory(|memory| memory.focused());
    let is_ours = focused.is_none_or(|id| id == grid.id);
    let is_covered = Popup::is_any_open(ui.ctx())
        || !ui.memory(|memory| memory.allows_interaction(ui.layer_id()));
    if !is_ours || is_covered || !ui.is_enabled() {
        return Vec::new();
    }
    let has_focus = grid.has_focus();
    // A text that was selected with the mouse is what is meant to be copied then.
    let is_copying_text = !has_focus
        && ui
            .ctx()
            .with_plugin(|selection: &mut LabelSelectionState| selection.has_selection())
            .unwrap_or(false);
    let mut presses = Vec::new();
    ui.input_mut(|input| {
        input.events.retain(|event| {
            let press = meaning(event).filter(|press| match press {
                Press::Move(..) => true,
                Press::Sideways(_) => has_focus,
                Press::MarkAll | Press::Open => is_selectable,
                Press::Copy => is_selectable && !is_copying_text,
            });
            presses.extend(press);
            press.is_none()
        });
    });
    if has_focus && !presses.is_empty() {
        // In the first frame after the focus came, egui still takes arrows for its own.
        ui.memory_mut(|memory| memory.move_focus(egui::FocusDirection::None));
    }
    presses
}

/// The keys that lead to another row.
const STEPS: [(Key, Step); 6] = [
    (Key::ArrowUp, Step::Up),
    (Key::ArrowDown, Step::Down),
    (Key::PageUp, Step::PageUp),
    (Key::PageDown, Step::PageDown),
    (Key::Home, Step::First),
    (Key::End, Step::Last),
];

fn meaning(event: &Event) -> Option<Press> {
    if *event == Event::Copy {
        return Some(Press::Copy);
    }
    let Event::Key {
        key,
        pressed: true,
        modifiers,
        ..
    } = event
    else {
        return None;
    };
    if *key == Key::A && modifiers.matches_exact(Modifiers::COMMAND) {
        return Some(Press::MarkAll);
    }
    if modifiers.alt || modifiers.command || modifiers.ctrl {
        return None;
    }
    if let Some((_, step)) = STEPS.iter().find(|(known, _)| known == key) {
        return Some(Press::Move(*step, modifiers.shift));
    }
    if modifiers.shift {
        return None;
    }
    [
        (Key::ArrowLeft, Press::Sideways(-SIDEWAYS)),
        (Key::ArrowRight, Press::Sideways(SIDEWAYS)),
        (Key::Enter, Press::Open),
    ]
    .into_iter()
    .find_map(|(known, press)| (known == *key).then_some(press))
}
