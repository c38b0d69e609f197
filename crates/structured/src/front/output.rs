use super::{
    offsets::Offsets,
    repair::{Repair, RepairKind, Repairs},
};

/// What was given on so far.
#[derive(Clone, Debug)]
pub(super) struct Output {
    /// How many bytes.
    length: u64,
    pub(super) offsets: Offsets,
    options: Repairs,
    pub(super) repairs: Vec<Repair>,
}

impl Output {
    pub(super) fn new(options: Repairs) -> Self {
        Self {
            length: 0,
            offsets: Offsets::default(),
            options,
            repairs: Vec::new(),
        }
    }

    pub(super) fn set_repairs(&mut self, options: Repairs) {
        self.options = options;
    }

    /// From here on, the text is that from `original` on.
    pub(super) fn seam(&mut self, original: u64) {
        self.offsets.seam(self.length, original);
    }

    pub(super) fn give<E>(
        &mut self,
        bytes: &[u8],
        clean: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.length += bytes.len() as u64;
        clean(bytes)
    }

    /// Gives on an escape for the raw byte at `offset`.
    pub(super) fn replace<E>(
        &mut self,
        offset: u64,
        escape: &[u8],
        clean: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.record(offset, RepairKind::RawControl);
        // Both bytes of the escape stand for the one.
        self.offsets.seam(self.length + 1, offset);
        self.give(escape, clean)
    }

    /// Leaves out the byte at `offset`.
    pub(super) fn drop_byte(&mut self, offset: u64, kind: RepairKind) {
        self.record(offset, kind);
        self.seam(offset + 1);
    }

    fn record(&mut self, offset: u64, kind: RepairKind) {
        self.repairs.push(Repair { kind, offset });
    }

    pub(super) fn repairs_controls(&self) -> bool {
        self.options.raw_controls && self.may_repair()
    }

    pub(super) fn repairs_commas(&self) -> bool {
        self.options.trailing_commas && self.may_repair()
    }

    fn may_repair(&self) -> bool {
        self.repairs.len() < self.options.at_most
    }
}
