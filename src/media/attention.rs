//! What stands out of a picture: edges, strong colours and skin. A guess for crops that nobody gave a focus, the same on every machine.

use super::Focus;
use super::render::Raster;

/// Longest side of the copy that is looked at.
const SIDE: u32 = 96;
/// What more must be seen beside the middle than there, in hundredths, before a crop leaves it.
const WORTH: u64 = 104;
const EDGE: u32 = 3;
const SKIN: u32 = 90;

/// The size of that copy for a picture of one.
pub(super) fn size((w, h): (u32, u32)) -> (u32, u32) {
    let longest = u64::from(w.max(h).max(1));
    let most = longest.min(u64::from(SIDE));
    let side = |n: u32| u32::try_from(u64::from(n) * most / longest).unwrap_or(SIDE).max(1);
    (side(w), side(h))
}

/// The middle of that part of the copy which has the wanted shape and shows most. Such a part leaves out something in one direction alone.
pub(super) fn focus(copy: &Raster, wanted: (u32, u32)) -> Focus {
    let (w, h) = (copy.width.max(1), copy.height.max(1));
    let scores = scores(copy);
    let wide = u64::from(w) * u64::from(wanted.1) > u64::from(h) * u64::from(wanted.0);
    let shaped = |along: u32, by: u32, of: u32| {
        u32::try_from(u64::from(along) * u64::from(by) / u64::from(of.max(1))).unwrap_or(u32::MAX).max(1)
    };
    let row = usize::try_from(w).unwrap_or(1);
    if wide {
        let columns: Vec<u64> =
            (0..row).map(|x| scores.iter().skip(x).step_by(row).map(|s| u64::from(*s)).sum()).collect();
        let part = shaped(h, wanted.0, wanted.1).min(w);
        Focus::at((2 * best(&columns, part) + part, 2 * w), (1, 2))
    } else {
        let rows: Vec<u64> = scores.chunks(row).map(|line| line.iter().map(|s| u64::from(*s)).sum()).collect();
        let part = shaped(w, wanted.1, wanted.0).min(h);
        Focus::at((1, 2), (2 * best(&rows, part) + part, 2 * h))
    }
}

/// Where a part of that length begins that shows most, the nearest to the middle of equals.
fn best(lines: &[u64], part: u32) -> u32 {
    let length = usize::try_from(part).unwrap_or(usize::MAX).clamp(1, lines.len().max(1));
    let shown: Vec<u64> = lines.windows(length).map(|lines| lines.iter().sum()).collect();
    let middle = shown.len().saturating_sub(1) / 2;
    let at_middle = shown.get(middle).copied().unwrap_or(0);
    let best =
        (0..shown.len()).max_by_key(|n| (shown.get(*n), std::cmp::Reverse(n.abs_diff(middle)))).unwrap_or(middle);
    let is_worth_it = shown.get(best).copied().unwrap_or(0) * 100 > at_middle * WORTH;
    u32::try_from(if is_worth_it { best } else { middle }).unwrap_or(0)
}

fn scores(copy: &Raster) -> Vec<u32> {
    let pixels = copy.pixels.as_chunks::<3>().0;
    let row = usize::try_from(copy.width).unwrap_or(1).max(1);
    let shades: Vec<i32> = pixels.iter().map(shade).collect();
    let at = |n: Option<usize>, own: i32| n.and_then(|n| shades.get(n)).copied().unwrap_or(own);
    let edge = |(n, own): (usize, &i32)| {
        let left = n.checked_sub(1).filter(|_| n % row > 0);
        let right = Some(n + 1).filter(|_| n % row + 1 < row);
        let beside = at(left, *own) + at(right, *own) + at(n.checked_sub(row), *own) + at(Some(n + row), *own);
        (4 * own - beside).unsigned_abs().min(255)
    };
    shades.iter().enumerate().map(edge).zip(pixels).map(|(edge, pixel)| EDGE * edge + colour(pixel)).collect()
}

fn shade([r, g, b]: &[u8; 3]) -> i32 {
    (77 * i32::from(*r) + 150 * i32::from(*g) + 29 * i32::from(*b)) >> 8
}

/// How strong a colour is, and whether it may be skin, of light people or dark ones.
fn colour(pixel: &[u8; 3]) -> u32 {
    let [r, g, b] = pixel.map(i32::from);
    let spread = r.max(g).max(b) - r.min(g).min(b);
    let shade = shade(pixel);
    let strength = if (12..245).contains(&shade) { spread / 3 } else { 0 };
    let is_skin = r > g && g >= b && (40..235).contains(&shade) && (r - g) * 5 > r && (g - b) * 3 < r && spread < 150;
    u32::try_from(strength).unwrap_or(0) + if is_skin { SKIN } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, of: impl Fn(u32, u32) -> [u8; 3]) -> Raster {
        let pixels =
            (0..height).flat_map(|y| (0..width).flat_map(move |x| [(x, y)])).flat_map(|(x, y)| of(x, y)).collect();
        Raster { width, height, pixels, alpha: false }
    }

    #[test]
    fn a_crop_looks_to_what_stands_out_and_to_the_middle_of_what_is_even() {
        let checks = |x: u32, y: u32| if (x + y).is_multiple_of(2) { [230, 60, 20] } else { [20, 30, 90] };
        let left = picture(96, 54, |x, y| if x < 20 { checks(x, y) } else { [120, 130, 140] });
        assert!(focus(&left, (1, 1)).parts().0 < 0.3);
        let below = picture(54, 96, |x, y| if y > 80 { checks(x, y) } else { [120, 130, 140] });
        assert!(focus(&below, (1, 1)).parts().1 > 0.7);
        let face = picture(90, 30, |x, _| if (60..80).contains(&x) { [205, 150, 120] } else { [120, 130, 140] });
        assert!(focus(&face, (1, 1)).parts().0 > 0.7);
        for even in [picture(96, 54, |_, _| [9, 9, 9]), picture(96, 54, checks)] {
            assert!((focus(&even, (1, 1)).parts().0 - 0.5).abs() < 0.01);
        }
        for (shown, looked_at) in [((4000, 3000), (96, 72)), ((1, 60_000), (1, 96)), ((7, 5), (7, 5))] {
            assert_eq!(size(shown), looked_at);
        }
    }
}
