//! The renderer behind the pictures, checked pixel by pixel where the result is known.

mod common;

use egui::{Color32, FontData, FontDefinitions, FontFamily, Mesh, Pos2, Rect, Shape, pos2, vec2};
use egui_kittest::{Harness, kittest::Queryable as _};
use image::{Rgba, RgbaImage};

use common::renderer::CpuRenderer;

const SIZE: egui::Vec2 = vec2(80.0, 60.0);

const NOTHING: Rgba<u8> = Rgba([0, 0, 0, 0]);

/// What `draw` paints on an empty window.
fn painted(draw: impl Fn(&egui::Painter)) -> RgbaImage {
    picture(1.0, |ui| draw(&ui.ctx().debug_painter()))
}

#[expect(clippy::expect_used, reason = "a test without its picture has failed")]
fn picture(pixels_per_point: f32, ui: impl FnMut(&mut egui::Ui)) -> RgbaImage {
    Harness::builder()
        .with_size(SIZE)
        .with_pixels_per_point(pixels_per_point)
        .with_context_setup(set_up)
        .renderer(CpuRenderer::default())
        .build_ui(ui)
        .render()
        .expect("every texture was sent")
}

/// The window's own text font, and no fill behind what is drawn.
fn set_up(ctx: &egui::Context) {
    let mut fonts = FontDefinitions::empty();
    let inter = FontData::from_static(include_bytes!("../assets/fonts/Inter-Regular.otf"));
    fonts.font_data.insert("Inter".to_owned(), inter.into());
    for family in [FontFamily::Proportional, FontFamily::Monospace] {
        fonts.families.insert(family, vec!["Inter".to_owned()]);
    }
    ctx.set_fonts(fonts);
    ctx.all_styles_mut(|style| style.visuals.panel_fill = Color32::TRANSPARENT);
}

/// Asserts that the pixels whose centres are in `rect` have this colour and the others none.
fn assert_only(image: &RgbaImage, rect: Rect, colour: Rgba<u8>) {
    for (x, y, pixel) in image.enumerate_pixels() {
        let centre = pos2(x as f32 + 0.5, y as f32 + 0.5);
        let expected = if rect.contains(centre) {
            colour
        } else {
            NOTHING
        };
        assert_eq!(*pixel, expected, "at {x}, {y}");
    }
}

fn triangles(corners: &[Pos2], indices: &[u32], colour: Color32) -> Mesh {
    let mut mesh = Mesh::default();
    for corner in corners {
        mesh.colored_vertex(*corner, colour);
    }
    mesh.indices.extend_from_slice(indices);
    mesh
}

#[test]
fn a_rectangle_covers_its_pixels_and_no_others() {
    let rect = Rect::from_min_max(pos2(10.0, 20.0), pos2(31.0, 25.0));

    let image = painted(|painter| {
        painter.rect_filled(rect, 0.0, Color32::RED);
    });

    assert_eq!(image.dimensions(), (80, 60));
    assert_only(&image, rect, Rgba([255, 0, 0, 255]));
}

#[test]
fn nothing_is_drawn_outside_the_clip_rectangle() {
    let clip = Rect::from_min_max(pos2(15.0, 5.0), pos2(40.0, 22.0));

    let image = painted(|painter| {
        let rect = Rect::from_min_max(pos2(-1000.0, 10.0), pos2(1000.0, 2000.0));
        painter
            .with_clip_rect(clip)
            .rect_filled(rect, 0.0, Color32::RED);
    });

    let visible = Rect::from_min_max(pos2(15.0, 10.0), pos2(40.0, 22.0));
    assert_only(&image, visible, Rgba([255, 0, 0, 255]));
}

#[test]
fn what_lies_beyond_the_window_is_left_out() {
    let visible = Rect::from_min_max(pos2(70.0, 50.0), pos2(80.0, 60.0));

    // In one mesh, since egui itself leaves out whole shapes that cannot be seen.
    let image = painted(|painter| {
        let mut mesh = Mesh::default();
        for corner in [
            (70.0, 50.0),
            (500.0, 55.0),
            (-500.0, 55.0),
            (20.0, 500.0),
            (20.0, -500.0),
        ] {
            let rect = Rect::from_min_size(corner.into(), vec2(30.0, 40.0));
            mesh.add_colored_rect(rect, Color32::RED);
            let slanted = [rect.left_top(), rect.right_bottom(), rect.left_bottom()];
            mesh.append(triangles(&slanted, &[0, 1, 2], Color32::RED));
        }
        painter.add(Shape::mesh(mesh));
    });

    assert_only(&image, visible, Rgba([255, 0, 0, 255]));
}

#[test]
fn a_centre_on_the_left_or_top_edge_is_inside_and_on_the_others_outside() {
    let rect = Rect::from_min_max(pos2(10.5, 20.5), pos2(14.5, 23.5));

    let image = painted(|painter| {
        let mut mesh = Mesh::default();
        mesh.add_colored_rect(rect, Color32::RED);
        painter.add(Shape::mesh(mesh));
    });

    let covered = Rect::from_min_max(pos2(10.0, 20.0), pos2(14.0, 23.0));
    assert_only(&image, covered, Rgba([255, 0, 0, 255]));
}

#[test]
fn two_triangles_neither_overlap_nor_leave_a_gap() {
    let colour = Color32::from_rgba_premultiplied(60, 30, 0, 100);
    let [a, b, c, d] = [(8.0, 4.0), (56.0, 4.0), (56.0, 52.0), (8.0, 52.0)].map(Pos2::from);

    // Cut along either diagonal, turning either way. Both run through pixel centres.
    for indices in [
        [0, 1, 2, 0, 2, 3],
        [0, 2, 1, 0, 2, 3],
        [1, 2, 3, 1, 3, 0],
        [3, 2, 1, 3, 1, 0],
    ] {
        let image = painted(|painter| {
            painter.add(Shape::mesh(triangles(&[a, b, c, d], &indices, colour)));
        });

        let rect = Rect::from_two_pos(a, c);
        assert_only(&image, rect, Rgba([60, 30, 0, 100]));
    }
}

#[test]
fn a_fan_of_triangles_covers_each_pixel_once() {
    let colour = Color32::from_rgba_premultiplied(60, 30, 0, 100);
    let rim = [
        (40.3, 2.1),
        (66.7, 9.9),
        (77.0, 31.4),
        (60.2, 55.5),
        (21.8, 57.3),
        (3.6, 30.5),
        (12.5, 8.5),
    ]
    .map(Pos2::from);
    let corners: Vec<_> = [pos2(37.2, 28.9)].into_iter().chain(rim).collect();
    let indices: Vec<_> = (1..=7)
        .flat_map(|corner| [0, corner, corner % 7 + 1])
        .collect();

    let image = painted(|painter| {
        painter.add(Shape::mesh(triangles(&corners, &indices, colour)));
    });

    let covered = Rgba([60, 30, 0, 100]);
    assert!(
        image
            .pixels()
            .all(|pixel| *pixel == covered || *pixel == NOTHING)
    );
    for row in image.rows() {
        let mut changes = row.map(|pixel| *pixel == covered).collect::<Vec<_>>();
        changes.dedup();
        assert!(changes.len() <= 3, "there is a gap in a convex shape");
    }
}

#[test]
fn rectangles_and_slanted_quads_are_textured_alike() {
    let draw = |indices: [u32; 6]| {
        picture(1.0, move |ui| {
            let texture = ui.ctx().load_texture(
                "gradient",
                egui::ColorImage::new(
                    [2, 2],
                    vec![Color32::RED, Color32::GREEN, Color32::BLUE, Color32::WHITE],
                ),
                egui::TextureOptions::LINEAR,
            );
            let mut mesh = Mesh::with_texture(texture.id());
            mesh.add_rect_with_uv(
                Rect::from_min_max(pos2(10.25, 7.0), pos2(70.0, 51.75)),
                Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0)),
                Color32::WHITE,
            );
            mesh.indices = indices.to_vec();
            ui.ctx().debug_painter().add(Shape::mesh(mesh));
        })
    };

    let as_rectangle = draw([0, 1, 2, 2, 1, 3]);
    let as_triangles = draw([1, 2, 0, 1, 3, 2]);

    let Rgba(middle) = *as_rectangle.get_pixel(40, 29);
    assert!(middle.iter().all(|channel| *channel > 100), "{middle:?}");
    assert_eq!(as_rectangle, as_triangles);
}

#[test]
fn half_transparent_white_over_black_is_grey() {
    let image = painted(|painter| {
        let rect = Rect::from_min_size(Pos2::ZERO, SIZE);
        painter.rect_filled(rect.expand(2.0), 0.0, Color32::BLACK);
        painter.rect_filled(rect.expand(2.0), 0.0, Color32::from_white_alpha(128));
    });

    let everything = Rect::from_min_size(Pos2::ZERO, SIZE);
    assert_only(&image, everything, Rgba([128, 128, 128, 255]));
}

#[test]
fn text_stays_inside_its_label() {
    for pixels_per_point in [1.0, 1.5, 2.0] {
        let mut harness = Harness::builder()
            .with_size(SIZE)
            .with_pixels_per_point(pixels_per_point)
            .with_context_setup(set_up)
            .renderer(CpuRenderer::default())
            .build_ui(|ui| {
                ui.label("Jobs");
            });
        let label = harness.get_by_label("Jobs").rect();

        let image = harness.render().expect("every texture was sent");

        let mut inked = 0;
        for (x, y, pixel) in image.enumerate_pixels() {
            if *pixel != NOTHING {
                let centre = pos2(x as f32 + 0.5, y as f32 + 0.5) / pixels_per_point;
                assert!(label.contains(centre), "ink at {x}, {y}");
                inked += 1;
            }
        }
        assert!(
            inked > 50,
            "only {inked} pixels at scale {pixels_per_point}"
        );
    }
}

#[test]
fn two_pictures_of_the_same_window_are_identical() {
    let window = || {
        picture(1.25, |ui| {
            ui.heading("Jobs");
            ui.add(egui::ProgressBar::new(0.4).text("40 %"));
            ui.painter()
                .circle_filled(pos2(60.0, 40.0), 9.5, Color32::LIGHT_BLUE);
        })
    };

    assert_eq!(window(), window());
}
