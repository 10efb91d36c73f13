//! The row store in maps.
