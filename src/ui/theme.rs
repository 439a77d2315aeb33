//! Colours, fonts and spacing, in both themes; nothing else names a colour.

use std::{collections::BTreeMap, sync::Arc};

use egui::{
    Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Stroke,
    TextStyle, Theme, Vec2, Visuals,
    style::{ScrollStyle, Selection, WidgetVisuals, Widgets},
};

use crate::{db::profile::MAX_CONNECTIONS, engine::receipt::Outcome, memory::marker::MarkerKind};

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
    /// Resident set size.
    pub rss: Color32,
    /// SQLite heap.
    pub sqlite_heap: Color32,
    /// Page caches, stacked in two alternating tints.
    pub caches: [Color32; 2],
    /// Limits, dashed.
    pub limit: Color32,
    /// Rows that the window holds, with their position index.
    pub rows: Color32,
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
    rss: rgb(0x5A_A9_FF),
    sqlite_heap: rgb(0xF0_B2_3C),
    caches: [rgb(0x2F_BF_A5), rgb(0x7E_D9_C6)],
    limit: rgb(0xFF_7A_70),
    rows: rgb(0xC5_8A_F0),
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
    rss: rgb(0x0A_5F_C4),
    sqlite_heap: rgb(0xB3_6B_00),
    caches: [rgb(0x0B_7A_68), rgb(0x3E_9C_8C)],
    limit: rgb(0xB4_23_18),
    rows: rgb(0x7A_3F_B0),
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

    /// The tint of a connection's page cache.
    pub fn cache(&self, connection: usize) -> Color32 {
        self.caches[connection % self.caches.len()]
    }

    /// The colour of an outcome. Never alone: a word stands beside it.
    pub fn outcome(&self, outcome: Outcome) -> Color32 {
        match outcome {
            Outcome::Finished => self.good,
            Outcome::Cancelled => self.muted,
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
            MarkerKind::Connected | MarkerKind::Closed | MarkerKind::Clock => self.muted,
            MarkerKind::Process => self.warning,
        }
    }
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
        (
            "inter",
            include_bytes!("../../assets/fonts/Inter-Regular.otf"),
        ),
        (
            "inter-semibold",
            include_bytes!("../../assets/fonts/Inter-SemiBold.otf"),
        ),
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
