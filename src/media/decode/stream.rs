//! A source as decoders read it: from one place to the next.

use std::cell::RefCell;
use std::io::{self, Read, Seek, SeekFrom};

use crate::types::ReadAt;

/// Reads on from where it is. What went wrong with the source itself is kept, for a decoder takes it for a fault of the picture.
pub(super) struct Stream<'a> {
    source: &'a dyn ReadAt,
    at: u64,
    failure: &'a RefCell<Option<io::Error>>,
}

impl<'a> Stream<'a> {
    pub fn new(source: &'a dyn ReadAt, failure: &'a RefCell<Option<io::Error>>) -> Self {
        Self { source, at: 0, failure }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let got = self.source.read_at(self.at, buf).map_err(|e| {
            let told = io::Error::new(e.kind(), e.to_string());
            self.failure.replace(Some(e));
            told
        })?;
        self.at = self.at.saturating_add(got as u64);
        Ok(got)
    }
}

impl Seek for Stream<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.source.len().checked_add_signed(by),
        };
        self.at = place.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "it seeks before the beginning"))?;
        Ok(self.at)
    }
}
