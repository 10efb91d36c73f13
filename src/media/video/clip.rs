//! What a clip is, as ffprobe tells it.

use std::time::Duration;

use serde::Deserialize;

use super::INPUT;
use crate::media::MediaError;

/// Longest side of a clip that is decoded.
const MAX_SIDE: u32 = 8192;

/// A clip, as it is shown: turned upright, with square pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clip {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// How long it is.
    pub length: Duration,
    /// Frames per second, numerator and denominator; `None` when it does not say.
    pub rate: Option<(u32, u32)>,
    /// Whether its pixels are square.
    pub square: bool,
    /// Whether its frames are two fields.
    pub interlaced: bool,
    /// Whether its frames are turned before they are shown.
    pub turned: bool,
    /// Whether its light goes beyond what a screen shows.
    pub hdr: bool,
    /// Codec of the picture.
    pub codec: String,
    /// Layout of the pixels.
    pub pixels: String,
    /// Codec of the sound, when there is any.
    pub audio: Option<String>,
    /// The demuxers that its container is read by.
    pub container: String,
}

#[cfg(test)]
impl Clip {
    /// Ten seconds that nothing is odd about.
    pub(super) fn plain(width: u32, height: u32) -> Self {
        Self {
            width,
            height,
            length: Duration::from_secs(10),
            rate: Some((25, 1)),
            square: true,
            interlaced: false,
            turned: false,
            hdr: false,
            codec: "h264".into(),
            pixels: "yuv420p".into(),
            audio: Some("aac".into()),
            container: "mov,mp4,m4a".into(),
        }
    }
}

#[derive(Deserialize)]
struct Told {
    #[serde(default)]
    streams: Vec<Stream>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    #[serde(default)]
    format_name: String,
    duration: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Stream {
    codec_type: String,
    codec_name: String,
    width: u32,
    height: u32,
    sample_aspect_ratio: String,
    pix_fmt: String,
    field_order: String,
    avg_frame_rate: String,
    color_transfer: String,
    duration: Option<String>,
    disposition: Disposition,
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Disposition {
    attached_pic: u8,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct SideData {
    rotation: i64,
}

/// The one demuxer that a format is read by. Never one that follows names in what it reads, as playlists do.
pub(super) fn demuxer(format: &str) -> Option<&'static str> {
    match format {
        "mp4" | "mov" | "m4v" | "3gp" => Some("mov"),
        "webm" | "mkv" => Some("matroska"),
        "avi" => Some("avi"),
        _ => None,
    }
}

/// The arguments by which ffprobe describes a clip of this format, for [`Clip::read`].
///
/// # Errors
/// When clips of that format are not read.
pub fn probe_command(format: &str) -> Result<Vec<String>, MediaError> {
    let demuxer = demuxer(format).ok_or_else(|| MediaError::Unsupported { format: format.to_owned() })?;
    const ENTRIES: &str = "format=format_name,duration:stream=codec_type,codec_name,width,height,sample_aspect_ratio,pix_fmt,\
                           field_order,avg_frame_rate,color_transfer,duration:stream_disposition=attached_pic:stream_side_data=rotation";
    let arguments =
        ["-v", "error", "-protocol_whitelist", "file", "-f", demuxer, "-show_entries", ENTRIES, "-of", "json", INPUT];
    Ok(arguments.map(str::to_owned).to_vec())
}

impl Clip {
    /// Reads what ffprobe told.
    ///
    /// # Errors
    /// When that is no clip with a picture, or one that cannot be rendered.
    pub fn read(json: &[u8]) -> Result<Self, MediaError> {
        let told: Told = serde_json::from_slice(json).map_err(|_| MediaError::damaged("it tells nothing of itself"))?;
        let is_picture = |s: &&Stream| s.codec_type == "video" && s.disposition.attached_pic == 0;
        let picture = told
            .streams
            .iter()
            .find(is_picture)
            .ok_or_else(|| MediaError::damaged("there is no moving picture in it"))?;
        let format = told.format.as_ref();
        let length = [format.and_then(|f| f.duration.as_deref()), picture.duration.as_deref()]
            .into_iter()
            .flatten()
            .find_map(seconds)
            .ok_or_else(|| MediaError::damaged("it does not say how long it is"))?;
        let (mut width, mut height) = (picture.width, picture.height);
        if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE {
            return Err(MediaError::too_large(format!(
                "a clip of {width}x{height} pixels; sides of 1 to {MAX_SIDE} are read"
            )));
        }
        let aspect = ratio(&picture.sample_aspect_ratio, ':').unwrap_or((1, 1));
        let stretched = u64::from(width) * u64::from(aspect.0) / u64::from(aspect.1);
        width = u32::try_from(stretched).ok().filter(|w| (1..=MAX_SIDE).contains(w)).unwrap_or(width);
        if picture.side_data_list.iter().any(|data| data.rotation.rem_euclid(180) == 90) {
            (width, height) = (height, width);
        }
        Ok(Self {
            width,
            height,
            length,
            rate: ratio(&picture.avg_frame_rate, '/'),
            square: aspect.0 == aspect.1,
            interlaced: matches!(picture.field_order.as_str(), "tt" | "bb" | "tb" | "bt"),
            turned: picture.side_data_list.iter().any(|data| data.rotation != 0),
            hdr: matches!(picture.color_transfer.as_str(), "smpte2084" | "arib-std-b67"),
            codec: picture.codec_name.clone(),
            pixels: picture.pix_fmt.clone(),
            audio: told.streams.iter().find(|s| s.codec_type == "audio").map(|s| s.codec_name.clone()),
            container: format.map(|f| f.format_name.clone()).unwrap_or_default(),
        })
    }
}

/// A length that is one: more than nothing, and no more than a week.
fn seconds(text: &str) -> Option<Duration> {
    let length = Duration::try_from_secs_f64(text.parse().ok()?).ok()?;
    (!length.is_zero() && length < Duration::from_secs(7 * 86_400)).then_some(length)
}

fn ratio(text: &str, between: char) -> Option<(u32, u32)> {
    let (a, b) = text.split_once(between)?;
    let (a, b) = (a.parse().ok()?, b.parse().ok()?);
    (a > 0 && b > 0).then_some((a, b))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn told(stream: &str, format: &str) -> String {
        format!("{{\"streams\":[{stream}],\"format\":{{{format}}}}}")
    }

    #[test]
    fn a_clip_is_read_as_it_is_shown() {
        let stream = "\"codec_type\":\"video\",\"codec_name\":\"h264\",\"width\":720,\"height\":576,\"sample_aspect_ratio\":\"16:15\",\
                      \"pix_fmt\":\"yuv420p\",\"field_order\":\"tt\",\"avg_frame_rate\":\"30000/1001\"";
        let cover = "{\"codec_type\":\"video\",\"codec_name\":\"mjpeg\",\"width\":9,\"height\":9,\"disposition\":{\"attached_pic\":1}}";
        let turned = format!(
            "{cover},{{{stream},\"side_data_list\":[{{\"rotation\":-90}}]}},{{\"codec_type\":\"audio\",\"codec_name\":\"aac\"}}"
        );
        let clip = Clip::read(told(&turned, "\"format_name\":\"mov,mp4\",\"duration\":\"1.52\"").as_bytes()).unwrap();
        assert_eq!((clip.width, clip.height), (576, 768), "stretched, then turned");
        assert_eq!(clip.length, Duration::from_millis(1520));
        assert_eq!((clip.rate, clip.square, clip.interlaced, clip.hdr), (Some((30_000, 1001)), false, true, false));
        assert_eq!((clip.audio.as_deref(), clip.turned), (Some("aac"), true));
    }

    #[test]
    fn what_is_no_clip_is_refused_with_its_reason() {
        let picture = |more: &str| format!("{{\"codec_type\":\"video\",\"width\":9,\"height\":9{more}}}");
        let table = [
            ("not json".to_owned(), "tells nothing"),
            (told("", "\"duration\":\"1\""), "no moving picture"),
            (told("{\"codec_type\":\"audio\"}", "\"duration\":\"1\""), "no moving picture"),
            (told(&picture(""), ""), "how long"),
            (told(&picture(""), "\"duration\":\"-1\""), "how long"),
            (told(&picture(""), "\"duration\":\"nan\""), "how long"),
            (told(&picture(""), "\"duration\":\"1e300\""), "how long"),
            (told("{\"codec_type\":\"video\",\"width\":60000,\"height\":9}", "\"duration\":\"1\""), "60000x9"),
        ];
        for (text, reason) in table {
            let error = Clip::read(text.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(reason) && error.is_lasting(), "{text}: {error}");
        }
        assert!(probe_command("hls").unwrap_err().to_string().contains("hls cannot be rendered"));
        assert!(probe_command("mp4").unwrap().windows(2).any(|w| w == ["-f", "mov"]));
    }
}
