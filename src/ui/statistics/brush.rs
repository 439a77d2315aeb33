//! Clicking and dragging on a chart to choose a range.

use egui::{Id, Key, Rect, Response, Sense, Ui};

/// What the pointer does on a chart, in points from left to right.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Brush {
    /// Nothing.
    Idle,
    /// It is above this place.
    Over(f32),
    /// It drags between these places, the smaller first.
    Dragging(f32, f32),
    /// It was clicked here.
    Clicked(f32),
    /// It was dragged between these places, the smaller first.
    Chosen(f32, f32),
}

/// Watches the pointer on `rect`. Esc gives a drag up.
pub fn brush(ui: &Ui, rect: Rect, id: Id) -> (Response, Brush) {
    let response = ui.interact(rect, id, Sense::click_and_drag());
    let at = response
        .interact_pointer_pos()
        .or_else(|| response.hover_pos())
        .map(|at| at.x.clamp(rect.left(), rect.right()));
    if response.drag_started()
        && let Some(origin) = ui.input(|input| input.pointer.press_origin())
    {
        ui.data_mut(|data| data.insert_temp(id, origin.x.clamp(rect.left(), rect.right())));
    }
    let origin = ui.data(|data| data.get_temp::<f32>(id));
    let is_given_up = ui.input(|input| input.key_pressed(Key::Escape));
    let brush = match (origin, at) {
        (Some(from), Some(to)) if response.dragged() => Brush::Dragging(from.min(to), from.max(to)),
        (Some(from), Some(to)) if response.drag_stopped() && !is_given_up => {
            Brush::Chosen(from.min(to), from.max(to))
        }
        (_, Some(at)) if response.clicked() => Brush::Clicked(at),
        (_, Some(at)) if response.hovered() => Brush::Over(at),
        _ => Brush::Idle,
    };
    if response.drag_stopped() {
        ui.data_mut(|data| data.remove_temp::<f32>(id));
    }
    (response, brush)
}
