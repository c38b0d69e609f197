//! What of an answer is shown when, if guards look at it.

use mainstem_core::{JsonDelta, Result, Text, TextDelta};

use super::Answer;
use crate::{
    attempts::Failure,
    guards::{Piece, pass_whole},
    held::pieces,
};

impl Answer {
    /// Shows as much of the output as may be shown, now that this piece of it has come; fails, if a guard
    /// refuses it.
    pub(super) async fn show_guarded(&mut self, piece: Text) -> Result<()> {
        let Some(watch) = &mut self.watch else {
            return Ok(());
        };
        match watch.take(&piece, self.is_held)? {
            Piece::Nothing => {}
            Piece::Same => self.show(piece).await,
            Piece::Other(ready) => self.show(ready).await,
        }
        Ok(())
    }

    /// What guards give in the place of what the model wrote; none, if that is nothing for now.
    pub(super) fn rewritten(&mut self, text: Text) -> Result<Option<Text>> {
        let Some(rewriting) = &mut self.rewriting else {
            return Ok(Some(text));
        };
        let text = rewriting.take(&text)?;
        Ok((!text.is_empty()).then_some(text))
    }

    /// Takes what is left of that, now that the model has written all.
    pub(super) async fn take_rewritten_rest(&mut self) -> Result<(), Failure> {
        let Some(rewriting) = &mut self.rewriting else {
            return Ok(());
        };
        let rest = rewriting.finish()?;
        match rest.is_empty() {
            true => Ok(()),
            false => Box::pin(self.take_text(rest)).await,
        }
    }

    /// Shows what of the output was held back, now that all of it is there; fails, if a guard refuses it.
    pub(super) async fn show_rest(&mut self) -> Result<()> {
        // What a typed answer says beside calls isn't its output.
        if self.reading.is_some() && !self.calls.is_empty() {
            return Ok(());
        }
        let Some(watch) = &mut self.watch else {
            if self.is_held {
                self.show_held().await;
            }
            return Ok(());
        };
        watch.finish()?;
        let (guards, shown) = (watch.guards(), watch.shown);
        let output = Text::from(self.document());
        if output.is_empty() {
            return Ok(());
        }
        if !guards.is_empty() {
            Box::pin(pass_whole(guards, &self.ctx, output.clone())).await?;
        }
        for piece in pieces(&output[shown..]) {
            self.show(piece.into()).await;
        }
        Ok(())
    }

    /// Shows the JSON that was held back, in pieces of a bounded size.
    async fn show_held(&self) {
        for piece in pieces(self.document()) {
            self.ctx.emit(JsonDelta::new(piece)).await;
        }
    }

    /// A piece counts as shown once it is emitted.
    async fn show(&mut self, piece: Text) {
        let bytes = piece.len();
        match self.reading {
            None => self.ctx.emit(TextDelta::new(piece)).await,
            Some(_) => self.ctx.emit(JsonDelta::new(piece)).await,
        }
        if let Some(watch) = &mut self.watch {
            watch.shown += bytes;
        }
    }

    /// Forgets what no guard let be shown: it has failed, and what there was of it is what was shown.
    pub(crate) fn withhold(&mut self) {
        if let Some(watch) = &self.watch {
            let output = self.document();
            self.text = output[..watch.shown.min(output.len())].to_owned();
        }
    }
}
