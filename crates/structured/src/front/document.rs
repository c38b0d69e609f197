use super::{RepairKind, is_space, output::Output};

/// White space that may stand between a comma and what tells whether it is one too many.
const HELD: usize = 1024;

/// Finds the end of the document, and repairs on the way.
///
/// It counts brackets and knows strings, and leaves the rest to the parser behind it.
#[derive(Clone, Debug, Default)]
pub(super) struct Document {
    depth: usize,
    place: Place,
    /// Whether the last byte that wasn't white space ends a value or a key.
    after_value: bool,
    /// A comma that may be one too many, and the white space after it.
    held: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Place {
    /// Before the first byte.
    #[default]
    Start,
    /// Between the strings.
    Between,
    String,
    /// After a backslash in a string.
    Escape,
    /// In a number or a literal that is the document.
    Scalar,
}

impl Document {
    /// Gives on the bytes of the document; how many there were, if it ends among `bytes`.
    ///
    /// `begin` is the offset of the first one in the original text.
    pub(super) fn feed<E>(
        &mut self,
        bytes: &[u8],
        begin: u64,
        output: &mut Output,
        clean: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<Option<usize>, E> {
        // What is before `done` is given on, or held.
        let (mut at, mut done) = (0, 0);
        while let Some(&byte) = bytes.get(at) {
            if !self.held.is_empty() {
                if is_space(byte) && self.held.len() < HELD {
                    self.held.push(byte);
                    at += 1;
                    done = at;
                    continue;
                }
                self.release(byte, begin + at as u64, output, clean)?;
            }
            match self.step(byte, output) {
                Step::Go => at += 1,
                Step::String => at += 1 + quiet(&bytes[at + 1..]),
                Step::End { inclusive } => {
                    let end = at + usize::from(inclusive);
                    output.give(&bytes[done..end], clean)?;
                    return Ok(Some(end));
                }
                Step::Hold => {
                    output.give(&bytes[done..at], clean)?;
                    self.held.push(byte);
                    at += 1;
                    done = at;
                }
                Step::Escape(escape) => {
                    output.give(&bytes[done..at], clean)?;
                    output.replace(begin + at as u64, escape, clean)?;
                    at += 1;
                    done = at;
                }
            }
        }
        output.give(&bytes[done..], clean)?;
        Ok(None)
    }

    /// Gives on what was held, without its comma if a container ends here.
    fn release<E>(
        &mut self,
        byte: u8,
        offset: u64,
        output: &mut Output,
        clean: &mut impl FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let held = std::mem::take(&mut self.held);
        let begin = offset - held.len() as u64;
        let spare = matches!(byte, b'}' | b']');
        if spare {
            output.drop_byte(begin, RepairKind::TrailingComma);
        }
        output.give(&held[usize::from(spare)..], clean)
    }

    #[inline]
    fn step(&mut self, byte: u8, output: &Output) -> Step {
        match self.place {
            Place::String => self.step_string(byte, output),
            Place::Escape => {
                self.place = Place::String;
                Step::String
            }
            Place::Scalar if byte.is_ascii_alphanumeric() || b"+-.".contains(&byte) => Step::Go,
            Place::Scalar => Step::End { inclusive: false },
            Place::Start | Place::Between => self.step_between(byte, output),
        }
    }

    fn step_string(&mut self, byte: u8, output: &Output) -> Step {
        match byte {
            b'"' => {
                self.place = Place::Between;
                return self.close();
            }
            b'\\' => {
                self.place = Place::Escape;
                return Step::Go;
            }
            b'\n' if output.repairs_controls() => return Step::Escape(b"\\n"),
            b'\r' if output.repairs_controls() => return Step::Escape(b"\\r"),
            b'\t' if output.repairs_controls() => return Step::Escape(b"\\t"),
            _ => {}
        }
        Step::String
    }

    #[inline]
    fn step_between(&mut self, byte: u8, output: &Output) -> Step {
        let first = std::mem::replace(&mut self.place, Place::Between) == Place::Start;
        match byte {
            b'"' => {
                self.place = Place::String;
                return Step::String;
            }
            b'{' | b'[' => {
                self.depth += 1;
                self.after_value = false;
            }
            // Nothing else begins a container, so this is within one from here on.
            _ if first => self.place = Place::Scalar,
            b'}' | b']' => {
                self.depth -= 1;
                return self.close();
            }
            b',' => {
                let spare = std::mem::take(&mut self.after_value) && output.repairs_commas();
                if spare {
                    return Step::Hold;
                }
            }
            b':' => self.after_value = false,
            _ if is_space(byte) => {}
            _ => self.after_value = true,
        }
        Step::Go
    }

    /// After a string, or a container.
    fn close(&mut self) -> Step {
        self.after_value = true;
        if self.depth == 0 {
            Step::End { inclusive: true }
        } else {
            Step::Go
        }
    }
}

/// How many bytes follow that are the string's, and nothing else.
#[inline]
fn quiet(bytes: &[u8]) -> usize {
    let speaks = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < b' ';
    bytes.iter().position(speaks).unwrap_or(bytes.len())
}

enum Step {
    Go,
    /// In a string now.
    String,
    /// The document ends with this byte, or before it.
    End {
        inclusive: bool,
    },
    /// This byte is held.
    Hold,
    /// This byte is replaced.
    Escape(&'static [u8]),
}
