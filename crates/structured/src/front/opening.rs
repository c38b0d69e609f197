use super::{Fence, Root, is_mark, is_space};

/// How many bytes may stand from an opening bracket to what tells whether it begins a document.
const HELD: usize = 64;

/// Looks for the first byte of the document.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    /// How much of a byte order mark was seen; all of it once none can come any more.
    mark: usize,
    place: Place,
    /// The fence that is open, and whether this is the line that opens it.
    fence: Option<Fence>,
    opens_fence: bool,
    /// Backticks or tildes in a row up to here.
    run: Fence,
    /// Bytes up to here that may turn out to be the document's first ones.
    held: Vec<u8>,
}

/// What stands before a byte.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// Nothing but white space, from the start of the text or of a fence.
    Start,
    /// Nothing but white space, from the start of a line of prose.
    Line,
    /// Other text of the same line, or text in a fence.
    Within,
}

pub(super) enum Found {
    /// Not yet; the byte is taken.
    Nothing,
    /// The document begins with the bytes that are held and this one, which isn't taken.
    Document,
}

const BYTE_ORDER_MARK: [u8; 3] = *b"\xEF\xBB\xBF";

impl Opening {
    pub(super) fn new() -> Self {
        Self {
            mark: 0,
            place: Place::Start,
            fence: None,
            opens_fence: false,
            run: Fence::default(),
            held: Vec::new(),
        }
    }

    /// The document's bytes before the one that told that it has begun, and the fence it is in.
    pub(super) fn take(&mut self) -> (Vec<u8>, Option<Fence>) {
        (std::mem::take(&mut self.held), self.fence)
    }

    /// Looks at the next byte.
    pub(super) fn step(&mut self, byte: u8, root: Root, fences: bool) -> Found {
        if self.mark < BYTE_ORDER_MARK.len()
            && let Some(found) = self.step_mark(byte, root)
        {
            return found;
        }
        if root == Root::Any {
            return self.step_any(byte, fences);
        }
        if !self.held.is_empty() {
            match tells(&self.held, byte) {
                Tells::Document => return Found::Document,
                Tells::Nothing if self.held.len() == HELD => return Found::Document,
                Tells::Nothing => {
                    self.held.push(byte);
                    self.pass(byte);
                    return Found::Nothing;
                }
                Tells::Prose => self.held.clear(),
            }
        }
        if fences {
            self.step_run(byte);
        }
        if root.begins_with(byte) {
            if self.place == Place::Start || (self.place == Place::Line && byte == b'{') {
                return Found::Document;
            }
            self.held.push(byte);
        }
        self.pass(byte);
        Found::Nothing
    }

    /// Skips a byte order mark; `None` for a byte that isn't of it.
    fn step_mark(&mut self, byte: u8, root: Root) -> Option<Found> {
        if byte == BYTE_ORDER_MARK[self.mark] {
            self.mark += 1;
            return Some(Found::Nothing);
        }
        let part = std::mem::replace(&mut self.mark, BYTE_ORDER_MARK.len());
        if part > 0 {
            self.place = Place::Within;
            if root == Root::Any {
                self.held.extend_from_slice(&BYTE_ORDER_MARK[..part]);
                return Some(Found::Document);
            }
        }
        None
    }

    /// Where anything may begin the document, prose can't be told from it.
    fn step_any(&mut self, byte: u8, fences: bool) -> Found {
        if fences {
            let Fence { mark, length } = self.run;
            if matches!(length, 1 | 2) && byte != mark && !self.opens_fence {
                self.held.resize(length, mark);
                return Found::Document;
            }
            self.step_run(byte);
            if self.run.length > 0 {
                return Found::Nothing;
            }
        }
        if self.opens_fence || is_space(byte) {
            self.pass(byte);
            return Found::Nothing;
        }
        Found::Document
    }

    /// Counts backticks and tildes; three in a row open a fence, or close it.
    fn step_run(&mut self, byte: u8) {
        if self.run.length > 0 && byte == self.run.mark {
            self.run.length += 1;
            return;
        }
        let run = std::mem::take(&mut self.run);
        if run.length >= 3 {
            match self.fence {
                Some(open) if open.is_closed_by(run) => {
                    self.fence = None;
                    self.opens_fence = false;
                }
                Some(_) => {}
                None => {
                    self.fence = Some(run);
                    self.opens_fence = true;
                }
            }
        }
        if is_mark(byte) {
            self.run = Fence {
                mark: byte,
                length: 1,
            };
        }
    }

    /// Goes on behind a byte that is not the document's, as far as is known.
    fn pass(&mut self, byte: u8) {
        if byte == b'\n' {
            self.place = if std::mem::take(&mut self.opens_fence) {
                Place::Start
            } else if self.fence.is_some() {
                Place::Within
            } else {
                Place::Line
            };
        } else if !is_space(byte) {
            self.place = Place::Within;
        }
    }
}

/// What a byte tells about the ones before it.
enum Tells {
    Document,
    Prose,
    Nothing,
}

/// Whether an opening bracket, and what was held since, begins a document or belongs to the prose,
/// as in "[as asked]" or "{name}".
fn tells(held: &[u8], byte: u8) -> Tells {
    let letters = held.iter().rev().take_while(|b| b.is_ascii_lowercase());
    let letters = letters.count();
    if letters > 0 || (byte.is_ascii_lowercase() && last(held) == b'[') {
        let word = &held[held.len() - letters..];
        let fits = |literal: &[u8]| {
            literal.starts_with(word) && literal.get(letters).is_none_or(|&next| next == byte)
        };
        let literals: [&[u8]; 3] = [b"true", b"false", b"null"];
        return match literals.into_iter().find(|literal| fits(literal)) {
            Some(literal) if literal.len() == letters => Tells::Document,
            Some(_) => Tells::Nothing,
            None => Tells::Prose,
        };
    }
    match (last(held), byte) {
        (_, byte) if is_space(byte) => Tells::Nothing,
        (b'{', b'"' | b'}') => Tells::Document,
        (b'[', b'[') => Tells::Nothing,
        (b'[', b'{' | b'"' | b']' | b'-' | b'0'..=b'9') => Tells::Document,
        _ => Tells::Prose,
    }
}

/// The last byte that isn't white space.
fn last(held: &[u8]) -> u8 {
    let mut bytes = held.iter().rev().copied();
    bytes.find(|&byte| !is_space(byte)).unwrap_or_default()
}
