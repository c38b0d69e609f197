/// From places in the clean text to places in the original.
///
/// A list of seams: one where the document begins, one at each repair, one behind a removed fence.
/// Between two of them both texts run on byte for byte.
#[derive(Clone, Debug, Default)]
pub(super) struct Offsets {
    seams: Vec<Seam>,
}

#[derive(Clone, Copy, Debug)]
struct Seam {
    clean: u64,
    original: u64,
}

impl Offsets {
    /// From `clean` on, the text is that from `original` on. `clean` never goes back.
    pub(super) fn seam(&mut self, clean: u64, original: u64) {
        match self.seams.last_mut() {
            Some(last) if last.clean == clean => last.original = original,
            _ => self.seams.push(Seam { clean, original }),
        }
    }

    /// `None` as long as there is no document.
    pub(super) fn original(&self, clean: u64) -> Option<u64> {
        let after = self.seams.partition_point(|seam| seam.clean <= clean);
        let seam = self.seams.get(after.checked_sub(1)?)?;
        Some(seam.original + (clean - seam.clean))
    }
}
