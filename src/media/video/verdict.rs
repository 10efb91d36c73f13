//! Whether a finished file is what its row asks for.

use std::time::Duration;

use super::{Clip, ClipRecipe, Encode};
use crate::media::MediaError;

/// What may be missing at the end: a frame or two, and for a hundredth of its length a container may err.
const SLACK: Duration = Duration::from_millis(500);

/// Judges what came of encoding a clip, by what ffprobe tells of it.
///
/// # Errors
/// What is wrong: a file that is cut short tells of a damaged clip.
pub fn verdict(recipe: &ClipRecipe, encode: &Encode, from: &Clip, made: &Clip, bytes: u64) -> Result<(), MediaError> {
    let wrong =
        |what: String| Err(MediaError::damaged(format!("what was made of it is not what was asked for: {what}")));
    let sound = made.audio.as_deref();
    if (made.codec.as_str(), made.pixels.as_str()) != ("h264", "yuv420p")
        || !made.container.split(',').any(|c| c == "mp4")
    {
        return wrong(format!("{} {} in {}", made.codec, made.pixels, made.container));
    }
    if (made.width, made.height) != encode.size {
        return wrong(format!("{}x{} pixels", made.width, made.height));
    }
    if sound.is_some_and(|codec| codec != "aac") || sound.is_some() != from.audio.is_some() {
        return wrong(format!("sound {}", sound.unwrap_or("missing")));
    }
    if let (Some(most), Some((n, d))) = (recipe.most_fps, made.rate)
        && u64::from(n) > u64::from(most) * u64::from(d)
    {
        return wrong(format!("{n}/{d} frames per second"));
    }
    if made.length + SLACK + from.length / 100 < from.length {
        let (made, from) = (made.length.as_secs_f64(), from.length.as_secs_f64());
        return Err(MediaError::damaged(format!("only {made:.1} of its {from:.1} s can be read")));
    }
    match recipe.max_bytes {
        Some(most) if bytes > most => wrong(format!("{bytes} bytes where {most} are taken")),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::ClipFit;
    use super::*;

    #[test]
    fn each_deviation_is_named() {
        let made = Clip::plain(320, 240);
        let recipe = ClipRecipe {
            width: Some(320),
            height: Some(240),
            fit: ClipFit::Any,
            least_fps: None,
            most_fps: Some(30),
            max_seconds: None,
            max_bytes: Some(1_000_000),
            mark_ai: false,
            words: crate::media::Words::default(),
        };
        let encode = Encode::plan(&recipe, &made, "mp4").unwrap();
        let from = Clip { audio: Some("opus".into()), ..made.clone() };
        assert!(verdict(&recipe, &encode, &from, &made, 1_000_000).is_ok());
        assert!(
            verdict(&recipe, &encode, &from, &Clip { length: Duration::from_millis(9_600), ..made.clone() }, 1).is_ok()
        );
        let table = [
            (Clip { codec: "hevc".into(), ..made.clone() }, 1, "hevc"),
            (Clip { pixels: "yuv444p".into(), ..made.clone() }, 1, "yuv444p"),
            (Clip { container: "matroska,webm".into(), ..made.clone() }, 1, "matroska"),
            (Clip { width: 322, ..made.clone() }, 1, "322x240"),
            (Clip { rate: Some((60, 1)), ..made.clone() }, 1, "60/1 frames"),
            (Clip { length: Duration::from_secs(3), ..made.clone() }, 1, "only 3.0 of its 10.0 s"),
            (Clip { audio: None, ..made.clone() }, 1, "sound missing"),
            (made.clone(), 1_000_001, "1000001 bytes"),
        ];
        for (made, bytes, reason) in table {
            let told = verdict(&recipe, &encode, &from, &made, bytes).unwrap_err().to_string();
            assert!(told.contains(reason), "{reason}: {told}");
        }
    }
}
