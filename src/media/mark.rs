//! A text drawn over the whole of a picture, so that a copy shows whose it is.

use super::font::glyph;
use super::render::Raster;

const MAX_TEXT: usize = 48;
/// Columns and rows of one character cell.
const CELL: (usize, usize) = (6, 9);

/// Draws the text again and again over the picture. Each stroke is light with a dark shadow, so that it shows on any ground.
pub(super) fn tile(raster: &mut Raster, text: &str) {
    let mut text: Vec<char> = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_TEXT).collect();
    if text.iter().all(|c| c.is_whitespace()) {
        text = "PROXY".chars().collect();
    }
    let side = |n: u32| usize::try_from(n).unwrap_or(0);
    let (width, height) = (side(raster.width), side(raster.height));
    // A line takes about half of the width, so that every part of the picture carries letters.
    let scale = (width / (CELL.0 * text.len().max(1) * 2)).clamp(1, 8).max(width.min(height) / 320);
    let line = (text.len() + 3) * CELL.0 * scale;
    let step = CELL.1 * scale * 3;
    for (row, top) in (step / 3..height).step_by(step).enumerate() {
        let mut left = -i64::try_from((row * line / 3) % line).unwrap_or(0);
        while left < i64::try_from(width).unwrap_or(0) {
            for (n, c) in text.iter().enumerate() {
                let x = left + i64::try_from(n * CELL.0 * scale).unwrap_or(0);
                letter(raster, *c, x, top, scale);
            }
            left += i64::try_from(line.max(1)).unwrap_or(i64::MAX);
        }
    }
}

/// Writes the text into the lower right corner, as large as fits beside the picture.
pub(super) fn corner(raster: &mut Raster, text: &str) {
    let side = |n: u32| usize::try_from(n).unwrap_or(0);
    let (width, height) = (side(raster.width), side(raster.height));
    let letters = text.chars().take(MAX_TEXT).count();
    let fitting = width * 9 / 10 / (CELL.0 * letters.max(1));
    let scale = (width.min(height) / 270).min(fitting).max(1);
    let margin = width.min(height) / 40;
    let left = width.saturating_sub(CELL.0 * scale * letters + margin);
    let top = height.saturating_sub(CELL.1 * scale + margin);
    for (n, c) in text.chars().take(MAX_TEXT).enumerate() {
        letter(raster, c, i64::try_from(left + n * CELL.0 * scale).unwrap_or(0), top, scale);
    }
}

fn letter(raster: &mut Raster, c: char, left: i64, top: usize, scale: usize) {
    for (column, bits) in glyph(c).into_iter().enumerate() {
        for row in (0..7usize).filter(|r| bits >> r & 1 == 1) {
            for (dx, dy) in (0..scale).flat_map(|x| (0..scale).map(move |y| (x, y))) {
                let Ok(x) = usize::try_from(left + i64::try_from(column * scale + dx).unwrap_or(0)) else { continue };
                let y = top + row * scale + dy;
                let shadow = scale.div_ceil(3);
                blend(raster, x + shadow, y + shadow, 0, 1);
                blend(raster, x, y, 255, 2);
            }
        }
    }
}

/// Moves a pixel towards black or white, by a quarter per unit of weight.
fn blend(raster: &mut Raster, x: usize, y: usize, to: u8, weight: u16) {
    let width = usize::try_from(raster.width).unwrap_or(0);
    let channels = if raster.alpha { 4 } else { 3 };
    if x >= width {
        return;
    }
    let at = (y * width + x) * channels;
    for v in raster.pixels.get_mut(at..at + 3).unwrap_or_default() {
        let mixed = (u16::from(*v) * (4 - weight) + u16::from(to) * weight) / 4;
        *v = u8::try_from(mixed).unwrap_or(255);
    }
}
