//! Text -> tokens.
