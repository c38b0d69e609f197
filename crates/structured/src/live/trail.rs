//! Where in a document the reader is.

use std::fmt;

/// The open arrays and objects, with the place of the current value in each.
#[derive(Debug, Default)]
pub(super) struct Trail {
    levels: Vec<Level>,
    /// The current keys of the open objects, one behind the other.
    keys: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Level {
    is_object: bool,
    /// How many elements of the array have begun.
    count: u32,
    /// Where its key begins.
    key: u32,
}

impl Trail {
    /// A value begins.
    #[inline]
    pub(super) fn begin(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.count += u32::from(!level.is_object);
        }
    }

    /// The value that has begun is an array or an object.
    #[inline]
    pub(super) fn open(&mut self, is_object: bool) {
        self.levels.push(Level {
            is_object,
            count: 0,
            key: self.keys.len() as u32,
        });
    }

    /// The innermost array or object ends; whether it is an object.
    #[inline]
    pub(super) fn close(&mut self) -> bool {
        let Some(level) = self.levels.pop() else {
            return false;
        };
        self.keys.truncate(level.key as usize);
        level.is_object
    }

    #[inline]
    pub(super) fn key_begin(&mut self) {
        if let Some(level) = self.levels.last() {
            self.keys.truncate(level.key as usize);
        }
    }

    #[inline]
    pub(super) fn key_text(&mut self, text: &[u8]) {
        self.keys.extend_from_slice(text);
    }

    /// The place of the current value.
    #[inline]
    pub(super) fn path(&self) -> Path<'_> {
        Path {
            levels: &self.levels,
            keys: &self.keys,
        }
    }

    /// How many arrays and objects are open.
    #[inline]
    pub(super) fn depth(&self) -> usize {
        self.levels.len()
    }

    /// The place of the value that so many arrays and objects are around.
    pub(super) fn path_at(&self, depth: usize) -> Path<'_> {
        let keys = match self.levels.get(depth) {
            Some(level) => &self.keys[..level.key as usize],
            None => &self.keys,
        };
        Path {
            levels: &self.levels[..depth.min(self.levels.len())],
            keys,
        }
    }
}

/// Text that the parser has looked at.
#[inline]
pub(super) fn as_text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The place of a value in a document.
///
/// Borrowed, and made without a copy; displayed as a JSON pointer (RFC 6901). It equals a `str` that is
/// that pointer.
#[derive(Clone, Copy)]
pub struct Path<'a> {
    levels: &'a [Level],
    keys: &'a [u8],
}

/// One step of a [`Path`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathSegment<'a> {
    /// The key in an object.
    Key(&'a str),
    /// The index in an array.
    Index(usize),
}

impl<'a> Path<'a> {
    /// How many segments it has; none for the root.
    pub fn len(self) -> usize {
        self.levels.len()
    }

    /// Whether it is that of the root.
    pub fn is_empty(self) -> bool {
        self.levels.is_empty()
    }

    /// One of its segments, from the root on.
    pub fn segment(self, index: usize) -> Option<PathSegment<'a>> {
        let level = self.levels.get(index)?;
        if !level.is_object {
            return Some(PathSegment::Index(level.count.saturating_sub(1) as usize));
        }
        let end = self.levels.get(index + 1);
        let end = end.map_or(self.keys.len(), |next| next.key as usize);
        Some(PathSegment::Key(as_text(
            &self.keys[level.key as usize..end],
        )))
    }

    /// Its segments, from the root on.
    pub fn segments(self) -> impl Iterator<Item = PathSegment<'a>> {
        (0..self.len()).filter_map(move |index| self.segment(index))
    }

    /// Its last segment; none for the root.
    pub fn last(self) -> Option<PathSegment<'a>> {
        self.segment(self.len().checked_sub(1)?)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for segment in self.segments() {
            match segment {
                PathSegment::Index(index) => write!(f, "/{index}")?,
                PathSegment::Key(key) if key.contains(['~', '/']) => {
                    write!(f, "/{}", escaped(key))?;
                }
                PathSegment::Key(key) => write!(f, "/{key}")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl PartialEq<str> for Path<'_> {
    fn eq(&self, pointer: &str) -> bool {
        let mut parts = pointer.split('/').skip(1);
        (pointer.is_empty() || pointer.starts_with('/'))
            && self
                .segments()
                .all(|segment| parts.next().is_some_and(|part| segment_is(segment, part)))
            && parts.next().is_none()
    }
}

impl PartialEq<&str> for Path<'_> {
    fn eq(&self, pointer: &&str) -> bool {
        self == *pointer
    }
}

/// Whether a segment is that of a pointer.
pub(super) fn segment_is(segment: PathSegment<'_>, part: &str) -> bool {
    match segment {
        PathSegment::Index(index) => part == index.to_string(),
        PathSegment::Key(key) if part.contains('~') => key == unescaped(part),
        PathSegment::Key(key) => key == part,
    }
}

/// A segment of a pointer as the key that it names.
pub(super) fn unescaped(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// The index that a segment of a pointer names.
pub(super) fn as_index(part: &str) -> Option<usize> {
    let is_index = part == "0" || !part.starts_with(['0', '+']);
    part.parse().ok().filter(|_| is_index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trail(keys: &[&str]) -> Trail {
        let mut trail = Trail::default();
        for key in keys {
            trail.begin();
            trail.open(true);
            trail.key_begin();
            trail.key_text(key.as_bytes());
        }
        trail
    }

    #[test]
    fn a_path_is_a_pointer_whose_keys_are_escaped() {
        let mut trail = trail(&["a/b", "~", ""]);
        trail.begin();
        trail.open(false);
        trail.begin();
        trail.begin();
        let path = trail.path();
        assert_eq!(path.to_string(), "/a~1b/~0//1");
        assert_eq!(path, "/a~1b/~0//1");
        for other in ["/a~1b/~0//0", "/a~1b/~0/", "", "a", "/a~1b/~0//1/"] {
            assert!(path != other, "{other}");
        }
        assert_eq!(path.last(), Some(PathSegment::Index(1)));
        assert_eq!(path.segment(0), Some(PathSegment::Key("a/b")));
    }

    #[test]
    fn a_key_goes_with_its_object() {
        let mut trail = trail(&["a", "b"]);
        assert!(trail.close());
        assert_eq!(trail.path(), "/a");
        trail.key_begin();
        trail.key_text(b"c");
        assert_eq!(trail.path(), "/c");
        assert!(trail.close());
        assert_eq!(trail.path(), "");
    }
}
