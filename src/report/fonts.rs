//! The program's own fonts: pictures are drawn on servers that have none. The window has them from
//! here, so that each is in the program once.

use std::sync::LazyLock;

use ab_glyph::{Font as _, FontRef, PxScale, ScaleFont as _};

/// Inter, as a file.
pub static INTER: &[u8] = include_bytes!("../../assets/fonts/Inter-Regular.otf");

/// Inter for headings, as a file.
pub static INTER_SEMIBOLD: &[u8] = include_bytes!("../../assets/fonts/Inter-SemiBold.otf");

static REGULAR: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(INTER).ok());
static SEMIBOLD: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(INTER_SEMIBOLD).ok());

/// The font for words. `None` only if the file inside the program were damaged.
pub(super) fn inter(is_bold: bool) -> Option<&'static FontRef<'static>> {
    if is_bold { &*SEMIBOLD } else { &*REGULAR }.as_ref()
}

/// The font's own measure for letters of this size in pixels.
pub(super) fn scale(font: &FontRef<'_>, size: f64) -> PxScale {
    let units = font.units_per_em().unwrap_or(1000.0);
    PxScale::from(size as f32 * font.height_unscaled() / units)
}

/// How wide a text is, in pixels. The font of a page that shows the picture may differ a little.
pub(super) fn width(text: &str, size: f64, is_bold: bool) -> f64 {
    let Some(font) = inter(is_bold) else {
        return text.chars().count() as f64 * size * 0.6;
    };
    let font = font.as_scaled(scale(font, size));
    let mut previous = None;
    let mut width = 0.0;
    for character in text.chars() {
        let glyph = font.glyph_id(character);
        width += previous.map_or(0.0, |previous| font.kern(previous, glyph));
        width += font.h_advance(glyph);
        previous = Some(glyph);
    }
    f64::from(width)
}

/// The text, cut so that it fits, with an ellipsis. `None`: not even one letter fits.
pub(super) fn fitted(text: &str, size: f64, room: f64) -> Option<String> {
    if width(text, size, false) <= room {
        return Some(text.to_owned());
    }
    let room = room - width("…", size, false);
    let mut end = 0;
    for (index, character) in text.char_indices() {
        let next = index + character.len_utf8();
        if width(&text[..next], size, false) > room {
            break;
        }
        end = next;
    }
    (end > 0).then(|| format!("{}…", text[..end].trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fonts_are_readable_and_wide() {
        assert!(inter(false).is_some() && inter(true).is_some());
        let word = width("Memory over time", 12.0, false);
        assert!((80.0..120.0).contains(&word), "{word}");
        assert!(width("Memory over time", 12.0, true) > word);
        assert_eq!(fitted("Memory", 12.0, 500.0).as_deref(), Some("Memory"));
        let cut = fitted("Memory over time", 12.0, 60.0).expect("some of it");
        assert!(
            cut.ends_with('…') && width(&cut, 12.0, false) <= 60.0,
            "{cut}"
        );
        assert_eq!(fitted("Memory", 12.0, 3.0), None);
    }
}
