//! Wheel, thumb, and rows that come and go.

use super::*;
use crate::ui::grid::{Extent, ScrollPosition};

#[test]
fn the_wheel_scrolls_by_points_not_by_rows() {
    let mut harness = shown(Table::new(MANY));
    let before = rect_of(&harness, "row 5").top();
    scroll(&mut harness, vec2(0.0, -7.0));
    let after = rect_of(&harness, "row 5").top();
    assert!((before - after - 7.0).abs() < 0.1, "{before} {after}");
    scroll(&mut harness, vec2(0.0, -93.0));
    assert_eq!(harness.state().grid.top(), 5);
    let next = rect_of(&harness, "row 6").top();
    assert_near(rect_of(&harness, "row 5").top(), next - ROW_HEIGHT);
    scroll(&mut harness, vec2(0.0, 500.0));
    assert_eq!(harness.state().grid.top(), 0);
}

#[test]
fn far_down_the_wheel_still_moves_by_single_points() {
    let mut table = Table::new(MANY);
    table.grid.go_to(MANY - 1000, Align::Top);
    let mut harness = shown(table);
    let label = format!("row {}", MANY - 995);
    let before = rect_of(&harness, &label).top();
    scroll(&mut harness, vec2(0.0, -3.0));
    let moved = before - rect_of(&harness, &label).top();
    assert!((moved - 3.0).abs() < 0.1, "{moved}");
}

#[test]
fn the_thumb_leads_anywhere_and_says_where() {
    let mut harness = shown(Table::new(MANY));
    let from = thumb(&harness);
    let track = rect_of(&harness, "Scroll jobs");
    let middle = pos2(from.x, track.center().y);
    hold(&mut harness, from, middle);
    assert!(harness.state().is_dragging);
    let top = harness.state().grid.top();
    let extent = Extent::new(MANY, f64::from(track.height() / ROW_HEIGHT));
    let expected = ScrollPosition::from_thumb(0.5, extent);
    assert!(top.abs_diff(expected.row) <= 1, "{top} {expected:?}");
    assert!(shows(&harness, top + 3));
    harness.get_by_label(&format!("from job {top}"));
    harness.drop_at(middle);
    harness.run_steps(3);
    assert!(!harness.state().is_dragging);
    assert_eq!(harness.state().grid.top(), top, "letting go moves nothing");
    assert!(harness.query_by_label_contains("from job").is_none());
    drag(&mut harness, middle, pos2(from.x, 900.0));
    assert!(shows(&harness, MANY - 1));
}

#[test]
fn touching_the_thumb_moves_nothing_and_esc_takes_a_drag_back() {
    let mut table = Table::new(MANY);
    table.grid.go_to(12_345_678_901, Align::Top);
    let mut harness = shown(table);
    let at = thumb(&harness) + vec2(0.0, 3.0);
    harness.hover_at(at);
    harness.run_steps(2);
    harness.drag_at(at);
    harness.run_steps(2);
    assert!(harness.state().is_dragging);
    assert_eq!(harness.state().grid.top(), 12_345_678_901);
    harness.hover_at(at + vec2(0.0, 50.0));
    harness.run_steps(2);
    assert!(harness.state().grid.top() > 20_000_000_000);
    press(&mut harness, Key::Escape);
    assert_eq!(harness.state().grid.top(), 12_345_678_901);
    harness.drop_at(at + vec2(0.0, 50.0));
    harness.run_steps(3);
    assert_eq!(harness.state().grid.top(), 12_345_678_901);
}

#[test]
fn the_track_pages_and_a_screen_reader_sets_the_row() {
    let mut harness = shown(Table::new(MANY));
    let at = rect_of(&harness, "Scroll jobs").center();
    harness.hover_at(at);
    harness.run_steps(2);
    harness.drag_at(at);
    harness.run_steps(4);
    harness.drop_at(at);
    harness.run_steps(2);
    assert_eq!(harness.state().grid.top(), 11, "one page");
    let bar = harness.get_by_role_and_label(Role::ScrollBar, "Scroll jobs");
    assert_eq!(bar.accesskit_node().numeric_value(), Some(11.0));
    bar.set_value_accesskit(1e12);
    harness.run_steps(2);
    assert_eq!(harness.state().grid.top(), 1_000_000_000_000);
}

#[test]
fn fewer_rows_leave_the_table_at_their_end() {
    let mut table = Table::new(MANY);
    table.grid.go_to(MANY / 2, Align::Top);
    let mut harness = shown(table);
    harness.state_mut().num_rows = 100;
    harness.run_steps(2);
    assert!(shows(&harness, 99));
    harness.state_mut().num_rows = 0;
    harness.run_steps(2);
    assert_eq!(harness.state().num_cells, 0);
    assert!(harness.query_by_label("Scroll jobs").is_none());
    press(&mut harness, Key::End);
    assert!(harness.state().keys.is_empty());
}

#[test]
fn renumbered_rows_stay_where_they_are() {
    let mut table = Table::new(MANY);
    table.grid.go_to(1_000_000, Align::Top);
    let mut harness = shown(table);
    scroll(&mut harness, vec2(0.0, -7.0));
    let before = rect_of(&harness, "row 1000005").top();
    harness.state_mut().grid.shift(-999_000);
    harness.run_steps(2);
    assert_near(rect_of(&harness, "row 1005").top(), before);
}

#[test]
fn a_table_without_room_does_no_harm() {
    let mut harness = sized(Table::new(MANY), 20.0);
    harness.set_size(vec2(20.0, HEADER_HEIGHT / 2.0));
    harness.run_steps(2);
    press(&mut harness, Key::End);
    harness.set_size(vec2(400.0, 300.0));
    harness.run_steps(2);
    assert!(harness.state().visible.end <= MANY);
    assert!(shows(&harness, harness.state().visible.start));
}
