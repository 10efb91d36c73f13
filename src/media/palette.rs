//! Which colours stand out in a picture: each point is called by the name that people would give it, and what covers enough of it counts.

use super::render::Raster;
use crate::types::Colours;

/// A colour stands out when it covers one part of so many. Of a picture in which none does it is the one that covers most.
const PART: usize = 8;
/// What is less opaque than this shows what lies behind.
const OPAQUE: u8 = 128;

/// Of a small copy of a picture, before anything is put behind it.
pub(super) fn colours(raster: &Raster) -> Colours {
    let mut counts: Vec<(&'static str, usize)> = Vec::new();
    let mut count = |rgb: [u8; 3]| {
        let name = name(rgb);
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, n)) => *n += 1,
            None => counts.push((name, 1)),
        }
    };
    if raster.alpha {
        let opaque = raster.pixels.as_chunks::<4>().0.iter().filter(|[.., a]| *a >= OPAQUE);
        opaque.for_each(|[r, g, b, _]| count([*r, *g, *b]));
    } else {
        raster.pixels.as_chunks::<3>().0.iter().for_each(|rgb| count(*rgb));
    }
    let all: usize = counts.iter().map(|(_, n)| n).sum();
    let most = counts.iter().map(|(_, n)| *n).max().unwrap_or(0);
    let stands_out = |n: usize| n * PART >= all || n == most;
    counts.iter().filter(|(_, n)| stands_out(*n)).fold(Colours::NONE, |found, (name, _)| found.with(name))
}

/// The name of a colour in sRGB. Whole numbers throughout: the same on every processor.
fn name([r, g, b]: [u8; 3]) -> &'static str {
    let [r, g, b] = [r, g, b].map(i32::from);
    let (most, least) = (r.max(g).max(b), r.min(g).min(b));
    let chroma = most - least;
    if most < 45 {
        return "black";
    }
    // Little colour for its brightness: the eye sees none. Very bright ones are white with little more.
    if chroma * 100 < most * 14 || (least > 225 && chroma < 30) {
        return match most {
            ..70 => "black",
            225.. => "white",
            _ => "grey",
        };
    }
    // Sixths of the circle, in degrees.
    let hue = if most == r {
        60 * (g - b) / chroma
    } else if most == g {
        120 + 60 * (b - r) / chroma
    } else {
        240 + 60 * (r - g) / chroma
    };
    let pale = chroma * 100 < most * 60;
    match hue.rem_euclid(360) {
        // Dark or dull orange is called brown, pale red pink.
        0..15 | 345..360 if pale && most > 190 => "pink",
        0..12 | 348..360 => "red",
        12..50 if most < 165 => "brown",
        12..45 => "orange",
        45..68 => "yellow",
        68..160 => "green",
        160..195 => "teal",
        195..255 => "blue",
        255..288 => "purple",
        288..325 if most < 160 => "purple",
        325..348 if most < 120 => "red",
        _ => "pink",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(parts: &[([u8; 3], usize)]) -> Raster {
        let pixels: Vec<u8> = parts.iter().flat_map(|(rgb, n)| rgb.repeat(*n)).collect();
        let count = parts.iter().map(|(_, n)| *n).sum::<usize>();
        Raster { width: u32::try_from(count).unwrap_or(0), height: 1, pixels, alpha: false }
    }

    /// Names and values from CSS Color 4, and what people call them.
    #[test]
    fn colours_have_the_names_that_people_give_them() {
        let table = [
            ("crimson", [220, 20, 60], "red"),
            ("firebrick", [178, 34, 34], "red"),
            ("darkred", [139, 0, 0], "red"),
            ("tomato", [255, 99, 71], "red"),
            ("darkorange", [255, 140, 0], "orange"),
            ("coral", [255, 127, 80], "orange"),
            ("sandybrown", [244, 164, 96], "orange"),
            ("gold", [255, 215, 0], "yellow"),
            ("khaki", [240, 230, 140], "yellow"),
            ("forestgreen", [34, 139, 34], "green"),
            ("yellowgreen", [154, 205, 50], "green"),
            ("palegreen", [152, 251, 152], "green"),
            ("darkolivegreen", [85, 107, 47], "green"),
            ("teal", [0, 128, 128], "teal"),
            ("turquoise", [64, 224, 208], "teal"),
            ("navy", [0, 0, 128], "blue"),
            ("skyblue", [135, 206, 235], "blue"),
            ("royalblue", [65, 105, 225], "blue"),
            ("indigo", [75, 0, 130], "purple"),
            ("blueviolet", [138, 43, 226], "purple"),
            ("purple", [128, 0, 128], "purple"),
            ("hotpink", [255, 105, 180], "pink"),
            ("lightpink", [255, 182, 193], "pink"),
            ("deeppink", [255, 20, 147], "pink"),
            ("saddlebrown", [139, 69, 19], "brown"),
            ("sienna", [160, 82, 45], "brown"),
            ("black", [0, 0, 0], "black"),
            ("gray", [128, 128, 128], "grey"),
            ("silver", [192, 192, 192], "grey"),
            ("dimgray", [105, 105, 105], "grey"),
            ("snow", [255, 250, 250], "white"),
            ("ivory", [255, 255, 240], "white"),
            ("whitesmoke", [245, 245, 245], "white"),
        ];
        let wrong: Vec<_> = table.iter().filter(|(_, rgb, called)| name(*rgb) != *called).collect();
        assert!(wrong.is_empty(), "{:?}", wrong.iter().map(|(css, rgb, _)| (css, name(*rgb))).collect::<Vec<_>>());
    }

    #[test]
    fn what_covers_enough_stands_out_and_something_always_does() {
        let (red, blue, green) = ([220, 20, 60], [0, 0, 128], [34, 139, 34]);
        let names = |parts: &[([u8; 3], usize)]| colours(&painted(parts)).names().collect::<Vec<_>>();
        assert_eq!(names(&[(red, 70), (blue, 20), (green, 10)]), ["red", "blue"]);
        let many = [[220, 20, 60], [255, 140, 0], [255, 215, 0], [34, 139, 34], [0, 128, 128], [0, 0, 128]];
        let rest = [[128, 0, 128], [255, 105, 180], [139, 69, 19], [128, 128, 128], [255, 255, 255]];
        let all: Vec<_> = many.into_iter().chain(rest).map(|rgb| (rgb, if rgb == green { 11 } else { 10 })).collect();
        assert_eq!(names(&all), ["green"], "none covers an eighth");
        assert_eq!(names(&[]), Vec::<&str>::new());
    }

    #[test]
    fn what_shows_through_says_nothing() {
        let pixels = [[220, 20, 60, 255], [0, 0, 128, 0], [0, 0, 128, 100]].concat();
        let seen = colours(&Raster { width: 3, height: 1, pixels, alpha: true });
        assert_eq!(seen.names().collect::<Vec<_>>(), ["red"]);
    }
}
