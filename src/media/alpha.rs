//! Colours weighed by how opaque they are, so that what is not seen gives no colour to what is beside it.

const OPAQUE: u64 = 65_535;

/// Pixels of which the last channel is the opacity.
pub(super) fn weigh(pixels: &[u16], channels: usize) -> Vec<u16> {
    let mut weighed = pixels.to_vec();
    each(&mut weighed, channels, |colour, alpha| (colour * alpha + OPAQUE / 2) / OPAQUE);
    weighed
}

/// Takes the weights out again.
pub(super) fn unweigh(pixels: &mut [u16], channels: usize) {
    each(pixels, channels, |colour, alpha| (colour * OPAQUE + alpha / 2).checked_div(alpha).unwrap_or(0).min(OPAQUE));
}

fn each(pixels: &mut [u16], channels: usize, becomes: impl Fn(u64, u64) -> u64) {
    for pixel in pixels.chunks_exact_mut(channels.max(1)) {
        let Some((alpha, colours)) = pixel.split_last_mut() else { continue };
        for colour in colours {
            *colour = u16::try_from(becomes(u64::from(*colour), u64::from(*alpha))).unwrap_or(u16::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_opaque_keeps_its_colours_and_what_is_not_seen_has_none() {
        let pixels = [1, 40_000, 65_535, 65_535, 9, 9, 9, 0, 300, 65_535, 0, 32_768];
        let mut weighed = weigh(&pixels, 4);
        assert_eq!(weighed[4..8], [0; 4]);
        unweigh(&mut weighed, 4);
        assert_eq!((&weighed[..4], &weighed[4..8], &weighed[8..]), (&pixels[..4], &[0; 4][..], &pixels[8..]));
    }
}
