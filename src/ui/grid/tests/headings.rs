//! Headings, and columns that are wider than the room.

use super::*;

#[test]
fn headings_are_buttons() {
    let mut harness = shown(Table::new(100));
    harness
        .get_by_role_and_label(Role::Button, "Sort by third")
        .click();
    harness.run_steps(3);
    assert_eq!(harness.state().header_clicked, [2]);
}

#[test]
fn an_edge_is_pulled_but_not_below_the_smallest_width() {
    let mut harness = shown(Table::new(100));
    let edge = rect_of(&harness, "Sort by link").right_center();
    hold(&mut harness, edge, edge + vec2(30.0, 0.0));
    assert_eq!(
        harness.output().platform_output.cursor_icon,
        CursorIcon::ResizeColumn
    );
    harness.drop_at(edge + vec2(30.0, 0.0));
    harness.run_steps(3);
    assert_near(harness.state().columns[1].1, 110.0);
    let edge = rect_of(&harness, "Sort by link").right_center();
    drag(&mut harness, edge, edge - vec2(300.0, 0.0));
    assert_near(harness.state().columns[1].1, MIN_WIDTH);
    assert!(harness.state().header_clicked.is_empty());
    assert!(harness.state().moved.is_empty());
}

#[test]
fn a_heading_is_dragged_behind_another() {
    let mut harness = shown(Table::new(100));
    let from = rect_of(&harness, "Sort by link").center();
    let to = rect_of(&harness, "Sort by third").right_center();
    drag(&mut harness, from, to - vec2(8.0, 0.0));
    assert_eq!(harness.state().moved, [(1, 2)]);
    assert!(harness.state().header_clicked.is_empty());
    hold(&mut harness, from, to);
    press(&mut harness, Key::Escape);
    harness.drop_at(to);
    harness.run_steps(3);
    assert_eq!(harness.state().moved.len(), 1, "Esc gives it up");
}

#[test]
fn a_heading_without_a_name_is_only_a_text() {
    let mut table = Table::new(100);
    table.columns.insert(1, ("fixed", 80.0));
    let mut harness = shown(table);
    let rect = harness
        .get_by_role_and_label(Role::ColumnHeader, "fixed")
        .rect();
    let to = rect_of(&harness, "Sort by third").center();
    drag(&mut harness, rect.center(), to);
    drag(&mut harness, rect.right_center(), to);
    assert!(harness.state().moved.is_empty() && harness.state().header_clicked.is_empty());
    assert_near(harness.state().columns[1].1, 80.0);
}

#[test]
fn a_narrow_table_scrolls_sideways_behind_its_pinned_column() {
    let mut harness = sized(Table::new(100), 240.0);
    let left = rect_of(&harness, "Sort by number").left();
    assert!(harness.query_by_label("link 3").is_some());
    harness.get_by_role_and_label(Role::ScrollBar, "Scroll jobs sideways");
    scroll(&mut harness, vec2(-200.0, 0.0));
    assert_near(rect_of(&harness, "Sort by number").left(), left);
    assert!(rect_of(&harness, "Sort by third").right() <= 240.0);
    assert!(
        harness.query_by_label("Sort by link").is_some(),
        "a part is seen"
    );
    assert!(shows(&harness, 3), "pinned");
    let row = rect_of(&harness, "row 3").center();
    harness.drag_at(row);
    harness.drop_at(row);
    harness.run_steps(2);
    assert_eq!(harness.state().clicked.len(), 1);
    press(&mut harness, Key::ArrowLeft);
    press(&mut harness, Key::ArrowLeft);
    press(&mut harness, Key::ArrowLeft);
    // Back at the beginning.
    assert_near(rect_of(&harness, "Sort by link").left(), left + 120.0);
}

#[test]
fn a_wide_table_has_no_bar_below() {
    let harness = shown(Table::new(100));
    assert!(harness.query_by_label("Scroll jobs sideways").is_none());
}
