//! Random access to bytes, wherever they live.

use std::io;

/// Bytes of a known length that can be read from any place, by several threads at once.
pub trait ReadAt: Send + Sync {
    /// Length in bytes.
    fn len(&self) -> u64;

    /// Fills the buffer from `offset` on and returns how many bytes there were; fewer than asked only at the end.
    ///
    /// # Errors
    /// When the bytes cannot be read or do not verify.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Where the next bytes lie that may not be zero, at or behind `offset`; behind the end when there are none.
    fn next_data(&self, offset: u64) -> u64 {
        offset
    }

    /// Whether there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads at most `limit` bytes from the start.
    ///
    /// # Errors
    /// As [`ReadAt::read_at`].
    fn read_head(&self, limit: usize) -> io::Result<Vec<u8>> {
        let want = usize::try_from(self.len()).unwrap_or(usize::MAX).min(limit);
        let mut buf = vec![0; want];
        let got = self.read_at(0, &mut buf)?;
        buf.truncate(got);
        Ok(buf)
    }
}

impl ReadAt for [u8] {
    fn len(&self) -> u64 {
        <[u8]>::len(self) as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let Some(rest) = usize::try_from(offset).ok().and_then(|o| self.get(o..)) else {
            return Ok(0);
        };
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
}

impl ReadAt for Vec<u8> {
    fn len(&self) -> u64 {
        self.as_slice().len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.as_slice().read_at(offset, buf)
    }
}
