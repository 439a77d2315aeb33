//! Colours, fonts and spacing, in both themes; nothing else names a colour.

use std::{collections::BTreeMap, sync::Arc};

use egui::{
    Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Stroke,
    TextStyle, Theme, Vec2, Visuals,
    style::{ScrollStyle, Selection, WidgetVisuals, Widgets},
};

use crate::{
    db::profile::MAX_CONNECTIONS,
    engine::receipt::Outcome,
    memory::{marker::MarkerKind, quantity::Quantity},
    report::fonts::{INTER, INTER_SEMIBOLD},
};

/// The colours of one theme, by what they are for.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// Behind everything.
    pub window: Color32,
    /// Bars, side panels.
    pub panel: Color32,
    /// Buttons, chips, hovered rows.
    pub raised: Color32,
    /// Hairlines.
    pub hairline: Color32,
    /// Text.
    pub text: Color32,
    /// Text that matters less: units, sources, ages.
    pub muted: Color32,
    /// Selection, focus, the primary button.
    pub accent: Color32,
    /// Text on the accent colour.
    pub on_accent: Color32,
    /// Selected rows.
    pub selected: Color32,
    /// Finished, running.
    pub good: Color32,
    /// Contradictions, time-outs.
    pub warning: Color32,
    /// Failures, Cancel.
    pub bad: Color32,
    /// The curves of the memory chart, by the quantity's index.
    quantities: [Color32; Quantity::ALL.len()],
    /// Page caches, stacked in two alternating tints.
    pub caches: [Color32; 2],
    /// Limits, dashed.
    pub limit: Color32,
    /// Parts of a stack, told apart by people who see fewer colours too; the last is for the rest.
    pub series: [Color32; 8],
}

/// Colours by hexadecimal value, as designers write them.
const fn rgb(hex: u32) -> Color32 {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the file where colours live"
    )]
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

const DARK: Palette = Palette {
    window: rgb(0x12_15_1A),
    panel: rgb(0x19_1D_24),
    raised: rgb(0x22_28_31),
    hairline: rgb(0x31_39_45),
    text: rgb(0xE6_EA_F0),
    muted: rgb(0x9D_A8_B7),
    accent: rgb(0x5A_A9_FF),
    on_accent: rgb(0x0B_16_24),
    selected: rgb(0x1D_31_48),
    good: rgb(0x4C_C3_8A),
    warning: rgb(0xF0_B2_3C),
    bad: rgb(0xFF_7A_70),
    quantities: [
        rgb(0x5A_A9_FF),
        rgb(0xA9_D4_F7),
        rgb(0xEE_DD_6A),
        rgb(0xF0_B2_3C),
        rgb(0xD9_8A_1F),
        rgb(0x2F_BF_A5),
        rgb(0xFF_9E_C4),
        rgb(0xC5_8A_F0),
        rgb(0x8C_96_A5),
        rgb(0x9D_A8_B7),
        rgb(0xFF_7A_70),
        rgb(0x8B_D4_50),
        rgb(0xE6_EA_F0),
        rgb(0xC3_CB_D6),
        rgb(0xB5_E4_8C),
        rgb(0xD9_ED_92),
    ],
    caches: [rgb(0x2F_BF_A5), rgb(0x7E_D9_C6)],
    limit: rgb(0xFF_7A_70),
    series: [
        rgb(0x5A_A9_FF),
        rgb(0xF0_A0_3C),
        rgb(0x2F_BF_A5),
        rgb(0xC5_8A_F0),
        rgb(0xEE_DD_6A),
        rgb(0xF2_70_5E),
        rgb(0xA9_D4_F7),
        rgb(0x7B_86_96),
    ],
};

const LIGHT: Palette = Palette {
    window: rgb(0xF5_F6_F8),
    panel: rgb(0xFF_FF_FF),
    raised: rgb(0xED_EF_F3),
    hairline: rgb(0xD5_DA_E2),
    text: rgb(0x1A_21_2D),
    muted: rgb(0x56_61_72),
    accent: rgb(0x0A_5F_C4),
    on_accent: rgb(0xFF_FF_FF),
    selected: rgb(0xD6_E6_F9),
    good: rgb(0x14_79_4A),
    warning: rgb(0x8A_5A_00),
    bad: rgb(0xB4_23_18),
    quantities: [
        rgb(0x0A_5F_C4),
        rgb(0x3A_7C_A5),
        rgb(0x7D_6A_00),
        rgb(0xB3_6B_00),
        rgb(0x8F_56_00),
        rgb(0x0B_7A_68),
        rgb(0xA8_32_6E),
        rgb(0x7A_3F_B0),
        rgb(0x6A_75_85),
        rgb(0x56_61_72),
        rgb(0xB4_23_18),
        rgb(0x3F_7D_12),
        rgb(0x1A_21_2D),
        rgb(0x3A_44_54),
        rgb(0x5E_8C_1A),
        rgb(0x6B_7F_00),
    ],
    caches: [rgb(0x0B_7A_68), rgb(0x3E_9C_8C)],
    limit: rgb(0xB4_23_18),
    series: [
        rgb(0x0A_5F_C4),
        rgb(0xD0_74_00),
        rgb(0x0B_7A_68),
        rgb(0x8A_4F_C0),
        rgb(0x9C_86_00),
        rgb(0xB4_23_18),
        rgb(0x3F_93_CC),
        rgb(0x7A_84_93),
    ],
};

impl Palette {
    /// The colours of the theme that `ui` is drawn in.
    pub fn of(ui: &egui::Ui) -> &'static Self {
        if ui.visuals().dark_mode {
            &DARK
        } else {
            &LIGHT
        }
    }

    /// The colour of a part of a stack. Never alone: its name stands in the legend.
    pub fn part(&self, index: usize) -> Color32 {
        self.series[index.min(self.series.len() - 1)]
    }

    /// The colour of a curve. Never alone: its [pattern](dashes) and the legend say the same.
    pub fn quantity(&self, quantity: Quantity) -> Color32 {
        self.quantities[quantity.index()]
    }

    /// The tint of a connection's page cache.
    pub fn cache(&self, connection: usize) -> Color32 {
        self.caches[connection % self.caches.len()]
    }

    /// The colour of an outcome. Never alone: a word stands beside it.
    pub fn outcome(&self, outcome: Outcome) -> Color32 {
        match outcome {
            Outcome::Finished => self.good,
            Outcome::Cancelled | Outcome::Other => self.muted,
            Outcome::TimedOut | Outcome::OverBudget => self.warning,
            Outcome::Failed => self.bad,
        }
    }

    /// The colour of a mark on the chart.
    pub fn marker(&self, kind: MarkerKind) -> Color32 {
        match kind {
            MarkerKind::Setting | MarkerKind::Opened | MarkerKind::FirstRow => self.accent,
            MarkerKind::Stop | MarkerKind::Stopped | MarkerKind::Guard => self.bad,
            MarkerKind::Shrink | MarkerKind::Trim | MarkerKind::GivenBack => self.good,
            MarkerKind::Connected | MarkerKind::Closed | MarkerKind::Clock | MarkerKind::Other => {
                self.muted
            }
            MarkerKind::Process => self.warning,
        }
    }
}

/// How a curve is drawn, for people who see fewer colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dashes {
    /// How thick the line is.
    pub width: f32,
    /// Length of a dash and of the gap behind it, in points along the time axis. `None`: solid.
    pub pattern: Option<(f32, f32)>,
}

/// The pattern of a curve: what is measured ten times a second and matters most is solid.
pub fn dashes(quantity: Quantity) -> Dashes {
    const SOLID: Option<(f32, f32)> = None;
    const DASHED: Option<(f32, f32)> = Some((7.0, 4.0));
    const DOTTED: Option<(f32, f32)> = Some((2.0, 3.0));
    const FINE: Option<(f32, f32)> = Some((4.0, 2.0));
    const LONG: Option<(f32, f32)> = Some((14.0, 5.0));
    let (width, pattern) = match quantity {
        Quantity::Rss => (2.0, SOLID),
        Quantity::SqliteHeap | Quantity::RowsHeld => (1.5, SOLID),
        Quantity::PageCaches => (1.0, SOLID),
        Quantity::SqliteRest => (1.5, FINE),
        Quantity::OtherRss => (2.5, SOLID),
        Quantity::Pss | Quantity::SqliteHeapPeak => (1.5, DASHED),
        Quantity::OtherPeak => (2.0, DASHED),
        Quantity::Anonymous | Quantity::Available => (1.5, DOTTED),
        Quantity::OtherFile => (2.0, DOTTED),
        Quantity::Kept | Quantity::Wal => (1.5, LONG),
        Quantity::GroupLimit | Quantity::OtherWal => (2.0, LONG),
    };
    Dashes { width, pattern }
}

/// The same colour, more transparent.
pub fn faded(color: Color32, opacity: f32) -> Color32 {
    color.gamma_multiply(opacity)
}

/// The semibold face, for titles.
pub fn semibold() -> FontFamily {
    FontFamily::Name("semibold".into())
}

/// The face of icons.
pub fn icons() -> FontFamily {
    FontFamily::Name("icons".into())
}

/// The one large figure of a view.
pub fn figure() -> FontId {
    FontId::new(22.0, FontFamily::Monospace)
}

const _: () = assert!(
    MAX_CONNECTIONS <= 16,
    "the tints alternate; more would blur"
);

/// Installs fonts, both themes and spacing. Once, at the start.
pub fn install(ctx: &egui::Context) {
    ctx.set_fonts(fonts());
    for (theme, palette) in [(Theme::Dark, &DARK), (Theme::Light, &LIGHT)] {
        ctx.set_visuals_of(theme, visuals(theme, palette));
    }
    ctx.all_styles_mut(|style| {
        let spacing = &mut style.spacing;
        spacing.item_spacing = Vec2::new(8.0, 6.0);
        spacing.button_padding = Vec2::new(10.0, 4.0);
        spacing.interact_size.y = 26.0;
        spacing.menu_margin = Margin::same(8);
        spacing.window_margin = Margin::same(12);
        spacing.slider_rail_height = 4.0;
        spacing.combo_height = 320.0;
        // Scroll bars carry position: they are always visible.
        spacing.scroll = ScrollStyle {
            bar_width: 8.0,
            ..ScrollStyle::solid()
        };
        style.text_styles = text_styles();
        style.animation_time = 0.12;
        style.interaction.selectable_labels = false;
        style.url_in_tooltip = true;
    });
}

fn text_styles() -> BTreeMap<TextStyle, FontId> {
    [
        (TextStyle::Body, FontId::new(13.0, FontFamily::Proportional)),
        (
            TextStyle::Button,
            FontId::new(13.0, FontFamily::Proportional),
        ),
        (
            TextStyle::Small,
            FontId::new(11.5, FontFamily::Proportional),
        ),
        (
            TextStyle::Monospace,
            FontId::new(12.5, FontFamily::Monospace),
        ),
        (TextStyle::Heading, FontId::new(16.0, semibold())),
    ]
    .into()
}

/// Inter for text; `JetBrains` Mono for figures, because its digits are tabular and egui cannot
/// switch Inter's; Lucide for icons, in a family of its own: Inter has other glyphs at the icons'
/// code points, and Lucide has empty ones for letters.
fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    let files: [(&str, &'static [u8]); 4] = [
        ("inter", INTER),
        ("inter-semibold", INTER_SEMIBOLD),
        (
            "mono",
            include_bytes!("../../assets/fonts/JetBrainsMono-Regular.ttf"),
        ),
        ("lucide", lucide_icons::LUCIDE_FONT_BYTES),
    ];
    for (name, bytes) in files {
        fonts
            .font_data
            .insert(name.to_owned(), Arc::new(FontData::from_static(bytes)));
    }
    for (family, faces) in [
        (FontFamily::Proportional, ["inter", "mono"]),
        (FontFamily::Monospace, ["mono", "inter"]),
        (semibold(), ["inter-semibold", "mono"]),
    ] {
        let faces = faces.iter().map(|face| (*face).to_owned()).collect();
        fonts.families.insert(family, faces);
    }
    fonts.families.insert(icons(), vec!["lucide".to_owned()]);
    fonts
}

fn visuals(theme: Theme, palette: &Palette) -> Visuals {
    let base = match theme {
        Theme::Dark => Visuals::dark(),
        Theme::Light => Visuals::light(),
    };
    let radius = CornerRadius::same(6);
    let widget = |fill: Color32, stroke: Color32, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, stroke),
        corner_radius: radius,
        fg_stroke: Stroke::new(1.0, text),
        expansion: 0.0,
    };
    Visuals {
        widgets: Widgets {
            noninteractive: widget(palette.panel, palette.hairline, palette.text),
            inactive: widget(palette.raised, palette.hairline, palette.text),
            hovered: widget(palette.raised, palette.muted, palette.text),
            active: widget(palette.selected, palette.accent, palette.text),
            open: widget(palette.raised, palette.accent, palette.text),
        },
        selection: Selection {
            bg_fill: palette.selected,
            stroke: Stroke::new(1.0, palette.accent),
        },
        override_text_color: None,
        weak_text_color: Some(palette.muted),
        hyperlink_color: palette.accent,
        faint_bg_color: palette.raised,
        extreme_bg_color: palette.window,
        code_bg_color: palette.raised,
        warn_fg_color: palette.warning,
        error_fg_color: palette.bad,
        window_corner_radius: radius,
        menu_corner_radius: radius,
        window_fill: palette.panel,
        window_stroke: Stroke::new(1.0, palette.hairline),
        panel_fill: palette.panel,
        slider_trailing_fill: true,
        striped: false,
        ..base
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linear red, green and blue.
    fn linear(color: Color32) -> [f64; 3] {
        [color.r(), color.g(), color.b()].map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        })
    }

    fn contrast(one: Color32, other: Color32) -> f64 {
        let luminance = |color| {
            let [r, g, b] = linear(color);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (one, other): (f64, f64) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// What somebody without green receptors sees (Viénot, Brettel and Mollon, 1999).
    fn as_deuteranope(color: Color32) -> [f64; 3] {
        let [r, g, b] = linear(color);
        let red_green = 0.292_75 * r + 0.707_25 * g;
        [red_green, red_green, -0.022_34 * r + 0.022_34 * g + b].map(|part| part.max(0.0).cbrt())
    }

    #[test]
    fn every_curve_stands_out_from_its_panel() {
        for (theme, palette) in [("dark", &DARK), ("light", &LIGHT)] {
            let of_quantities =
                Quantity::ALL.map(|quantity| (quantity.label(), palette.quantity(quantity)));
            let others = [
                ("limit", palette.limit),
                ("cache", palette.caches[0]),
                ("cache", palette.caches[1]),
            ];
            for (name, color) in of_quantities.into_iter().chain(others) {
                let contrast = contrast(color, palette.panel);
                assert!(contrast >= 3.0, "{name}, {theme}: {contrast:.2}");
            }
        }
    }

    #[test]
    fn curves_of_the_same_pattern_differ_without_green_too() {
        for (theme, palette) in [("dark", &DARK), ("light", &LIGHT)] {
            for one in Quantity::ALL {
                for other in Quantity::ALL {
                    if one >= other || dashes(one).pattern != dashes(other).pattern {
                        continue;
                    }
                    let [a, b] = [one, other].map(|which| as_deuteranope(palette.quantity(which)));
                    let distance = (0..3).map(|part| (a[part] - b[part]).powi(2)).sum::<f64>();
                    let distance = distance.sqrt();
                    let is_thicker = (dashes(one).width - dashes(other).width).abs() >= 0.5;
                    let least = if is_thicker { 0.05 } else { 0.1 };
                    assert!(
                        distance >= least,
                        "{one:?} and {other:?}, {theme}: {distance:.3}"
                    );
                }
            }
        }
    }
}
