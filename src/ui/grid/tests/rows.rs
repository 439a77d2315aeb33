//! Rows under the pointer and the keyboard.

use super::*;

#[test]
fn the_first_rows_are_shown_and_no_others() {
    let harness = shown(Table::new(MANY));
    assert!(shows(&harness, 0) && shows(&harness, 12));
    assert!(!shows(&harness, 20));
    let table = harness.state();
    assert_eq!(table.visible.start, 0);
    assert_eq!(table.num_cells as u64, table.visible.end * 3);
    let grid = harness.get_by_role_and_label(Role::Grid, "Jobs");
    assert_eq!(grid.value().as_deref(), Some("1099511627776 jobs"));
}

#[test]
fn end_and_home_lead_to_the_last_and_the_first_row() {
    let mut harness = shown(Table::new(MANY));
    press(&mut harness, Key::End);
    assert!(shows(&harness, MANY - 1) && !shows(&harness, MANY));
    let last = rect_of(&harness, &format!("row {}", MANY - 1));
    assert!(last.bottom() <= 300.0, "seen whole: {last:?}");
    press_with(&mut harness, Modifiers::SHIFT, Key::Home);
    assert!(shows(&harness, 0));
    let moves = |to, extend| KeyAction::Move { to, extend };
    assert_eq!(
        harness.state().keys,
        [moves(MANY - 1, false), moves(0, true)]
    );
}

#[test]
fn arrows_and_pages_move_the_current_row_and_keep_it_seen() {
    let mut table = Table::new(MANY);
    table.current = Some(MANY / 2);
    table.grid.go_to(MANY / 2, Align::Center);
    let mut harness = shown(table);
    for (key, expected) in [
        (Key::ArrowDown, MANY / 2 + 1),
        (Key::PageDown, MANY / 2 + 12),
        (Key::PageDown, MANY / 2 + 23),
        (Key::PageUp, MANY / 2 + 12),
        (Key::ArrowUp, MANY / 2 + 11),
    ] {
        press(&mut harness, key);
        assert_eq!(harness.state().current, Some(expected), "{key:?}");
        assert!(shows(&harness, expected), "{key:?}");
        let bound = harness.state().visible.clone().count() * 3;
        assert!(bound <= 45 && harness.state().num_cells <= bound);
    }
}

#[test]
fn keys_pressed_in_one_frame_add_up() {
    let mut table = Table::new(MANY);
    table.current = Some(5);
    let mut harness = shown(table);
    for _ in 0..3 {
        harness.input_mut().events.push(Event::Key {
            key: Key::ArrowDown,
            physical_key: None,
            pressed: true,
            repeat: true,
            modifiers: Modifiers::NONE,
        });
    }
    harness.step();
    assert_eq!(harness.state().current, Some(8));
}

#[test]
fn marking_copying_and_opening_are_told() {
    let mut harness = shown(Table::new(100));
    press_with(&mut harness, Modifiers::COMMAND, Key::A);
    harness.event(Event::Copy);
    harness.run_steps(2);
    press(&mut harness, Key::Enter);
    assert_eq!(
        harness.state().keys,
        [KeyAction::MarkAll, KeyAction::Copy, KeyAction::Open]
    );
}

#[test]
fn the_focus_comes_by_tab_and_stays_through_arrows() {
    let mut harness = shown(Table::new(MANY));
    press(&mut harness, Key::Tab);
    let is_focused = |harness: &Harness<'_, Table>| {
        harness
            .get_by_role_and_label(Role::Grid, "Jobs")
            .is_focused()
    };
    assert!(is_focused(&harness));
    for key in [
        Key::ArrowDown,
        Key::ArrowRight,
        Key::ArrowDown,
        Key::ArrowUp,
    ] {
        press(&mut harness, key);
        assert!(is_focused(&harness), "{key:?}");
    }
    assert_eq!(harness.state().current, Some(0));
    press(&mut harness, Key::Tab);
    assert!(!is_focused(&harness), "Tab leads on, to the headings");
    let before = harness.state().keys.len();
    press(&mut harness, Key::ArrowDown);
    assert_eq!(harness.state().keys.len(), before, "not ours now");
}

#[test]
fn a_click_tells_the_row_with_what_was_held_and_takes_the_focus() {
    let mut harness = shown(Table::new(MANY));
    harness.get_by_label("row 2").click();
    harness.run_steps(30);
    harness
        .get_by_label("row 7")
        .click_modifiers(Modifiers::SHIFT);
    harness.run_steps(2);
    let clicked = &harness.state().clicked;
    assert_eq!(clicked.len(), 2);
    assert_eq!(clicked[0], (2, Modifiers::NONE));
    assert!(clicked[1].0 == 7 && clicked[1].1.shift);
    assert_eq!(harness.state().hovered, Some(7));
    let grid = harness.get_by_role_and_label(Role::Grid, "Jobs");
    assert!(grid.is_focused());
    let keys = [KeyAction::Move {
        to: 0,
        extend: false,
    }];
    press(&mut harness, Key::ArrowDown);
    assert_eq!(harness.state().keys, keys);
}

#[test]
fn the_other_button_opens_a_menu_that_has_the_keys() {
    let mut harness = shown(Table::new(MANY));
    harness.get_by_label("row 4").click_secondary();
    harness.run_steps(3);
    assert_eq!(harness.state().secondary_clicked, [4]);
    assert!(harness.state().clicked.is_empty());
    press(&mut harness, Key::ArrowDown);
    assert!(harness.state().keys.is_empty());
    harness.get_by_label("Copy this row").click();
    harness.run_steps(3);
    assert!(harness.query_by_label("Copy this row").is_none());
    assert!(
        harness.state().clicked.is_empty(),
        "the click was the menu's"
    );
    press(&mut harness, Key::ArrowDown);
    assert_eq!(harness.state().keys.len(), 1, "the keys are ours again");
}

#[test]
fn keys_that_follow_a_click_at_once_are_ours() {
    let mut table = Table::new(MANY);
    table.current = Some(4);
    let mut harness = shown(table);
    harness.get_by_label("row 4").click();
    harness.key_press(Key::ArrowDown);
    harness.key_press(Key::ArrowDown);
    harness.run_steps(2);
    assert_eq!(harness.state().current, Some(6));
    let grid = harness.get_by_role_and_label(Role::Grid, "Jobs");
    assert!(grid.is_focused());
}

#[test]
fn two_clicks_open_a_row() {
    let mut harness = shown(Table::new(MANY));
    harness.get_by_label("row 2").click();
    harness.get_by_label("row 2").click();
    harness.run_steps(2);
    assert_eq!(harness.state().double_clicked, [2]);
}

#[test]
fn a_link_in_a_cell_is_clicked_and_its_row_is_not() {
    let mut harness = shown(Table::new(MANY));
    harness.get_by_label("link 5").click();
    harness.run_steps(3);
    assert_eq!(harness.state().links, [5]);
    assert!(harness.state().clicked.is_empty());
}

#[test]
fn rows_are_marked_for_screen_readers_too() {
    let mut table = Table::new(100);
    table.current = Some(1);
    let harness = shown(table);
    let marked: Vec<_> = harness
        .get_all_by_role(Role::Row)
        .filter(|node| node.accesskit_node().is_selected() == Some(true))
        .map(|node| node.accesskit_node().data().row_index())
        .collect();
    assert_eq!(marked, [Some(1), Some(3)]);
}

#[test]
fn where_rows_cannot_be_chosen_keys_scroll() {
    let mut table = Table::new(1000);
    table.selectable = false;
    let mut harness = shown(table);
    press(&mut harness, Key::ArrowDown);
    assert_eq!(harness.state().grid.top(), 1);
    press(&mut harness, Key::End);
    assert!(shows(&harness, 999));
    press(&mut harness, Key::Home);
    assert!(shows(&harness, 0));
    harness.get_by_label("row 2").click();
    harness.run_steps(3);
    assert!(harness.state().clicked.is_empty() && harness.state().keys.is_empty());
    harness.get_by_label("link 2").click();
    harness.run_steps(3);
    assert_eq!(harness.state().links, [2]);
}
