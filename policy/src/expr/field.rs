//! The fields a query may name.

use std::fmt;

/// The names of colours: those that picture searches commonly offer.
pub const COLOURS: [&str; 12] =
    ["red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown", "black", "grey", "white"];

/// A field of the query language.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    Client,
    Persona,
    Campaign,
    /// A tree; values are paths with `/` between levels.
    Tag,
    /// Closed and ordered: safe < suggestive < adult.
    Rating,
    /// Closed and ordered: 0 to 10, two for each star that a program shows.
    Stars,
    /// Closed: exclusive, editorial, unrestricted.
    Rights,
    /// Closed: synthetic, self, licensed.
    Likeness,
    Model,
    Lora,
    Sampler,
    Seed,
    /// Words of the prompt.
    Prompt,
    /// What was made of one prompt with one model, whatever the seed: twelve hexadecimal digits that follow from both.
    Family,
    /// What has the same bytes: sixteen hexadecimal digits that follow from them.
    Duplicate,
    /// Closed: image, video, audio, document, other.
    Kind,
    /// `png`, `jpeg`, `webp`, `mp4`, ... by content.
    Format,
    /// Closed: portrait, landscape, square.
    Orientation,
    /// What stands out in a picture. Closed: [`COLOURS`].
    Colour,
    Width,
    Height,
    Created,
    Imported,
    Expires,
    Owner,
    /// Closed: active, archived, expired, held, trashed.
    State,
    Stage,
    /// Who is to review it: a member's name.
    Reviewer,
    /// Until when it is to be reviewed.
    Due,
    /// What the file and the record say differently (`conflict=note`), and nobody has decided yet.
    Conflict,
    /// The verdict for one platform (`status.instagram`). Closed: needs-review, approved, rejected, stale.
    /// An asset that nobody put to a platform has none.
    Status(String),
    /// The verdict for any platform (`status`), as `by/status` lists it.
    AnyStatus,
    /// Words in name, prompt, notes and properties (`text`).
    Text,
}

/// How a field's values are written and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// Any text, compared as it is.
    Open,
    /// A tree of text.
    Tree,
    /// One of a fixed list.
    Closed(&'static [&'static str]),
    /// An integer.
    Number,
    /// A date or a month or a year; nanoseconds inside.
    Date,
    /// Words.
    Words,
}

impl Field {
    /// Every field but the per-platform ones.
    pub const ALL: &'static [Field] = &[
        Field::Client,
        Field::Persona,
        Field::Campaign,
        Field::Tag,
        Field::Rating,
        Field::Stars,
        Field::Rights,
        Field::Likeness,
        Field::Model,
        Field::Lora,
        Field::Sampler,
        Field::Seed,
        Field::Prompt,
        Field::Family,
        Field::Duplicate,
        Field::Kind,
        Field::Format,
        Field::Orientation,
        Field::Colour,
        Field::Width,
        Field::Height,
        Field::Created,
        Field::Imported,
        Field::Expires,
        Field::Owner,
        Field::State,
        Field::Stage,
        Field::Reviewer,
        Field::Due,
        Field::Conflict,
        Field::AnyStatus,
        Field::Text,
    ];

    /// How its values behave.
    #[must_use]
    pub fn kind(&self) -> FieldKind {
        match self {
            Field::Tag => FieldKind::Tree,
            Field::Rating => FieldKind::Closed(&["safe", "suggestive", "adult"]),
            Field::Stars => FieldKind::Closed(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]),
            Field::Rights => FieldKind::Closed(&["exclusive", "editorial", "unrestricted"]),
            Field::Likeness => FieldKind::Closed(&["synthetic", "self", "licensed"]),
            Field::Kind => FieldKind::Closed(&["image", "video", "audio", "document", "other"]),
            Field::Orientation => FieldKind::Closed(&["portrait", "landscape", "square"]),
            Field::Colour => FieldKind::Closed(&COLOURS),
            Field::State => FieldKind::Closed(&["active", "archived", "expired", "held", "trashed"]),
            Field::Status(_) | Field::AnyStatus => {
                FieldKind::Closed(&["needs-review", "approved", "rejected", "stale"])
            }
            Field::Stage => {
                FieldKind::Closed(&["draft", "internal-review", "client-approval", "approved", "rejected", "published"])
            }
            Field::Seed | Field::Width | Field::Height => FieldKind::Number,
            Field::Created | Field::Imported | Field::Expires | Field::Due => FieldKind::Date,
            Field::Prompt | Field::Text => FieldKind::Words,
            Field::Client
            | Field::Persona
            | Field::Campaign
            | Field::Model
            | Field::Lora
            | Field::Sampler
            | Field::Format
            | Field::Conflict
            | Field::Family
            | Field::Duplicate
            | Field::Owner
            | Field::Reviewer => FieldKind::Open,
        }
    }

    /// Whether an asset may have several values of it.
    #[must_use]
    pub fn is_multi(&self) -> bool {
        matches!(self, Field::Persona | Field::Campaign | Field::Tag | Field::Lora | Field::Colour | Field::Conflict)
    }

    /// Whether its values are digits that tell what belongs together, of which nearly every asset may have others.
    #[must_use]
    pub fn is_digits(&self) -> bool {
        matches!(self, Field::Family | Field::Duplicate)
    }

    /// Whether the words of its closed list have an order, so that ranges of them mean something.
    #[must_use]
    pub fn is_ranked(&self) -> bool {
        matches!(self, Field::Rating | Field::Stars)
    }

    /// Whether a person may set it (the others follow from the bytes or from what was done).
    #[must_use]
    pub fn is_settable(&self) -> bool {
        matches!(
            self,
            Field::Client
                | Field::Persona
                | Field::Campaign
                | Field::Tag
                | Field::Rating
                | Field::Stars
                | Field::Rights
                | Field::Likeness
                | Field::Model
                | Field::Lora
                | Field::Expires
                | Field::Owner
                | Field::State
                | Field::Stage
                | Field::Reviewer
                | Field::Due
                | Field::Status(_)
        )
    }

    /// The name as it stands in a query. `status.x` takes any platform id (`[a-z0-9_-]+`); whether it is known is
    /// checked by [`super::parse_field`].
    #[must_use]
    pub fn parse(name: &str) -> Option<Field> {
        if let Some(platform) = name.strip_prefix("status.") {
            let id = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-';
            return (!platform.is_empty() && platform.bytes().all(id)).then(|| Field::Status(platform.to_owned()));
        }
        Field::ALL.iter().find(|f| f.to_string() == name).cloned()
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Field::Client => "client",
            Field::Persona => "persona",
            Field::Campaign => "campaign",
            Field::Tag => "tag",
            Field::Rating => "rating",
            Field::Stars => "stars",
            Field::Rights => "rights",
            Field::Likeness => "likeness",
            Field::Model => "model",
            Field::Lora => "lora",
            Field::Sampler => "sampler",
            Field::Seed => "seed",
            Field::Prompt => "prompt",
            Field::Family => "family",
            Field::Duplicate => "duplicate",
            Field::Kind => "kind",
            Field::Format => "format",
            Field::Orientation => "orientation",
            Field::Colour => "colour",
            Field::Width => "width",
            Field::Height => "height",
            Field::Created => "created",
            Field::Imported => "imported",
            Field::Expires => "expires",
            Field::Owner => "owner",
            Field::State => "state",
            Field::Stage => "stage",
            Field::Reviewer => "reviewer",
            Field::Due => "due",
            Field::Conflict => "conflict",
            Field::Status(platform) => return write!(f, "status.{platform}"),
            Field::AnyStatus => "status",
            Field::Text => "text",
        })
    }
}
