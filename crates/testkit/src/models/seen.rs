use futures::StreamExt;
use mainstem_core::{Error, ErrorKind, ModelEvent, ModelStream, Usage};

/// What an adapter made of a stream.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) pieces: Vec<Piece>,
    pub(super) usage: Option<Usage>,
    pub(super) end: Option<End>,
}

/// How an answer ended; without a word about it, it is truncated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    Finished(String),
    Failed(ErrorKind),
}

/// A part of an answer; texts that follow each other are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece {
    Text(String),
    Reasoning(String),
    Refusal(String),
    Call(u32, String, String),
    Arguments(u32, String),
    /// What the provider wants back, or whatever else there is.
    Other(String),
}

impl Piece {
    /// Adds the piece that follows, if it goes on with this one.
    fn join(&mut self, next: &Self) -> bool {
        match (self, next) {
            (Self::Text(text), Self::Text(more))
            | (Self::Reasoning(text), Self::Reasoning(more))
            | (Self::Refusal(text), Self::Refusal(more)) => text.push_str(more),
            (Self::Arguments(index, text), Self::Arguments(same, more)) if index == same => {
                text.push_str(more);
            }
            _ => return false,
        }
        true
    }

    /// Whether this is the other, or a beginning of its text.
    fn begins(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(text), Self::Text(whole))
            | (Self::Reasoning(text), Self::Reasoning(whole))
            | (Self::Refusal(text), Self::Refusal(whole)) => whole.starts_with(text),
            (Self::Arguments(index, text), Self::Arguments(same, whole)) => {
                index == same && whole.starts_with(text)
            }
            _ => self == other,
        }
    }
}

/// Whether these pieces are a beginning of the others.
pub(super) fn is_beginning(pieces: &[Piece], whole: &[Piece]) -> bool {
    let Some((last, before)) = pieces.split_last() else {
        return true;
    };
    whole.starts_with(before) && whole.get(before.len()).is_some_and(|one| last.begins(one))
}

impl Seen {
    /// Reads a stream to its end, and a bit beyond.
    pub(super) async fn of(mut stream: ModelStream, host: &str) -> Result<Self, String> {
        let mut seen = Self::default();
        while let Some(item) = stream.next().await {
            seen.add(item, host)?;
        }
        seen.end.get_or_insert(End::Failed(ErrorKind::Truncated));
        Ok(seen)
    }

    /// Adds an item; what stands in it of the server's host and port differs from case to case.
    pub(super) fn add(
        &mut self,
        item: Result<ModelEvent, Error>,
        host: &str,
    ) -> Result<(), String> {
        if let Some(end) = &self.end {
            let is_late = matches!(
                item,
                Ok(ModelEvent::Usage(_) | ModelEvent::Notice(_)) | Err(_)
            );
            if matches!(end, End::Failed(_)) || !is_late {
                return Err(format!("after its end ({end:?}) came {item:?}"));
            }
        }
        let event = match item {
            Ok(event) => event,
            Err(error) => {
                self.end.get_or_insert(End::Failed(error.kind()));
                return Ok(());
            }
        };
        let piece = match event {
            ModelEvent::Text(text) => Piece::Text(text.to_string()),
            ModelEvent::Reasoning(text) => Piece::Reasoning(text.to_string()),
            ModelEvent::Refusal(text) => Piece::Refusal(text.to_string()),
            ModelEvent::ToolCall { index, id, name } => {
                Piece::Call(index, id.to_string(), name.to_string())
            }
            ModelEvent::ToolArguments { index, text } => Piece::Arguments(index, text.to_string()),
            ModelEvent::Usage(usage) => {
                self.usage = Some(usage);
                return Ok(());
            }
            ModelEvent::Finished(reason) => {
                self.end = Some(End::Finished(reason.as_str().to_owned()));
                return Ok(());
            }
            other if other.is_data() => Piece::Other(format!("{other:?}").replace(host, "HOST")),
            _ => return Ok(()),
        };
        let joined = self.pieces.last_mut().is_some_and(|last| last.join(&piece));
        if !joined {
            self.pieces.push(piece);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(events: impl IntoIterator<Item = ModelEvent>) -> Result<Seen, String> {
        let mut seen = Seen::default();
        for event in events {
            seen.add(Ok(event), "127.0.0.1:1")?;
        }
        Ok(seen)
    }

    fn text(text: &str) -> ModelEvent {
        ModelEvent::Text(text.into())
    }

    #[test]
    fn texts_are_one_however_they_came() {
        let whole = seen([text("ab"), ModelEvent::Reasoning("x".into()), text("c")]).unwrap();
        let other = seen([
            text("a"),
            text("b"),
            ModelEvent::Reasoning("x".into()),
            text("c"),
        ]);
        assert_eq!(other.unwrap().pieces, whole.pieces);
        let part =
            |events: Vec<ModelEvent>| is_beginning(&seen(events).unwrap().pieces, &whole.pieces);
        assert!(part(vec![]));
        assert!(part(vec![text("a")]));
        assert!(part(vec![text("ab"), ModelEvent::Reasoning("x".into())]));
        assert!(!part(vec![text("b")]));
        assert!(!part(vec![text("a"), ModelEvent::Reasoning("x".into())]));
        assert!(!part(vec![text("abc")]));
    }

    #[test]
    fn nothing_follows_an_end() {
        let finished = || ModelEvent::Finished("stop".into());
        assert!(seen([finished(), ModelEvent::Usage(Usage::new(1, 1))]).is_ok());
        assert!(seen([finished(), text("a")]).is_err());
        assert!(seen([finished(), finished()]).is_err());
        let mut failed = Seen::default();
        let error = || Err(Error::new(ErrorKind::Model, "no"));
        failed.add(error(), "h").unwrap();
        assert!(failed.add(error(), "h").is_err());
    }
}
