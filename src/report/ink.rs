//! The colours of pictures and pages, light and dark.

use crate::memory::quantity::Quantity;

/// The page that something is drawn on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// For paper and light pages.
    #[default]
    Light,
    /// For dark pages.
    Dark,
}

/// A colour by its use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Panel,
    Text,
    Muted,
    Hairline,
    Good,
    Warning,
    Limit,
    Rss,
    Heap,
    Caches,
    CachesOther,
    Rows,
    Kept,
}

/// Red, green and blue.
pub(super) type Rgb = [u8; 3];

impl Ink {
    pub(super) const ALL: [Self; 13] = [
        Self::Panel,
        Self::Text,
        Self::Muted,
        Self::Hairline,
        Self::Good,
        Self::Warning,
        Self::Limit,
        Self::Rss,
        Self::Heap,
        Self::Caches,
        Self::CachesOther,
        Self::Rows,
        Self::Kept,
    ];

    /// The name in the style sheet, and the colours on a light and on a dark page.
    fn entry(self) -> (&'static str, u32, u32) {
        match self {
            Self::Panel => ("panel", 0xFF_FFFF, 0x19_1D24),
            Self::Text => ("text", 0x1A_212D, 0xE6_EAF0),
            Self::Muted => ("muted", 0x56_6172, 0x9D_A8B7),
            Self::Hairline => ("hairline", 0xD5_DAE2, 0x31_3945),
            Self::Good => ("good", 0x14_794A, 0x4C_C38A),
            Self::Warning => ("warning", 0x8A_5A00, 0xF0_B23C),
            Self::Limit => ("limit", 0xB4_2318, 0xFF_7A70),
            Self::Rss => ("rss", 0x0A_5FC4, 0x5A_A9FF),
            Self::Heap => ("heap", 0xB3_6B00, 0xF0_B23C),
            Self::Caches => ("caches", 0x0B_7A68, 0x2F_BFA5),
            Self::CachesOther => ("caches-other", 0x3E_9C8C, 0x7E_D9C6),
            Self::Rows => ("rows", 0x7A_3FB0, 0xC5_8AF0),
            Self::Kept => ("kept", 0x6A_7585, 0x8C_96A5),
        }
    }

    pub(super) fn name(self) -> &'static str {
        self.entry().0
    }

    pub(super) fn rgb(self, theme: Theme) -> Rgb {
        let (_, light, dark) = self.entry();
        let [_, red, green, blue] = match theme {
            Theme::Light => light,
            Theme::Dark => dark,
        }
        .to_be_bytes();
        [red, green, blue]
    }

    /// `#0A5FC4`.
    pub(super) fn hex(self, theme: Theme) -> String {
        let [red, green, blue] = self.rgb(theme);
        format!("#{red:02X}{green:02X}{blue:02X}")
    }
}

/// How a curve is drawn: its colour, and dashes that tell curves of one colour apart.
pub(super) fn of_quantity(quantity: Quantity) -> (Ink, Option<[f64; 2]>) {
    match quantity {
        Quantity::Rss => (Ink::Rss, None),
        Quantity::Pss => (Ink::Rss, Some([7.0, 3.0])),
        Quantity::Anonymous => (Ink::Rss, Some([2.0, 3.0])),
        Quantity::SqliteHeap => (Ink::Heap, None),
        Quantity::SqliteHeapPeak => (Ink::Heap, Some([7.0, 3.0])),
        Quantity::SqliteRest => (Ink::Heap, Some([2.0, 3.0])),
        Quantity::PageCaches => (Ink::Caches, None),
        Quantity::RowsHeld => (Ink::Rows, None),
        Quantity::Kept => (Ink::Kept, None),
        Quantity::Available => (Ink::Good, Some([7.0, 3.0])),
        Quantity::GroupLimit => (Ink::Limit, Some([2.0, 3.0])),
        Quantity::Wal => (Ink::Muted, Some([2.0, 3.0])),
        Quantity::OtherRss => (Ink::Text, None),
        Quantity::OtherPeak => (Ink::Text, Some([7.0, 3.0])),
        Quantity::OtherFile => (Ink::Muted, Some([7.0, 3.0])),
        Quantity::OtherWal => (Ink::Muted, Some([1.0, 4.0])),
    }
}

/// CSS that gives pictures inside a page the colours of the page, light or dark.
///
/// The colours in the SVG are attributes, and any rule of a style sheet outranks an attribute.
pub(super) fn css() -> String {
    let variables = |theme| -> String {
        let lines = Ink::ALL.map(|ink| format!("  --{}: {};\n", ink.name(), ink.hex(theme)));
        lines.concat()
    };
    let rules = Ink::ALL.map(|ink| {
        let (name, light) = (ink.name(), ink.hex(Theme::Light));
        format!(
            "svg [fill=\"{light}\"] {{ fill: var(--{name}); }}\n\
             svg [stroke=\"{light}\"] {{ stroke: var(--{name}); }}\n"
        )
    });
    format!(
        ":root {{\n{}}}\n@media screen and (prefers-color-scheme: dark) {{\n:root {{\n{}}}\n}}\n{}",
        variables(Theme::Light),
        variables(Theme::Dark),
        rules.concat()
    )
}
