//! The row store on disk.
