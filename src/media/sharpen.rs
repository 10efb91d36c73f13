//! Edges brought out: what a picture in another size is beside its own, blurred by one pixel, added to it once more.

use super::render::Raster;

/// How much a neighbour counts, of sixteen.
const WEIGHTS: [(isize, isize, i32); 8] =
    [(-1, -1, 1), (0, -1, 2), (1, -1, 1), (-1, 0, 2), (1, 0, 2), (-1, 1, 1), (0, 1, 2), (1, 1, 1)];

/// Brings edges out, as strongly as `percent` says. Transparency stays.
pub(super) fn sharpen(raster: &mut Raster, percent: u8) {
    let before = raster.pixels.clone();
    let channels = if raster.alpha { 4 } else { 3 };
    let row = usize::try_from(raster.width).unwrap_or(0).max(1);
    let height = before.len() / channels / row;
    let pixel = |x: usize, y: usize| before.get((y * row + x) * channels..).unwrap_or_default();
    for (n, sharp) in raster.pixels.chunks_exact_mut(channels).enumerate() {
        let (x, y) = (n % row, n / row);
        let own = pixel(x, y);
        // What lies beyond the edge, or is not seen, is as this one.
        let beside = |(dx, dy, weight): &(isize, isize, i32)| {
            let x = x.checked_add_signed(*dx).filter(|x| *x < row);
            let y = y.checked_add_signed(*dy).filter(|y| *y < height);
            let there = x.zip(y).map_or(own, |(x, y)| pixel(x, y));
            (if channels == 4 && there.get(3) == Some(&0) { own } else { there }, *weight)
        };
        let around = WEIGHTS.each_ref().map(beside);
        for (channel, value) in sharp.iter_mut().take(3).enumerate() {
            let of = |pixel: &[u8]| i32::from(pixel.get(channel).copied().unwrap_or(0));
            let sum: i32 = around.iter().map(|(pixel, weight)| of(pixel) * weight).sum();
            let own = of(own);
            // Sixteen times what this pixel has more than a blurred one would.
            let more = 12 * own - sum;
            *value = u8::try_from((own + more * i32::from(percent) / 1_600).clamp(0, 255)).unwrap_or(255);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_gets_steeper_by_as_much_as_is_asked_and_what_is_even_stays() {
        let edge = |alpha: bool| {
            let of = |n: usize| if n % 8 < 4 { 100 } else { 140 };
            let pixels = (0..64).flat_map(|n| [of(n), of(n), of(n), if n == 27 { 0 } else { 255 }]);
            let pixels = pixels.enumerate().filter(|(n, _)| alpha || n % 4 < 3).map(|(_, v)| v).collect();
            Raster { width: 8, height: 8, pixels, alpha }
        };
        let sharp = |percent| {
            let mut raster = edge(false);
            sharpen(&mut raster, percent);
            raster.pixels.as_chunks::<3>().0.iter().map(|pixel| pixel[0]).collect::<Vec<_>>()
        };
        assert_eq!(sharp(100)[16..24], [100, 100, 100, 90, 150, 140, 140, 140]);
        assert_eq!(sharp(50)[16..24], [100, 100, 100, 95, 145, 140, 140, 140]);
        let mut seen_through = edge(true);
        sharpen(&mut seen_through, 100);
        assert_eq!((seen_through.pixels[27 * 4 + 3], seen_through.pixels[26 * 4]), (0, 100));
    }
}
