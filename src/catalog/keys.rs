//! What assets may be ordered by.

/// One property of an asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The view name.
    Name,
    /// The number of the file, which leads to its path.
    Node,
    Size,
    Kind,
    Format,
    Width,
    Height,
    Rating,
    Stars,
    Created,
    Imported,
    Changed,
    Expires,
}

impl Key {
    pub const ALL: [Self; 13] = [
        Self::Name,
        Self::Node,
        Self::Size,
        Self::Kind,
        Self::Format,
        Self::Width,
        Self::Height,
        Self::Rating,
        Self::Stars,
        Self::Created,
        Self::Imported,
        Self::Changed,
        Self::Expires,
    ];

    /// As people write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Node => "path",
            Self::Size => "size",
            Self::Kind => "kind",
            Self::Format => "format",
            Self::Width => "width",
            Self::Height => "height",
            Self::Rating => "rating",
            Self::Stars => "stars",
            Self::Created => "created",
            Self::Imported => "imported",
            Self::Changed => "changed",
            Self::Expires => "expires",
        }
    }
}

/// A value of a [`Key`]: of one key all are numbers, or all texts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyValue {
    Number(i64),
    Text(String),
}
