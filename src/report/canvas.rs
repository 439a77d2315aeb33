//! What a picture is drawn on: as text (SVG) or as pixels.
//!
//! Plotters has both, but it rounds every point to whole pixels, has no titles that a page shows on
//! hovering, and its text from a font file loses the room beside each letter.

use super::ink::Ink;

/// To the right and down, in pixels.
pub(super) type Point = (f64, f64);

/// How a line is drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stroke {
    pub(super) ink: Ink,
    pub(super) width: f64,
    /// So many pixels drawn, so many left out.
    pub(super) dashes: Option<[f64; 2]>,
    /// From 0 to 1.
    pub(super) opacity: f64,
}

impl Stroke {
    pub(super) fn new(ink: Ink, width: f64) -> Self {
        Self {
            ink,
            width,
            dashes: None,
            opacity: 1.0,
        }
    }

    pub(super) fn dashed(self, dashes: Option<[f64; 2]>) -> Self {
        Self { dashes, ..self }
    }
}

/// Which part of a text stands at its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How letters look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Letters {
    pub(super) ink: Ink,
    /// Of the font, in pixels.
    pub(super) size: f64,
    pub(super) is_bold: bool,
    pub(super) anchor: Anchor,
}

impl Letters {
    pub(super) fn new(ink: Ink, size: f64) -> Self {
        Self {
            ink,
            size,
            is_bold: false,
            anchor: Anchor::Start,
        }
    }

    pub(super) fn bold(self) -> Self {
        Self {
            is_bold: true,
            ..self
        }
    }

    pub(super) fn at(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }
}

pub(super) trait Canvas {
    /// A filled rectangle between two corners.
    fn rect(&mut self, from: Point, to: Point, ink: Ink, opacity: f64);

    /// A line through these points.
    fn line(&mut self, points: &[Point], stroke: Stroke);

    /// A filled shape with these corners.
    fn area(&mut self, corners: &[Point], ink: Ink, opacity: f64);

    /// A text on its base line.
    fn text(&mut self, place: Point, text: &str, letters: Letters);

    /// What follows, up to [`Self::end`], is one thing, and `title` tells what it is.
    fn begin(&mut self, title: &str);

    fn end(&mut self);
}
