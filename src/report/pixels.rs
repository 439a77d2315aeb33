//! Pictures as pixels, with the program's own fonts and smooth edges.

use ab_glyph::{Font as _, Glyph, ScaleFont as _, point};
use ab_glyph_rasterizer::Rasterizer;
use image::{ExtendedColorType, ImageEncoder as _, codecs::png::PngEncoder};

use super::{
    canvas::{Anchor, Canvas, Letters, Point, Stroke},
    fonts,
    ink::{Ink, Theme},
};
use crate::error::{Error, Result};

pub(super) struct Pixels {
    theme: Theme,
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Pixels {
    pub(super) fn new(theme: Theme, (width, height): (u32, u32)) -> Self {
        Self {
            theme,
            width,
            height,
            rgb: Ink::Panel
                .rgb(theme)
                .repeat(width as usize * height as usize),
        }
    }

    /// The picture as a PNG file.
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        let mut png = Vec::new();
        PngEncoder::new(&mut png)
            .write_image(&self.rgb, self.width, self.height, ExtendedColorType::Rgb8)
            .map_err(|source| Error::other("encode the picture as PNG", source))?;
        Ok(png)
    }

    fn blend(&mut self, x: i64, y: i64, ink: Ink, share: f64) {
        let is_inside = (0..i64::from(self.width)).contains(&x);
        if !is_inside || !(0..i64::from(self.height)).contains(&y) || share <= 0.0 {
            return;
        }
        let start = (y as usize * self.width as usize + x as usize) * 3;
        let share = share.min(1.0);
        for (channel, wanted) in self.rgb.iter_mut().skip(start).zip(ink.rgb(self.theme)) {
            let mixed = f64::from(*channel) * (1.0 - share) + f64::from(wanted) * share;
            *channel = mixed.round() as u8;
        }
    }

    /// The whole pixels of a range, cut at the edges of the picture.
    fn columns(&self, from: f64, to: f64) -> std::ops::Range<i64> {
        clipped(from, to, self.width)
    }

    fn rows(&self, from: f64, to: f64) -> std::ops::Range<i64> {
        clipped(from, to, self.height)
    }

    /// All of a line at once: where two of its parts meet, it is not drawn twice.
    fn stroke(&mut self, parts: &[(Point, Point)], stroke: Stroke) {
        let reach = stroke.width / 2.0 + 1.0;
        let ends = || parts.iter().flat_map(|(from, to)| [*from, *to]);
        let least = |of: fn(Point) -> f64| ends().map(of).fold(f64::INFINITY, f64::min) - reach;
        let most = |of: fn(Point) -> f64| ends().map(of).fold(f64::NEG_INFINITY, f64::max) + reach;
        let columns = self.columns(least(|end| end.0), most(|end| end.0));
        let rows = self.rows(least(|end| end.1), most(|end| end.1));
        let width = (columns.end - columns.start).max(0) as usize;
        let height = (rows.end - rows.start).max(0) as usize;
        let mut shares = vec![0.0_f32; width * height];
        for (from, to) in parts {
            let (dx, dy) = (to.0 - from.0, to.1 - from.1);
            let length = dx.hypot(dy);
            for y in self.rows(from.1.min(to.1) - reach, from.1.max(to.1) + reach) {
                for x in self.columns(from.0.min(to.0) - reach, from.0.max(to.0) + reach) {
                    // Whole numbers are the middles of pixels, so that hairlines are sharp.
                    let (px, py) = (x as f64 - from.0, y as f64 - from.1);
                    let along = if length > 0.0 {
                        ((px * dx + py * dy) / (length * length)).clamp(0.0, 1.0)
                    } else {
                        0.0
                    };
                    let distance = (px - along * dx).hypot(py - along * dy);
                    let share = (stroke.width / 2.0 + 0.5 - distance).clamp(0.0, 1.0);
                    let index = (y - rows.start) as usize * width + (x - columns.start) as usize;
                    if let Some(most) = shares.get_mut(index) {
                        *most = most.max(share as f32);
                    }
                }
            }
        }
        for (y, shares) in rows.zip(shares.chunks(width.max(1))) {
            for (x, share) in columns.clone().zip(shares) {
                self.blend(x, y, stroke.ink, f64::from(*share) * stroke.opacity);
            }
        }
    }
}

fn clipped(from: f64, to: f64, end: u32) -> std::ops::Range<i64> {
    (from.floor().max(0.0) as i64)..(to.ceil().min(f64::from(end)) as i64 + 1)
}

/// The parts of a line that are drawn.
fn dashes(points: &[Point], [on, off]: [f64; 2]) -> Vec<(Point, Point)> {
    let mut drawn = Vec::new();
    let (mut left, mut is_on) = (on, true);
    for pair in points.windows(2) {
        let &[mut from, to] = pair else { continue };
        loop {
            let length = (to.0 - from.0).hypot(to.1 - from.1);
            let step = left.min(length);
            let share = if length > 0.0 { step / length } else { 1.0 };
            let next = (
                from.0 + (to.0 - from.0) * share,
                from.1 + (to.1 - from.1) * share,
            );
            if is_on {
                drawn.push((from, next));
            }
            left -= step;
            if left > 0.0 {
                break;
            }
            is_on = !is_on;
            left = if is_on { on } else { off };
            from = next;
        }
    }
    drawn
}

impl Canvas for Pixels {
    fn rect(&mut self, from: Point, to: Point, ink: Ink, opacity: f64) {
        for y in from.1.round() as i64..to.1.round() as i64 {
            for x in from.0.round() as i64..to.0.round() as i64 {
                self.blend(x, y, ink, opacity);
            }
        }
    }

    fn line(&mut self, points: &[Point], stroke: Stroke) {
        let parts = match stroke.dashes {
            Some(pattern) => dashes(points, pattern),
            None => points
                .iter()
                .copied()
                .zip(points.iter().copied().skip(1))
                .collect(),
        };
        self.stroke(&parts, stroke);
    }

    fn area(&mut self, corners: &[Point], ink: Ink, opacity: f64) {
        let mut shape = Rasterizer::new(self.width as usize, self.height as usize);
        let corner = |(x, y): Point| {
            let x = x.clamp(0.0, f64::from(self.width));
            let y = y.clamp(0.0, f64::from(self.height));
            ab_glyph_rasterizer::point(x as f32, y as f32)
        };
        for (index, from) in corners.iter().enumerate() {
            let to = corners.get(index + 1).or(corners.first());
            shape.draw_line(corner(*from), corner(*to.unwrap_or(from)));
        }
        shape.for_each_pixel_2d(|x, y, share| {
            if share > 0.0 {
                self.blend(x.into(), y.into(), ink, f64::from(share) * opacity);
            }
        });
    }

    fn text(&mut self, place: Point, text: &str, letters: Letters) {
        let Letters {
            ink,
            size,
            is_bold,
            anchor,
        } = letters;
        let Some(font) = fonts::inter(is_bold) else {
            return;
        };
        let width = || fonts::width(text, size, is_bold);
        let mut x = match anchor {
            Anchor::Start => place.0,
            Anchor::Middle => place.0 - width() / 2.0,
            Anchor::End => place.0 - width(),
        };
        let scale = fonts::scale(font, size);
        let scaled = font.as_scaled(scale);
        let mut previous = None;
        for character in text.chars() {
            let id = scaled.glyph_id(character);
            x += f64::from(previous.map_or(0.0, |previous| scaled.kern(previous, id)));
            let glyph = Glyph {
                id,
                scale,
                position: point(x as f32, place.1 as f32),
            };
            if let Some(outline) = font.outline_glyph(glyph) {
                let corner = outline.px_bounds().min;
                outline.draw(|dx, dy, share| {
                    let (x, y) = (
                        corner.x as i64 + i64::from(dx),
                        corner.y as i64 + i64::from(dy),
                    );
                    self.blend(x, y, ink, f64::from(share));
                });
            }
            x += f64::from(scaled.h_advance(id));
            previous = Some(id);
        }
    }

    fn begin(&mut self, _title: &str) {}

    fn end(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_not_thicker_where_its_parts_meet() {
        let mut pixels = Pixels::new(Theme::Light, (40, 20));
        let points = [(5.0, 10.3), (15.0, 10.3), (25.0, 10.3), (35.0, 10.3)];
        pixels.line(&points, Stroke::new(Ink::Rss, 2.5));
        let column =
            |x: usize| -> Vec<u8> { (0..20).map(|y| pixels.rgb[(y * 40 + x) * 3]).collect() };
        assert_eq!(column(15), column(10), "the same at a joint");
        assert_ne!(column(15), column(0), "and there is a line");
    }
}
