//! Memory for pixels: tens of megabytes at a time, which are written once and given back soon. By pages of 4 KiB the kernel takes a sixth
//! of the time in which a JPEG of 17 megapixels is decoded to find and clear them; by pages of 2 MiB it takes next to none.

use bytemuck::{NoUninit, Zeroable, cast_slice};

/// What is smaller is not worth the call.
const WORTH_IT: usize = 4 * 1024 * 1024;
/// The smallest pages there are.
const PAGE: usize = 4096;

/// So many zeros.
pub(super) fn zeroed<T: Zeroable + NoUninit>(count: usize) -> Vec<T> {
    let memory = bytemuck::zeroed_vec(count);
    in_large_pages(cast_slice(&memory));
    memory
}

/// Asks the kernel for large pages where it has them; where it has none, small ones do as well.
fn in_large_pages(memory: &[u8]) {
    let lead = memory.as_ptr().align_offset(PAGE);
    let Some(whole) = memory.get(lead..).filter(|whole| whole.len() >= WORTH_IT) else { return };
    let length = whole.len() / PAGE * PAGE;
    #[expect(unsafe_code, reason = "advice to the kernel is given by address")]
    // SAFETY: these pages are all of this memory, and the advice changes nothing of what is in them.
    unsafe {
        libc::madvise(whole.as_ptr().cast_mut().cast(), length, libc::MADV_HUGEPAGE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_every_size_is_zeros_and_can_be_written() {
        for count in [0, 1, 4095, WORTH_IT - 1, WORTH_IT + PAGE, 3 * WORTH_IT + 7] {
            let mut bytes = zeroed::<u8>(count);
            assert!(bytes.len() == count && bytes.iter().all(|byte| *byte == 0));
            bytes.fill(7);
            let words = zeroed::<u16>(count);
            assert!(words.len() == count && words.iter().all(|word| *word == 0));
            assert!(bytes.iter().all(|byte| *byte == 7));
        }
    }
}
