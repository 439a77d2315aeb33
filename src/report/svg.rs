//! Pictures as SVG.

use std::fmt::Write as _;

use super::{
    canvas::{Anchor, Canvas, Letters, Point, Stroke},
    ink::{Ink, Theme},
    page::escape,
};

pub(super) struct Svg {
    theme: Theme,
    text: String,
}

impl Svg {
    /// `title` and `description` are for those who cannot see the picture.
    pub(super) fn new(theme: Theme, size: (u32, u32), title: &str, description: &str) -> Self {
        let (width, height) = size;
        let (title, description) = (escape(title), escape(description));
        let text = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{title}. {description}\" \
             font-family=\"Inter, system-ui, sans-serif\">\n\
             <title>{title}</title>\n<desc>{description}</desc>\n"
        );
        Self { theme, text }
    }

    pub(super) fn finish(mut self) -> String {
        self.text.push_str("</svg>\n");
        self.text
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn attribute(&mut self, name: &str, value: &str) {
        // Writing to a string does not fail.
        write!(self.text, " {name}=\"{value}\"").ok();
    }

    fn opacity(&mut self, opacity: f64) {
        if opacity < 1.0 {
            self.attribute("opacity", &number(opacity));
        }
    }

    fn points(&mut self, points: &[Point]) {
        self.push(" points=\"");
        for (index, (x, y)) in points.iter().enumerate() {
            let space = if index > 0 { " " } else { "" };
            write!(self.text, "{space}{},{}", number(*x), number(*y)).ok();
        }
        self.push("\"");
    }
}

/// A tenth of a pixel is as fine as anybody sees.
fn number(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if value.abs() < 1.0 {
        // Opacities need more.
        return ((value * 100.0).round() / 100.0).to_string();
    }
    rounded.to_string()
}

impl Canvas for Svg {
    fn rect(&mut self, from: Point, to: Point, ink: Ink, opacity: f64) {
        self.push("<rect");
        self.attribute("x", &number(from.0));
        self.attribute("y", &number(from.1));
        self.attribute("width", &number((to.0 - from.0).max(0.0)));
        self.attribute("height", &number((to.1 - from.1).max(0.0)));
        self.attribute("fill", &ink.hex(self.theme));
        self.opacity(opacity);
        self.push("/>\n");
    }

    fn line(&mut self, points: &[Point], stroke: Stroke) {
        let Stroke {
            ink,
            width,
            dashes,
            opacity,
        } = stroke;
        self.push("<polyline fill=\"none\"");
        self.points(points);
        self.attribute("stroke", &ink.hex(self.theme));
        self.attribute("stroke-width", &number(width));
        self.attribute("stroke-linejoin", "round");
        if let Some([on, off]) = dashes {
            self.attribute("stroke-dasharray", &format!("{on} {off}"));
        }
        self.opacity(opacity);
        self.push("/>\n");
    }

    fn area(&mut self, corners: &[Point], ink: Ink, opacity: f64) {
        self.push("<polygon");
        self.points(corners);
        self.attribute("fill", &ink.hex(self.theme));
        self.opacity(opacity);
        self.push("/>\n");
    }

    fn text(&mut self, place: Point, text: &str, letters: Letters) {
        let Letters {
            ink,
            size,
            is_bold,
            anchor,
        } = letters;
        self.push("<text");
        self.attribute("x", &number(place.0));
        self.attribute("y", &number(place.1));
        self.attribute("font-size", &number(size));
        self.attribute("fill", &ink.hex(self.theme));
        if is_bold {
            self.attribute("font-weight", "600");
        }
        match anchor {
            Anchor::Start => {}
            Anchor::Middle => self.attribute("text-anchor", "middle"),
            Anchor::End => self.attribute("text-anchor", "end"),
        }
        writeln!(self.text, ">{}</text>", escape(text)).ok();
    }

    fn begin(&mut self, title: &str) {
        writeln!(self.text, "<g><title>{}</title>", escape(title)).ok();
    }

    fn end(&mut self) {
        self.push("</g>\n");
    }
}
