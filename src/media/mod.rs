//! Media files: what they are (`sniff`), what they carry (`probe`), and what is made of them (`render`, `proxy`).
//!
//! Every input is hostile: walkers are bounded in memory and steps, and nothing here panics on any bytes.

mod alpha;
mod attention;
mod bmff;
mod bound;
mod budget;
mod bytes;
mod canvas;
mod colour;
mod comfy;
mod dates;
mod decode;
mod encode;
mod exif;
mod focus;
mod font;
mod found;
mod heif;
mod infotext;
mod iptc;
mod jpeg;
mod layered;
mod look;
mod mark;
mod other_tools;
mod pages;
mod palette;
mod plan;
mod png;
mod png_colour;
mod probe;
mod proxy;
mod psd;
mod recipe;
mod render;
mod seal;
mod sharpen;
mod simple;
mod sniff;
mod source_type;
pub mod video;
mod webp;
mod words;
mod xmp;
mod zip;

pub use budget::{Budget, Share};
pub use decode::{Conversion, Converter, Limits, Master, Quick, conversion, decoded_bytes};
pub use encode::{AVIF_COMMAND, Encoder, Rendered};
pub use focus::Focus;
pub use heif::{COMMAND as HEIF_COMMAND, is_heif};
pub use look::{LOOK, Look};
pub use plan::suits;
pub use probe::{Probe, derived_from, is_signed, probe, sidecar};
pub use proxy::PROXY_BYTES;
pub use recipe::{Canvas, Fit, RENDERER, Recipe, StillFormat};
pub use render::{Finished, render};
pub use seal::{Claim, Sealer, Signed, SignerId, Step};
pub use sniff::{Sniffed, sniff};
pub use words::{Told, Words};

/// Why a file could not be read or rendered.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The first bytes belong to no format known here.
    #[error("not a media file that is known here; files of any kind are kept with `dam import --any`")]
    Unrecognised,
    /// The bytes break their own format's rules.
    #[error("the file is damaged: {what}; export it again from the program that made it")]
    Damaged {
        /// What is wrong.
        what: String,
    },
    /// Larger than a limit allows.
    #[error("too large: {what}")]
    TooLarge {
        /// What exceeds which limit, and what to change.
        what: String,
    },
    /// Of one shade.
    #[error("the picture is of one even shade")]
    Even,
    /// What is asked for has more pixels than there are.
    #[error("too small: it has {}x{} pixels, and {}x{} are asked for; use a larger one, or write `yes` into the row's `upscale` with `dam spec edit`", .has.0, .has.1, .wants.0, .wants.1)]
    TooSmall {
        /// Width and height as shown.
        has: (u32, u32),
        wants: (u32, u32),
    },
    /// A known format that cannot be decoded here.
    #[error("{format} cannot be rendered; convert it to PNG, JPEG or WebP first")]
    Unsupported {
        /// The format's name as [`Sniffed::format`] gives it.
        format: String,
    },
    /// A format that another program decodes, which cannot be run here.
    #[error("{format} cannot be rendered here: {why}")]
    Unavailable {
        /// The format's name as [`Sniffed::format`] gives it.
        format: String,
        /// What is missing, and what to do.
        why: String,
    },
    /// A format that another program writes, which cannot be run here.
    #[error("{format} cannot be written here: {why}")]
    Unwritable {
        /// The format's name as [`StillFormat::name`] gives it.
        format: String,
        /// What is missing, and what to do.
        why: String,
    },
    /// It took all the time, memory or room that it is given; another time it may not.
    #[error("it cannot be rendered just now: {what}")]
    Overran {
        /// Of what.
        what: String,
    },
    /// The bytes could not be read.
    #[error("the bytes cannot be read: {0}")]
    Io(#[from] std::io::Error),
}

impl MediaError {
    /// Whether the same bytes would fail again: what the machine could not do just now says nothing of them.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        !matches!(self, Self::Io(_) | Self::Unavailable { .. } | Self::Unwritable { .. } | Self::Overran { .. })
    }

    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged { what: what.into() }
    }

    pub(crate) fn too_large(what: impl Into<String>) -> Self {
        Self::TooLarge { what: what.into() }
    }
}
