use super::{Fence, is_space, output::Output};

/// What comes behind the document, where it isn't swallowed.
#[derive(Clone, Debug)]
pub(super) struct After {
    /// The fence that is to be closed.
    fence: Option<Fence>,
    /// How many bytes of its end have come.
    closing: usize,
}

impl After {
    pub(super) fn new(fence: Option<Fence>) -> Self {
        Self { fence, closing: 0 }
    }

    /// Gives on what isn't the end of the fence; `begin` is where `bytes` are in the original.
    pub(super) fn feed<E>(
        &mut self,
        bytes: &[u8],
        begin: u64,
        output: &mut Output,
        clean: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut done = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            let Some(fence) = self.fence else { break };
            if byte == fence.mark {
                output.give(&bytes[done..at], clean)?;
                self.closing += 1;
                done = at + 1;
            } else if self.closing > 0 {
                self.end_of_run(fence, output, clean)?;
                output.seam(begin + at as u64);
            } else if !is_space(byte) {
                self.fence = None;
            }
        }
        output.give(&bytes[done..], clean)
    }

    /// All of a closing fence is left out; what is too short for one is text.
    fn end_of_run<E>(
        &mut self,
        fence: Fence,
        output: &mut Output,
        clean: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.fence = None;
        let run = std::mem::take(&mut self.closing);
        if run < fence.length {
            for _ in 0..run {
                output.give(&[fence.mark], clean)?;
            }
        }
        Ok(())
    }
}
