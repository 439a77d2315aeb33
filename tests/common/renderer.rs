//! Draws egui's output on the CPU, so that a picture of the window needs neither a GPU nor a
//! display. The same shapes and textures give the same bytes on every machine.
//!
//! The rules are those of egui's own shaders: vertex colour times texel, premultiplied, blended
//! in gamma space. What covers a pixel is decided in whole numbers; colours are rounded once when
//! multiplied and once when blended. Tests are compiled without optimisation, where a call or an
//! iterator step costs more than the arithmetic around it: hence the plain `while` loops.

#![expect(
    clippy::cast_possible_wrap,
    reason = "sizes and positions in a picture are far below 2^63"
)]

use std::{collections::HashMap, ops::Range};

use egui::{
    FullOutput, Pos2, Rect, TextureFilter, TextureId, TextureOptions, TexturesDelta,
    epaint::{ColorImage, ImageData, ImageDelta, Mesh, Primitive, Vertex},
};
use egui_kittest::TestRenderer;
use image::RgbaImage;

/// Positions are whole numbers of 1/256 of a pixel, as in most GPUs.
const SUBPIXELS: i64 = 256;

/// Corners further out than this many subpixels are moved closer, so that products of two
/// distances fit 64 bits. It is a thousand screens away; no picture shows the difference.
const FARTHEST: i64 = 1 << 28;

/// Colours and texture coordinates have 32 binary places while they run along a row.
const ONE: f64 = (1_u64 << 32) as f64;

/// Premultiplied red, green, blue and alpha.
type Rgba = [u8; 4];

/// Draws everything but paint callbacks. Textures do not repeat beyond their edges.
#[derive(Default)]
pub struct CpuRenderer {
    textures: HashMap<TextureId, Texture>,
    /// Textures that may still be in the latest frame and go with the next one.
    retired: Vec<TextureId>,
}

impl TestRenderer for CpuRenderer {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        for id in self.retired.drain(..) {
            self.textures.remove(&id);
        }

        #[expect(
            clippy::iter_over_hash_type,
            reason = "textures do not depend on each other"
        )]
        for (id, changes) in delta.set.drain() {
            for change in changes {
                self.textures.entry(id).or_default().update(&change);
            }
        }

        self.retired.extend(delta.free.drain());
    }

    fn render(&mut self, ctx: &egui::Context, output: &FullOutput) -> Result<RgbaImage, String> {
        let pixels_per_point = output.pixels_per_point;
        let size = ctx.content_rect().size() * pixels_per_point;
        let mut canvas = Canvas::new(size.x.round() as usize, size.y.round() as usize);

        for clipped in ctx.tessellate(output.shapes.clone(), pixels_per_point) {
            if let Primitive::Mesh(mesh) = clipped.primitive {
                let texture = self
                    .textures
                    .get(&mesh.texture_id)
                    .ok_or_else(|| format!("{:?} was never sent", mesh.texture_id))?;
                canvas
                    .part(clipped.clip_rect, pixels_per_point)
                    .draw_mesh(&mesh, texture);
            }
        }

        canvas.into_image()
    }
}

/// An image that meshes refer to, and how it is read between its texels.
#[derive(Default)]
struct Texture {
    image: ColorImage,
    options: TextureOptions,
}

impl Texture {
    fn update(&mut self, change: &ImageDelta) {
        let ImageData::Color(new) = &change.image;
        self.options = change.options;

        let Some([left, top]) = change.pos else {
            self.image = new.as_ref().clone();
            return;
        };
        let [width, height] = new.size;
        for row in 0..height {
            let to = (top + row) * self.image.size[0] + left;
            let from = row * width;
            self.image.pixels[to..to + width].copy_from_slice(&new.pixels[from..from + width]);
        }
    }

    /// Whether texels are mixed where a pixel covers this many of them.
    fn is_smooth(&self, texels_per_pixel: f64) -> bool {
        let filter = if texels_per_pixel > 1.0 {
            self.options.minification
        } else {
            self.options.magnification
        };
        filter == TextureFilter::Linear
    }

    /// Texture coordinates in texels. For mixing, whole numbers are the centres of texels.
    fn texel_position(&self, uv: Pos2, smooth: bool) -> [f64; 2] {
        let [width, height] = self.image.size;
        let centre = if smooth { 0.5 } else { 0.0 };
        [
            f64::from(uv.x) * width as f64 - centre,
            f64::from(uv.y) * height as f64 - centre,
        ]
    }

    /// The colour at a position with 32 binary places.
    fn sample(&self, u: i64, v: i64, smooth: bool) -> Rgba {
        let right = self.image.size[0] as i64 - 1;
        let bottom = self.image.size[1] as i64 - 1;
        // The nearest 1/256 of a texel: letters sit exactly on their texels and shall stay sharp.
        let nearest = 1 << 23;
        let u = clamp(u.wrapping_add(nearest) >> 24, right << 8);
        let v = clamp(v.wrapping_add(nearest) >> 24, bottom << 8);
        let (x, y) = (u >> 8, v >> 8);
        let (across, down) = ((u & 255) as u32, (v & 255) as u32);
        let left_top = self.texel(x, y);
        if !smooth || (across == 0 && down == 0) {
            return left_top;
        }

        let (next_x, next_y) = (clamp(x + 1, right), clamp(y + 1, bottom));
        let right_top = self.texel(next_x, y);
        let left_bottom = self.texel(x, next_y);
        let right_bottom = self.texel(next_x, next_y);
        let mut mixed = [0; 4];
        let mut channel = 0;
        while channel < 4 {
            let above = mix(left_top[channel].into(), right_top[channel].into(), across);
            let below = mix(
                left_bottom[channel].into(),
                right_bottom[channel].into(),
                across,
            );
            mixed[channel] = ((mix(above, below, down) + (1 << 15)) >> 16) as u8;
            channel += 1;
        }
        mixed
    }

    fn texel(&self, x: i64, y: i64) -> Rgba {
        self.image.pixels[y as usize * self.image.size[0] + x as usize].to_array()
    }
}

/// Between two numbers, multiplied by 256.
fn mix(a: u32, b: u32, part: u32) -> u32 {
    a * (256 - part) + b * part
}

fn clamp(index: i64, last: i64) -> i64 {
    if index < 0 {
        0
    } else if index > last {
        last
    } else {
        index
    }
}

/// The picture as it comes into being. It starts out transparent.
struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Rgba>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            pixels: vec![[0; 4]; width * height],
        }
    }

    /// What may be drawn on: `clip`, rounded to whole pixels.
    fn part(&mut self, clip: Rect, pixels_per_point: f32) -> CanvasPart<'_> {
        let pixel = |points: f32, size: usize| {
            clamp((points * pixels_per_point).round() as i64, size as i64)
        };
        CanvasPart {
            columns: pixel(clip.min.x, self.width)..pixel(clip.max.x, self.width),
            rows: pixel(clip.min.y, self.height)..pixel(clip.max.y, self.height),
            pixels_per_point,
            canvas: self,
        }
    }

    fn into_image(self) -> Result<RgbaImage, String> {
        RgbaImage::from_raw(
            self.width as u32,
            self.height as u32,
            self.pixels.into_flattened(),
        )
        .ok_or_else(|| "the picture is too large".to_owned())
    }
}

/// The pixels inside one clip rectangle.
struct CanvasPart<'a> {
    canvas: &'a mut Canvas,
    columns: Range<i64>,
    rows: Range<i64>,
    pixels_per_point: f32,
}

impl CanvasPart<'_> {
    fn draw_mesh(&mut self, mesh: &Mesh, texture: &Texture) {
        let corners: Vec<_> = mesh
            .vertices
            .iter()
            .map(|vertex| Corner::new(vertex, self.pixels_per_point))
            .collect();
        let corner = |index: u32| &corners[index as usize];

        let mut triangles = mesh.indices.as_slice();
        while let [a, b, c, rest @ ..] = triangles {
            // Letters and plain rectangles: the second triangle completes the first.
            if let [d, e, f, after @ ..] = rest
                && (d, e) == (c, b)
                && let corners = [corner(*a), corner(*b), corner(*c), corner(*f)]
                && Corner::are_rectangle(corners)
            {
                self.draw_rectangle(corners, texture);
                triangles = after;
            } else {
                self.draw_triangle([corner(*a), corner(*b), corner(*c)], texture);
                triangles = rest;
            }
        }
    }

    /// Draws what two triangles with these corners cover, row for row the same.
    fn draw_rectangle(&mut self, corners: [&Corner; 4], texture: &Texture) {
        let [left_top, right_top, left_bottom, _] = corners;
        let (width, height) = (right_top.x - left_top.x, left_bottom.y - left_top.y);
        let columns = overlap(&pixels_between(left_top.x, right_top.x), &self.columns);
        let rows = overlap(&pixels_between(left_top.y, left_bottom.y), &self.rows);
        if columns.is_empty() || rows.is_empty() {
            return;
        }

        let scale = |texels: f32, size: usize, subpixels: i64| {
            f64::from(texels) * size as f64 * SUBPIXELS as f64 / subpixels as f64
        };
        let [texture_width, texture_height] = texture.image.size;
        let u_step = scale(right_top.uv.x - left_top.uv.x, texture_width, width);
        let v_step = scale(left_bottom.uv.y - left_top.uv.y, texture_height, height);
        let smooth = texture.is_smooth(u_step.abs().max(v_step.abs()));
        let [u, v] = texture.texel_position(left_top.uv, smooth);
        let along = |start: f64, step: f64, pixel: i64, from: i64| {
            let distance = (centre(pixel) - from) as f64 / SUBPIXELS as f64;
            fixed(start + step * distance)
        };

        let flat = left_top.uv == right_top.uv && left_top.uv == left_bottom.uv;
        let mut paint = Paint {
            texture,
            smooth,
            texel: flat.then(|| texture.sample(fixed(u), fixed(v), smooth)),
            colour: Some(left_top.colour),
            starts: [0; 6],
            steps: [fixed(u_step), 0, 0, 0, 0, 0],
        };
        paint.starts[0] = along(u, u_step, columns.start, left_top.x);
        for y in rows {
            paint.starts[1] = along(v, v_step, y, left_top.y);
            paint.fill(self.row(y, &columns));
        }
    }

    fn draw_triangle(&mut self, corners: [&Corner; 3], texture: &Texture) {
        let Some(triangle) = Triangle::new(corners) else {
            return;
        };
        let [a, b, c] = triangle.corners;
        let same_uv = a.uv == b.uv && a.uv == c.uv;
        let same_colour = a.colour == b.colour && a.colour == c.colour;

        let smooth = texture.is_smooth(if same_uv {
            0.0
        } else {
            triangle.texels_per_pixel(texture)
        });
        let texels = [a, b, c].map(|corner| texture.texel_position(corner.uv, smooth));
        let mut paint = Paint {
            texture,
            smooth,
            texel: same_uv
                .then(|| texture.sample(fixed(texels[0][0]), fixed(texels[0][1]), smooth)),
            colour: same_colour.then_some(a.colour),
            starts: [0; 6],
            steps: [0; 6],
        };
        let attributes = |weights: [f64; 3]| {
            let mut values = [0; 6];
            if !same_uv {
                values[0] = fixed(weigh(texels.map(|texel| texel[0]), weights));
                values[1] = fixed(weigh(texels.map(|texel| texel[1]), weights));
            }
            if !same_colour {
                let mut channel = 0;
                while channel < 4 {
                    let [a, b, c] = [a.colour[channel], b.colour[channel], c.colour[channel]];
                    values[2 + channel] = fixed(weigh([a.into(), b.into(), c.into()], weights));
                    channel += 1;
                }
            }
            values
        };
        let varies = !(same_uv && same_colour);
        if varies {
            paint.steps = attributes(triangle.weight_steps());
        }

        for y in overlap(&triangle.rows(), &self.rows) {
            let columns = triangle.columns(y, &self.columns);
            if columns.is_empty() {
                continue;
            }
            if varies {
                paint.starts = attributes(triangle.weights(columns.start, y));
            }
            paint.fill(self.row(y, &columns));
        }
    }

    fn row(&mut self, y: i64, columns: &Range<i64>) -> &mut [Rgba] {
        let start = y as usize * self.canvas.width;
        &mut self.canvas.pixels[start + columns.start as usize..start + columns.end as usize]
    }
}

/// A vertex on the canvas.
#[derive(Clone, Copy)]
struct Corner {
    /// In subpixels, like `y`.
    x: i64,
    y: i64,
    uv: Pos2,
    colour: Rgba,
}

impl Corner {
    fn new(vertex: &Vertex, pixels_per_point: f32) -> Self {
        let subpixels = |points: f32| {
            let exact = f64::from(points) * f64::from(pixels_per_point) * SUBPIXELS as f64;
            (exact.round() as i64).clamp(-FARTHEST, FARTHEST)
        };
        Self {
            x: subpixels(vertex.pos.x),
            y: subpixels(vertex.pos.y),
            uv: vertex.uv,
            colour: vertex.color.to_array(),
        }
    }

    /// Whether left top, right top, left bottom and right bottom form an upright rectangle of
    /// one colour with an upright piece of texture.
    #[expect(
        clippy::float_cmp,
        reason = "where they differ at all, the general way draws it right"
    )]
    fn are_rectangle([left_top, right_top, left_bottom, right_bottom]: [&Self; 4]) -> bool {
        left_top.x == left_bottom.x
            && right_top.x == right_bottom.x
            && left_top.y == right_top.y
            && left_bottom.y == right_bottom.y
            && left_top.x < right_top.x
            && left_top.y < left_bottom.y
            && left_top.uv.x == left_bottom.uv.x
            && right_top.uv.x == right_bottom.uv.x
            && left_top.uv.y == right_top.uv.y
            && left_bottom.uv.y == right_bottom.uv.y
            && left_top.colour == right_top.colour
            && left_top.colour == left_bottom.colour
            && left_top.colour == right_bottom.colour
    }
}

/// Three corners, turned so that the inside is to the right of each edge.
struct Triangle<'a> {
    corners: [&'a Corner; 3],
    /// Each edge lies opposite the corner with the same index.
    edges: [Edge; 3],
    /// Twice the area, in subpixels squared.
    area: f64,
}

impl<'a> Triangle<'a> {
    /// `None` if the corners are in one line.
    fn new([a, b, c]: [&'a Corner; 3]) -> Option<Self> {
        let area = Edge::new(b, c).distance(a.x, a.y);
        let corners = match area {
            0 => return None,
            1.. => [a, b, c],
            _ => [a, c, b],
        };
        let [a, b, c] = corners;
        Some(Self {
            corners,
            edges: [Edge::new(b, c), Edge::new(c, a), Edge::new(a, b)],
            area: area.abs() as f64,
        })
    }

    fn rows(&self) -> Range<i64> {
        let [a, b, c] = self.corners;
        let top = a.y.min(b.y).min(c.y);
        let bottom = a.y.max(b.y).max(c.y);
        // One subpixel more: the edges decide who owns a centre on the lower end.
        pixels_between(top, bottom + 1)
    }

    /// The pixels of a row whose centres are inside.
    fn columns(&self, y: i64, within: &Range<i64>) -> Range<i64> {
        let Range { mut start, mut end } = *within;
        for edge in &self.edges {
            let distance = edge.distance(centre(within.start), centre(y)) - edge.threshold();
            let step = edge.right * SUBPIXELS;
            if step > 0 {
                // The first pixel that is not outside.
                start = start.max(within.start - distance.div_euclid(step));
            } else if step < 0 {
                end = end.min(within.start + distance.div_euclid(-step) + 1);
            } else if distance < 0 {
                end = start;
            }
        }
        start..end.max(start)
    }

    /// How much each corner counts at the centre of a pixel.
    fn weights(&self, x: i64, y: i64) -> [f64; 3] {
        self.share(|edge| edge.distance(centre(x), centre(y)))
    }

    /// How much the weights change from one pixel to the next in a row.
    fn weight_steps(&self) -> [f64; 3] {
        self.share(|edge| edge.right * SUBPIXELS)
    }

    fn share(&self, distance: impl Fn(&Edge) -> i64) -> [f64; 3] {
        let [first, second, third] = &self.edges;
        [
            distance(first) as f64 / self.area,
            distance(second) as f64 / self.area,
            distance(third) as f64 / self.area,
        ]
    }

    /// How fast the texture goes by, in the direction in which it is faster.
    fn texels_per_pixel(&self, texture: &Texture) -> f64 {
        let right = self.weight_steps();
        let down = self.share(|edge| edge.down * SUBPIXELS);
        let texels = self
            .corners
            .map(|corner| texture.texel_position(corner.uv, true));
        let (u, v) = (texels.map(|texel| texel[0]), texels.map(|texel| texel[1]));
        [(u, right), (u, down), (v, right), (v, down)]
            .into_iter()
            .map(|(values, slopes)| weigh(values, slopes).abs())
            .fold(0.0, f64::max)
    }
}

/// One side of a triangle.
struct Edge {
    /// How the distance grows per subpixel to the right.
    right: i64,
    /// How the distance grows per subpixel down.
    down: i64,
    /// A point on the edge.
    x: i64,
    y: i64,
}

impl Edge {
    fn new(from: &Corner, to: &Corner) -> Self {
        Self {
            right: from.y - to.y,
            down: to.x - from.x,
            x: from.x,
            y: from.y,
        }
    }

    /// Positive inside, negative outside; in units of the edge's length.
    fn distance(&self, x: i64, y: i64) -> i64 {
        self.right * (x - self.x) + self.down * (y - self.y)
    }

    /// The smallest distance that counts as inside. A centre on the line between two triangles
    /// belongs to the one whose left or top edge it is, and never to both.
    fn threshold(&self) -> i64 {
        let left_or_top = self.right > 0 || (self.right == 0 && self.down > 0);
        i64::from(!left_or_top)
    }
}

/// What goes onto a row of pixels.
struct Paint<'a> {
    texture: &'a Texture,
    smooth: bool,
    /// The texel, if it is the same everywhere.
    texel: Option<Rgba>,
    /// The vertex colour, if it is the same everywhere.
    colour: Option<Rgba>,
    /// Texture position and colour at the first pixel of the row, with 32 binary places.
    starts: [i64; 6],
    /// How they change per pixel. It may overflow beyond the last pixel, where nobody looks.
    steps: [i64; 6],
}

impl Paint<'_> {
    fn fill(&self, pixels: &mut [Rgba]) {
        if let (Some(texel), Some(colour)) = (self.texel, self.colour) {
            fill_plain(pixels, multiply(texel, colour));
            return;
        }

        let mut index = 0;
        while index < pixels.len() {
            let texel = if let Some(texel) = self.texel {
                texel
            } else {
                let (u, v) = (self.at(0, index), self.at(1, index));
                self.texture.sample(u, v, self.smooth)
            };
            if !is_nothing(texel) {
                let colour = if let Some(colour) = self.colour {
                    colour
                } else {
                    self.colour_at(index)
                };
                blend(&mut pixels[index], multiply(texel, colour));
            }
            index += 1;
        }
    }

    fn at(&self, attribute: usize, index: usize) -> i64 {
        self.starts[attribute].wrapping_add(self.steps[attribute].wrapping_mul(index as i64))
    }

    fn colour_at(&self, index: usize) -> Rgba {
        let half = 1 << 31;
        [
            (self.at(2, index).wrapping_add(half) >> 32) as u8,
            (self.at(3, index).wrapping_add(half) >> 32) as u8,
            (self.at(4, index).wrapping_add(half) >> 32) as u8,
            (self.at(5, index).wrapping_add(half) >> 32) as u8,
        ]
    }
}

fn fill_plain(pixels: &mut [Rgba], colour: Rgba) {
    if is_nothing(colour) || pixels.is_empty() {
        return;
    }
    if colour[3] < 255 {
        tint(pixels, colour);
        return;
    }

    // Copying what is there already, twice as much each time, is one call into the C library
    // per step, whereas a loop would be slow in unoptimised tests.
    pixels[0] = colour;
    let mut filled = 1;
    while filled < pixels.len() {
        let more = filled.min(pixels.len() - filled);
        pixels.copy_within(..more, filled);
        filled += more;
    }
}

/// Lays one translucent colour over pixels that mostly look like their neighbour.
fn tint(pixels: &mut [Rgba], colour: Rgba) {
    let mut before = pixels[0];
    let mut after = before;
    blend(&mut after, colour);

    let mut index = 0;
    while index < pixels.len() {
        let [red, green, blue, alpha] = pixels[index];
        if red != before[0] || green != before[1] || blue != before[2] || alpha != before[3] {
            before = pixels[index];
            after = before;
            blend(&mut after, colour);
        }
        pixels[index] = after;
        index += 1;
    }
}

/// Premultiplied "over". Light without alpha is added.
fn blend(below: &mut Rgba, above: Rgba) {
    let rest = 255 - above[3];
    if rest == 0 {
        *below = above;
    } else if !is_nothing(above) {
        below[0] = above[0].saturating_add(product(below[0], rest));
        below[1] = above[1].saturating_add(product(below[1], rest));
        below[2] = above[2].saturating_add(product(below[2], rest));
        below[3] = above[3].saturating_add(product(below[3], rest));
    }
}

fn is_nothing(colour: Rgba) -> bool {
    colour[0] | colour[1] | colour[2] | colour[3] == 0
}

fn multiply(texel: Rgba, colour: Rgba) -> Rgba {
    [
        product(texel[0], colour[0]),
        product(texel[1], colour[1]),
        product(texel[2], colour[2]),
        product(texel[3], colour[3]),
    ]
}

/// `a * b / 255`, rounded to the nearest number.
#[expect(
    clippy::cast_lossless,
    clippy::inline_always,
    reason = "the innermost step of every picture must not call anything, not even `from`"
)]
#[inline(always)]
fn product(a: u8, b: u8) -> u8 {
    let product = a as u32 * b as u32 + 128;
    ((product + (product >> 8)) >> 8) as u8
}

fn weigh(values: [f64; 3], weights: [f64; 3]) -> f64 {
    values[0] * weights[0] + values[1] * weights[1] + values[2] * weights[2]
}

fn fixed(value: f64) -> i64 {
    (value * ONE) as i64
}

/// The centre of a pixel, in subpixels.
fn centre(pixel: i64) -> i64 {
    pixel * SUBPIXELS + SUBPIXELS / 2
}

/// The pixels whose centres are at or after `start` and before `end`, both in subpixels.
fn pixels_between(start: i64, end: i64) -> Range<i64> {
    let first_at_or_after = |subpixels: i64| (subpixels + SUBPIXELS / 2 - 1).div_euclid(SUBPIXELS);
    first_at_or_after(start)..first_at_or_after(end)
}

fn overlap(a: &Range<i64>, b: &Range<i64>) -> Range<i64> {
    let start = a.start.max(b.start);
    start..a.end.min(b.end).max(start)
}
