//! What part of a picture goes where, and whether it is large enough for that.

use image::metadata::Orientation;

use super::{Fit, MediaError, Recipe};

/// Longest side that is ever written: JPEG has 16 bits for it.
const MAX_SIDE: u32 = 65_500;
/// Most pixels that are ever written.
const MAX_OUTPUT: u64 = 200_000_000;
/// Parts of a pixel that a crop may lack by rounding.
const SLACK: f64 = 0.5;

/// Left, top, width and height in pixels.
pub(super) type Part = (f64, f64, f64, f64);

/// What part of the shown picture goes where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Plan {
    pub crop: Part,
    pub size: (u32, u32),
    pub canvas: (u32, u32),
}

/// All of a picture, whatever its ratio.
pub(super) fn squeezed(shown: (u32, u32), size: (u32, u32)) -> Plan {
    Plan { crop: (0.0, 0.0, f64::from(shown.0), f64::from(shown.1)), size, canvas: size }
}

/// Whether a picture of this size, as it is shown, can be made into what the recipe asks for.
///
/// # Errors
/// When it is too small for it, or the result would be absurdly large.
pub fn suits(shown: (u32, u32), recipe: &Recipe) -> Result<(), MediaError> {
    plan(shown, recipe).map(drop)
}

/// Works out crop, size and canvas.
pub(super) fn plan(shown: (u32, u32), recipe: &Recipe) -> Result<Plan, MediaError> {
    let (w, h) = (shown.0.max(1), shown.1.max(1));
    let whole = (0.0, 0.0, f64::from(w), f64::from(h));
    let scaled = |a: u32, by: u32, of: u32| {
        let n = (u64::from(a) * u64::from(by) + u64::from(of) / 2) / u64::from(of.max(1));
        u32::try_from(n).unwrap_or(u32::MAX).max(1)
    };
    // A side that is free follows the picture's own ratio.
    let wanted = match (recipe.width, recipe.height) {
        (Some(x), Some(y)) => (x, y),
        (Some(x), None) => (x, scaled(h, x, w)),
        (None, Some(y)) => (scaled(w, y, h), y),
        (None, None) => (w, h),
    };
    if wanted.0 == 0 || wanted.1 == 0 {
        return Err(MediaError::damaged("the recipe asks for a side of 0 pixels; give it a width and a height"));
    }
    let inside = |bound: (u32, u32)| {
        // Cross-multiplied, so that no rounding decides which side is the tight one.
        if u64::from(bound.0) * u64::from(h) <= u64::from(bound.1) * u64::from(w) {
            (bound.0, scaled(h, bound.0, w).min(bound.1))
        } else {
            (scaled(w, bound.1, h).min(bound.0), bound.1)
        }
    };
    let plan = match recipe.fit {
        Fit::Crop => Plan { crop: filling((w, h), wanted, recipe), size: wanted, canvas: wanted },
        Fit::Pad => Plan { crop: whole, size: inside(wanted), canvas: wanted },
        Fit::Any => {
            let size = if wanted.0 >= w && wanted.1 >= h { (w, h) } else { inside(wanted) };
            Plan { crop: whole, size, canvas: size }
        }
    };
    let (x, y) = plan.canvas;
    if x > MAX_SIDE || y > MAX_SIDE || u64::from(x) * u64::from(y) > MAX_OUTPUT {
        return Err(MediaError::too_large(format!("an export of {x}x{y} pixels; ask for a smaller width or height")));
    }
    let (_, _, cw, ch) = plan.crop;
    let enlarges = f64::from(plan.size.0) > cw + SLACK || f64::from(plan.size.1) > ch + SLACK;
    if enlarges && !recipe.upscale {
        return Err(MediaError::TooSmall { has: (w, h), wants: wanted });
    }
    Ok(plan)
}

/// The part of a picture that has another one's shape, with the focus as near to its middle as the picture reaches.
pub(super) fn filling((w, h): (u32, u32), wanted: (u32, u32), recipe: &Recipe) -> Part {
    let (w, h) = (f64::from(w), f64::from(h));
    let ratio = f64::from(wanted.0) / f64::from(wanted.1);
    let (cw, ch) = if w > h * ratio { (h * ratio, h) } else { (w, w / ratio) };
    let (cw, ch) = (cw.clamp(0.01, w), ch.clamp(0.01, h));
    let (x, y) = recipe.focus.map_or((0.5, 0.5), |focus| focus.parts());
    let from = |whole: f64, part: f64, focus: f64| (whole * focus - part / 2.0).clamp(0.0, whole - part);
    (from(w, cw, x), from(h, ch, y), cw, ch)
}

/// The same part of the picture as it is stored. `shown` is the size of the upright one.
pub(super) fn stored((l, t, w, h): Part, shown: (u32, u32), orientation: Orientation) -> Part {
    let (right, bottom) = (f64::from(shown.0) - l - w, f64::from(shown.1) - t - h);
    match orientation {
        Orientation::NoTransforms => (l, t, w, h),
        Orientation::FlipHorizontal => (right, t, w, h),
        Orientation::Rotate180 => (right, bottom, w, h),
        Orientation::FlipVertical => (l, bottom, w, h),
        Orientation::Rotate90FlipH => (t, l, h, w),
        Orientation::Rotate90 => (t, right, h, w),
        Orientation::Rotate270FlipH => (bottom, right, h, w),
        Orientation::Rotate270 => (bottom, l, h, w),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    fn recipe(width: Option<u32>, height: Option<u32>, fit: Fit) -> Recipe {
        Recipe { width, height, fit, ..Recipe::default() }
    }

    #[test]
    fn crops_are_centred_and_sizes_keep_the_ratio() {
        let p = plan((4000, 3000), &recipe(Some(1080), Some(1080), Fit::Crop)).unwrap();
        assert_eq!((p.crop, p.size), ((500.0, 0.0, 3000.0, 3000.0), (1080, 1080)));
        let p = plan((4000, 3000), &recipe(Some(1000), Some(1000), Fit::Pad)).unwrap();
        assert_eq!((p.size, p.canvas), ((1000, 750), (1000, 1000)));
        assert_eq!(plan((4000, 3000), &recipe(Some(1000), None, Fit::Any)).unwrap().size, (1000, 750));
        assert_eq!(plan((400, 300), &recipe(Some(1000), None, Fit::Any)).unwrap().size, (400, 300));
        assert_eq!(plan((400, 300), &recipe(None, None, Fit::Crop)).unwrap().size, (400, 300));
        assert_eq!(plan((1, 60_000), &recipe(Some(10), Some(10), Fit::Any)).unwrap().size, (1, 10));
        for (w, h) in
            [(Some(0), None), (Some(10), Some(0)), (Some(u32::MAX), Some(u32::MAX)), (Some(60_000), Some(60_000))]
        {
            let recipe = Recipe { upscale: true, ..recipe(w, h, Fit::Crop) };
            assert!(plan((400, 300), &recipe).is_err());
        }
    }

    #[test]
    fn a_crop_follows_the_focus_as_far_as_the_picture_reaches() {
        let left = |focus: &str| {
            let focus = Some(focus.parse().unwrap());
            plan((4000, 3000), &Recipe { focus, ..recipe(Some(1000), Some(1000), Fit::Crop) }).unwrap().crop.0
        };
        assert_eq!(
            [left("0,0"), left("0.4,0"), left("0.5,1"), left("0.6,0.5"), left("1,1")],
            [0.0, 100.0, 500.0, 900.0, 1000.0]
        );
    }

    #[test]
    fn nothing_is_enlarged_unasked() {
        for (fit, shown, small) in [
            (Fit::Crop, (1080, 1350), false),
            (Fit::Crop, (1081, 1351), false),
            (Fit::Crop, (1079, 4000), true),
            (Fit::Crop, (4000, 1349), true),
            (Fit::Pad, (1080, 10), false),
            (Fit::Pad, (1079, 1349), true),
            (Fit::Any, (1, 1), false),
        ] {
            let recipe = recipe(Some(1080), Some(1350), fit);
            let told = suits(shown, &recipe);
            assert_eq!(matches!(told, Err(MediaError::TooSmall { .. })), small, "{fit:?} {shown:?}");
            assert!(suits(shown, &Recipe { upscale: true, ..recipe }).is_ok(), "{fit:?} {shown:?}");
        }
        assert!(suits((320, 10), &recipe(Some(320), None, Fit::Crop)).is_ok());
        assert!(suits((319, 999), &recipe(Some(320), None, Fit::Crop)).is_err());
        // Photographs of the usual shapes, one row of pixels cut off.
        assert!(suits((1080, 1349), &recipe(Some(864), Some(1080), Fit::Crop)).is_ok());
    }
}
