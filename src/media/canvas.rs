//! What a picture is laid on: nothing, a colour, or another picture.

use super::render::Raster;

pub(super) const WHITE: [u8; 3] = [255; 3];

/// What lies under a picture and around it.
pub(super) enum Ground {
    /// Nothing: the picture keeps its transparency, and what is around it is transparent.
    Nothing,
    Colour([u8; 3]),
    /// Of the canvas's size, without transparency.
    Picture(Raster),
}

/// Centres the picture on a canvas of that size.
pub(super) fn lay(raster: Raster, size: (u32, u32), ground: Ground) -> Raster {
    let is_whole = (raster.width, raster.height) == size;
    match ground {
        Ground::Nothing if is_whole => raster,
        Ground::Nothing => paste(&with_alpha(raster), plain(size, &[0; 4])),
        Ground::Colour(colour) => {
            let flat = flatten(raster, colour);
            if is_whole { flat } else { paste(&flat, plain(size, &colour)) }
        }
        Ground::Picture(under) => {
            let flat = flatten(raster, WHITE);
            if is_whole { flat } else { paste(&flat, under) }
        }
    }
}

/// A canvas of one value for each pixel.
fn plain((width, height): (u32, u32), pixel: &[u8]) -> Raster {
    let count = side(width).saturating_mul(side(height));
    Raster { width, height, pixels: pixel.repeat(count), alpha: pixel.len() == 4 }
}

fn side(n: u32) -> usize {
    usize::try_from(n).unwrap_or(0)
}

/// Puts a picture in the middle of a larger one with as many channels.
fn paste(over: &Raster, mut under: Raster) -> Raster {
    let channels = if over.alpha { 4 } else { 3 };
    let (from_row, to_row) = (side(over.width) * channels, side(under.width) * channels);
    let left = side(under.width.saturating_sub(over.width) / 2) * channels;
    let top = side(under.height.saturating_sub(over.height) / 2);
    for (row, from) in over.pixels.chunks_exact(from_row.max(1)).enumerate() {
        let at = (top + row) * to_row + left;
        if let Some(to) = under.pixels.get_mut(at..at + from_row) {
            to.copy_from_slice(from);
        }
    }
    under
}

/// Lays transparent pixels on a colour.
pub(super) fn flatten(raster: Raster, colour: [u8; 3]) -> Raster {
    if !raster.alpha {
        return raster;
    }
    let over = |v: u8, under: u8, a: u8| {
        let (v, under, a) = (u32::from(v), u32::from(under), u32::from(a));
        u8::try_from((v * a + under * (255 - a) + 127) / 255).unwrap_or(255)
    };
    let [ur, ug, ub] = colour;
    let pixels = raster
        .pixels
        .as_chunks::<4>()
        .0
        .iter()
        .flat_map(|&[r, g, b, a]| [over(r, ur, a), over(g, ug, a), over(b, ub, a)])
        .collect();
    Raster { pixels, alpha: false, ..raster }
}

fn with_alpha(raster: Raster) -> Raster {
    if raster.alpha {
        return raster;
    }
    let pixels = raster.pixels.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
    Raster { pixels, alpha: true, ..raster }
}
