//! Pictures: a sky, a scene and a figure, drawn from a few numbers.

use image::{Rgb, RgbImage};

use crate::seeds::Seeds;
use crate::words::{Persona, Scene};

type Colour = [f32; 3];

/// A soft round light.
struct Glow {
    at: (f32, f32),
    radius: f32,
    colour: Colour,
    strength: f32,
}

/// One ridge, wave or row of houses: its height per column, 0 at the top.
struct Layer {
    heights: Vec<f32>,
    colour: Colour,
    /// Lit windows.
    windows: bool,
}

/// Paints one picture; the same arguments paint the same.
pub fn picture(size: (u32, u32), persona: Persona, scene: Scene, seed: u64) -> RgbImage {
    let mut seeds = Seeds::new(seed);
    let (top, bottom) = sky(persona, scene, &mut seeds);
    let layers = layers(size.0, persona, scene, &mut seeds);
    let glows = glows(scene, &mut seeds);
    let centre = seeds.between(0.3, 0.7);
    let (width, height) = (side(size.0), side(size.1));
    let mut image = RgbImage::new(size.0, size.1);
    for (y, row) in image.enumerate_rows_mut() {
        let v = side(y) / height;
        let base = mix(top, bottom, v);
        for ((x, _, pixel), column) in row.zip(0_usize..) {
            let u = side(x) / width;
            let mut colour = base;
            for glow in &glows {
                let (dx, dy) = ((u - glow.at.0) * width / height, v - glow.at.1);
                let far = (dx * dx + dy * dy) / (glow.radius * glow.radius);
                if far < 1.0 {
                    colour = mix(colour, glow.colour, glow.strength * (1.0 - far));
                }
            }
            for layer in &layers {
                let edge = layer.heights[column];
                if v > edge {
                    let depth = (v - edge).min(0.4);
                    colour = mix(layer.colour, bottom, depth * 0.6);
                    if layer.windows && window(u, v, seed) {
                        colour = mix(colour, [255.0, 224.0, 150.0], 0.75);
                    }
                }
            }
            if inside_figure((u - centre) * width / height, v) {
                colour = mix(tint(persona), [20.0, 18.0, 30.0], (v - 0.35).clamp(0.0, 0.6));
            }
            *pixel = Rgb(colour.map(byte));
        }
    }
    image
}

/// Head and shoulders, standing on the lower edge.
fn inside_figure(x: f32, v: f32) -> bool {
    let head = x * x / 0.0072 + (v - 0.5) * (v - 0.5) / 0.0110;
    let neck = x.abs() < 0.035 && v > 0.55 && v < 0.70;
    let body = x * x / 0.048 + (v - 1.0) * (v - 1.0) / 0.115;
    head < 1.0 || neck || body < 1.0
}

fn window(u: f32, v: f32, seed: u64) -> bool {
    let (column, row) = (u * 120.0, v * 90.0);
    if column.fract() < 0.45 || row.fract() < 0.5 {
        return false;
    }
    let cell = u64::from(whole(column)) * 7919 + u64::from(whole(row));
    Seeds::new(seed ^ cell).next().is_multiple_of(3)
}

fn sky(persona: Persona, scene: Scene, seeds: &mut Seeds) -> (Colour, Colour) {
    let (top, bottom): (Colour, Colour) = match scene {
        Scene::Beach => ([62.0, 84.0, 158.0], [255.0, 178.0, 112.0]),
        Scene::City => ([14.0, 16.0, 44.0], [98.0, 52.0, 120.0]),
        Scene::Mountains => ([118.0, 162.0, 214.0], [250.0, 222.0, 200.0]),
        Scene::Studio => ([206.0, 204.0, 212.0], [128.0, 122.0, 138.0]),
    };
    let shift = seeds.between(0.05, 0.25);
    (mix(top, tint(persona), shift), mix(bottom, tint(persona), shift * 0.5))
}

const fn tint(persona: Persona) -> Colour {
    match persona {
        Persona::Luna => [122.0, 152.0, 206.0],
        Persona::Mira => [196.0, 112.0, 72.0],
        Persona::Kai => [56.0, 124.0, 118.0],
        Persona::Nova => [148.0, 84.0, 196.0],
    }
}

fn layers(width: u32, persona: Persona, scene: Scene, seeds: &mut Seeds) -> Vec<Layer> {
    let (count, start, step, dark): (u16, f32, f32, Colour) = match scene {
        Scene::Beach => (3, 0.62, 0.10, [34.0, 82.0, 118.0]),
        Scene::City => (3, 0.42, 0.14, [10.0, 10.0, 24.0]),
        Scene::Mountains => (5, 0.40, 0.11, [38.0, 58.0, 74.0]),
        Scene::Studio => (1, 0.86, 0.0, [92.0, 86.0, 98.0]),
    };
    let mut out = Vec::new();
    for i in 0..count {
        let near = f32::from(i + 1) / f32::from(count);
        let base = start + step * f32::from(i);
        let heights = match scene {
            Scene::City => blocks(width, base, seeds),
            Scene::Beach => waves(width, base, 0.006, seeds),
            Scene::Mountains => waves(width, base, 0.055, seeds),
            Scene::Studio => vec![base; count_of(width)],
        };
        out.push(Layer { heights, colour: mix(tint(persona), dark, near), windows: scene == Scene::City });
    }
    out
}

fn waves(width: u32, base: f32, rise: f32, seeds: &mut Seeds) -> Vec<f32> {
    let parts: Vec<(f32, f32, f32)> = [1.0, 0.5, 0.22]
        .iter()
        .zip([3.0, 7.0, 17.0])
        .map(|(part, pace)| (rise * part, pace * seeds.between(0.7, 1.4), seeds.between(0.0, 6.3)))
        .collect();
    (0..width)
        .map(|x| {
            let u = side(x) / side(width);
            base + parts.iter().map(|(rise, pace, start)| rise * (u * pace + start).sin()).sum::<f32>()
        })
        .collect()
}

fn blocks(width: u32, base: f32, seeds: &mut Seeds) -> Vec<f32> {
    let mut out = Vec::with_capacity(count_of(width));
    while out.len() < count_of(width) {
        let top = base + seeds.between(-0.12, 0.10);
        let broad = count_of(width) / (12 + seeds.below(14)) + 1;
        out.extend(std::iter::repeat_n(top, broad));
    }
    out
}

fn glows(scene: Scene, seeds: &mut Seeds) -> Vec<Glow> {
    let (count, radius, colour, strength): (usize, f32, Colour, f32) = match scene {
        Scene::Beach => (1, 0.30, [255.0, 238.0, 190.0], 0.95),
        Scene::City => (5, 0.16, [255.0, 96.0, 178.0], 0.45),
        Scene::Mountains => (1, 0.42, [255.0, 250.0, 232.0], 0.80),
        Scene::Studio => (9, 0.15, [255.0, 240.0, 226.0], 0.40),
    };
    (0..count)
        .map(|_| Glow {
            at: (seeds.between(0.1, 0.9), seeds.between(0.1, 0.55)),
            radius: radius * seeds.between(0.6, 1.3),
            colour,
            strength,
        })
        .collect()
}

fn mix(a: Colour, b: Colour, part: f32) -> Colour {
    let part = part.clamp(0.0, 1.0);
    [a[0] + (b[0] - a[0]) * part, a[1] + (b[1] - a[1]) * part, a[2] + (b[2] - a[2]) * part]
}

/// A side or a place in pixels; none is beyond 16 bits here.
fn side(pixels: u32) -> f32 {
    f32::from(u16::try_from(pixels).unwrap_or(u16::MAX))
}

fn count_of(pixels: u32) -> usize {
    usize::try_from(pixels).unwrap_or(0)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to the range of a byte just before"
)]
fn byte(value: f32) -> u8 {
    value.clamp(0.0, 255.0).round() as u8
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range just before")]
fn whole(value: f32) -> u16 {
    value.clamp(0.0, 65535.0) as u16
}
