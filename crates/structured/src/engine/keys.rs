//! Keys, while they arrive: which property they name, and which schemas their value gets.

use super::{Evaluation, Fault, LastKey, Level, Next, Pending, Run, What, cursor::Cursor};
use crate::{
    kind::Kind,
    schema::node::{NameId, NodeId, ObjectRules, Program, Role},
};

/// The open key.
#[derive(Debug, Default)]
pub(super) struct Key {
    pub(super) is_open: bool,
    /// Whether the schema has one guess at the name, which still agrees.
    is_guess: bool,
    /// The names that begin like it; of a guess, the one.
    cursor: Cursor,
    /// Whether it is no name of the schema; then `text` has it.
    is_free: bool,
    text: Vec<u8>,
    /// Whether `propertyNames` looks at it, on a level of its own.
    has_level: bool,
}

impl Key {
    fn text<'a>(&'a self, names: &'a [Box<str>]) -> &'a str {
        if self.is_free {
            // A complete key is UTF-8: the machine has seen to that.
            return std::str::from_utf8(&self.text).unwrap_or_default();
        }
        let name = names.get(self.cursor.from as usize).map_or("", |name| name);
        name.get(..self.cursor.length as usize).unwrap_or_default()
    }
}

impl Run {
    #[inline(always)]
    pub(super) fn key_begin(&mut self, program: &Program, at: u64) -> Next {
        let Some(level) = self.levels.last_mut() else {
            return Ok(());
        };
        level.count += 1;
        level.key = LastKey::None;
        self.key.is_open = true;
        self.key.has_level = false;
        self.key.is_free = false;
        self.key.is_guess = level.guesses && level.count <= self.most_keys;
        if self.key.is_guess {
            let node = self.evaluations[level.evaluations as usize].node;
            if let Some(rules) = &program.node(node).object
                && let Some((name, _)) = rules.properties.get(level.likely as usize)
            {
                self.key.cursor = Cursor {
                    from: *name,
                    to: *name + 1,
                    length: 0,
                };
                return Ok(());
            }
            self.key.is_guess = false;
        }
        self.key_begin_any(program, at)
    }

    #[inline(never)]
    fn key_begin_any(&mut self, program: &Program, at: u64) -> Next {
        let depth = self.levels.len() - 1;
        let level = &mut self.levels[depth];
        let count = level.count;
        let (first, distinct) = (level.evaluations, level.distinct);
        if count > self.most_keys {
            let what = What::TooMany(self.most_keys);
            let node = NodeId::TRUE;
            return self.refuse(Fault {
                at,
                depth,
                node,
                what,
            });
        }
        if level.bounded && count == 1 {
            self.at_the_maximum(program, 0, at)?;
        }
        self.key.cursor = Cursor::new(&program.names);
        if !distinct {
            // No schema looks at it: no name needs to be found.
            self.key.is_free = true;
            self.key.text.clear();
            return Ok(());
        }
        self.begin_name(program, first, at)
    }

    /// Begins what `propertyNames` asks of the key.
    fn begin_name(&mut self, program: &Program, first: u32, at: u64) -> Next {
        let depth = self.levels.len() - 1;
        for index in first..self.evaluations.len() as u32 {
            let evaluation = self.evaluations[index as usize];
            let rules = program.node(evaluation.node).object.as_ref();
            let Some(names) = rules.and_then(|rules| rules.names) else {
                continue;
            };
            match program.node(names).plan(Kind::String).entry {
                _ if evaluation.is_dead => {}
                NodeId::TRUE => {}
                NodeId::FALSE => {
                    let (node, what) = (names, What::Kind(Kind::String));
                    self.fail(
                        index,
                        Fault {
                            at,
                            depth,
                            node,
                            what,
                        },
                    )?;
                }
                entry => {
                    if !self.key.has_level {
                        self.open(Kind::String);
                        self.key.has_level = true;
                    }
                    self.evaluate(program, entry, index, Role::And, Kind::String);
                }
            }
        }
        if self.key.has_level {
            self.begun(program, Kind::String);
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn key_run(&mut self, program: &Program, text: &[u8], at: u64) -> Next {
        if self.key.is_guess {
            let name = program.names[self.key.cursor.from as usize].as_bytes();
            let rest = &name[self.key.cursor.length as usize..];
            let agrees = text.iter().zip(rest).all(|(one, other)| one == other);
            if agrees && text.len() <= rest.len() {
                self.key.cursor.length += text.len() as u32;
                return Ok(());
            }
        }
        self.key_run_any(program, text, at)
    }

    #[inline(never)]
    fn key_run_any(&mut self, program: &Program, text: &[u8], at: u64) -> Next {
        if self.key.has_level {
            return self.key_under_a_schema(program, text, at);
        }
        self.narrow(program, text, |index| at + index as u64)
    }

    pub(super) fn key_escaped(&mut self, program: &Program, text: &str, at: u64) -> Next {
        self.narrow(program, text.as_bytes(), |_| at)?;
        match self.key.has_level {
            true => self.string_escaped(program, text, at),
            false => Ok(()),
        }
    }

    /// A piece of a key that is judged both as a name and as a string: character by character, so
    /// that the fault that is found first doesn't depend on the pieces.
    fn key_under_a_schema(&mut self, program: &Program, text: &[u8], at: u64) -> Next {
        let mut at = at;
        for character in std::str::from_utf8(text)
            .unwrap_or_default()
            .split_inclusive(|_| true)
        {
            self.narrow(program, character.as_bytes(), |index| at + index as u64)?;
            self.string_run(program, character.as_bytes(), at)?;
            at += character.len() as u64;
        }
        Ok(())
    }

    /// Leaves the names that the key can still be.
    #[inline]
    fn narrow(&mut self, program: &Program, text: &[u8], place: impl Fn(usize) -> u64) -> Next {
        let mut index = 0;
        if self.key.is_guess {
            let name = program.names[self.key.cursor.from as usize].as_bytes();
            let rest = &name[self.key.cursor.length as usize..];
            let equal = text
                .iter()
                .zip(rest)
                .take_while(|(one, other)| one == other);
            index = equal.count();
            self.key.cursor.length += index as u32;
            if index == text.len() {
                return Ok(());
            }
            self.give_up_the_guess(program);
        }
        while index < text.len() {
            if self.key.is_free {
                self.key.text.extend_from_slice(&text[index..]);
                return Ok(());
            }
            let before = self.key.cursor.from;
            let was = self.key.cursor.to - before;
            let length = self.key.cursor.length as usize;
            self.key.cursor.step(&program.names, text[index]);
            let is_free = self.key.cursor.is_empty();
            if is_free {
                self.key.is_free = true;
                self.key.text.clear();
                if let Some(name) = program.names.get(before as usize) {
                    self.key.text.extend_from_slice(&name.as_bytes()[..length]);
                }
            }
            if is_free || self.key.cursor.to - self.key.cursor.from != was {
                let Cursor { from, to, .. } = self.key.cursor;
                self.refuse_unknown(program, from, to, place(index))?;
            }
            if !is_free {
                index += 1;
            }
        }
        Ok(())
    }

    /// The guess was wrong: looks among all names.
    #[cold]
    fn give_up_the_guess(&mut self, program: &Program) {
        let cursor = &mut self.key.cursor;
        let name = &program.names[cursor.from as usize];
        let prefix = &name.as_bytes()[..cursor.length as usize];
        let names = &program.names;
        cursor.from = names.partition_point(|name| name.as_bytes() < prefix) as u32;
        let rest = &names[cursor.from as usize..];
        let same = rest.partition_point(|name| name.as_bytes().starts_with(prefix));
        cursor.to = cursor.from + same as u32;
        self.key.is_guess = false;
    }

    /// Objects fail that know none of these names.
    #[cold]
    fn refuse_unknown(&mut self, program: &Program, from: u32, to: u32, at: u64) -> Next {
        let depth = self.levels.len() - 1 - usize::from(self.key.has_level);
        let level = &self.levels[depth];
        let last = match self.key.has_level {
            true => self.levels[depth + 1].evaluations,
            false => self.evaluations.len() as u32,
        };
        for index in level.evaluations..last {
            let Evaluation { node, is_dead, .. } = self.evaluations[index as usize];
            let Some(rules) = program.node(node).object.as_ref() else {
                continue;
            };
            if !is_dead && rules.is_closed() && !rules.has_any(from, to) {
                let what = What::UnknownKey;
                self.fail(
                    index,
                    Fault {
                        at,
                        depth,
                        node,
                        what,
                    },
                )?;
            }
        }
        Ok(())
    }

    #[inline(always)]
    pub(super) fn key_end(&mut self, program: &Program, at: u64) -> Next {
        self.key.is_open = false;
        let name = self.key.cursor.from;
        if self.key.is_guess
            && program.names[name as usize].len() == self.key.cursor.length as usize
            && !self.gather.is_active()
        {
            return self.guessed(program, name, at);
        }
        self.key_end_any(program, at)
    }

    #[inline(never)]
    fn key_end_any(&mut self, program: &Program, at: u64) -> Next {
        if self.key.is_guess {
            // If it stops before the guess does, it may be another, shorter name.
            self.give_up_the_guess(program);
        }
        if self.key.has_level {
            let text = self.key.text(&program.names).to_owned();
            let value = serde_json::Value::String(text);
            self.close(program, at, Some(&value), None)?;
            self.strings.clear();
        }
        let depth = self.levels.len() - 1;
        let name = self.name_key(program, depth);
        let names = &program.names;
        if self.gather.is_active() {
            self.gather.key(self.key.text(names));
        }
        let level = &mut self.levels[depth];
        if !level.distinct {
            return Ok(());
        }
        let is_new = match name {
            Some(name) => note(level, &mut self.seen, name),
            None => note_free(level, self.key.text(names)),
        };
        if !is_new {
            return self.refuse_second(depth + 1, at);
        }
        self.apply(program, name, at)
    }

    /// A character follows in the key: objects fail that know no longer name.
    pub(super) fn key_goes_on(&mut self, program: &Program, at: u64) -> Next {
        if self.key.is_guess {
            let name = &program.names[self.key.cursor.from as usize];
            if name.len() > self.key.cursor.length as usize {
                return Ok(());
            }
            self.give_up_the_guess(program);
        }
        if self.key.is_free {
            return Ok(());
        }
        let from = self.key.cursor.from;
        let longer = from + u32::from(self.key.cursor.exact(&program.names).is_some());
        self.refuse_unknown(program, longer, self.key.cursor.to, at)
    }

    /// The open key is complete: which name it is, if any.
    fn name_key(&mut self, program: &Program, depth: usize) -> Option<NameId> {
        let name = match self.key.is_free {
            true => None,
            false => self.key.cursor.exact(&program.names),
        };
        let level = &mut self.levels[depth];
        level.key = match name {
            Some(name) => LastKey::Name(name),
            None => {
                self.keys.truncate(level.text as usize);
                let text = self.key.text(&program.names);
                self.keys.extend_from_slice(text.as_bytes());
                LastKey::Text
            }
        };
        name
    }

    /// The key is the property that was likely to come.
    #[inline(always)]
    fn guessed(&mut self, program: &Program, name: NameId, at: u64) -> Next {
        let depth = self.levels.len();
        let level = &mut self.levels[depth - 1];
        level.key = LastKey::Name(name);
        let parent = level.evaluations;
        let position = level.likely;
        level.likely += 1;
        if !note(level, &mut self.seen, name) {
            return self.refuse_second(depth, at);
        }
        let node = self.evaluations[parent as usize].node;
        if let Some(rules) = &program.node(node).object {
            self.expect(rules.properties[position as usize].1, parent);
        }
        Ok(())
    }

    /// A key came for the second time.
    #[cold]
    fn refuse_second(&mut self, depth: usize, at: u64) -> Next {
        let (node, what) = (NodeId::TRUE, What::Twice);
        self.refuse(Fault {
            at,
            depth,
            node,
            what,
        })
    }

    /// Chooses the schemas for the key's value.
    #[inline]
    fn apply(&mut self, program: &Program, name: Option<NameId>, at: u64) -> Next {
        let depth = self.levels.len() - 1;
        let first = self.levels[depth].evaluations;
        for index in first..self.evaluations.len() as u32 {
            let Evaluation { node, is_dead, .. } = self.evaluations[index as usize];
            let Some(rules) = program.node(node).object.as_ref().filter(|_| !is_dead) else {
                continue;
            };
            let likely = self.levels[depth].likely;
            let position = name.and_then(|name| rules.position(name, likely));
            if let Some(position) = position {
                self.levels[depth].likely = position + 1;
                self.expect(rules.properties[position as usize].1, index);
            }
            let mut known = position.is_some();
            if !rules.patterns.is_empty() {
                known |= self.apply_patterns(program, rules, index);
            }
            match rules.additional {
                _ if known => {}
                NodeId::FALSE => {
                    let what = What::UnknownKey;
                    self.fail(
                        index,
                        Fault {
                            at,
                            depth,
                            node,
                            what,
                        },
                    )?;
                }
                schema => self.expect(schema, index),
            }
        }
        Ok(())
    }

    /// `patternProperties`; whether any matches.
    fn apply_patterns(&mut self, program: &Program, rules: &ObjectRules, index: u32) -> bool {
        let mut any = false;
        for (id, schema) in &rules.patterns {
            let pattern = &program.patterns[*id as usize];
            if self.matchings.len() < program.patterns.len() {
                self.matchings.resize_with(program.patterns.len(), || None);
            }
            let matching = self.matchings[*id as usize].get_or_insert_with(|| pattern.matching());
            if matching.matches(pattern, self.key.text(&program.names)) {
                any = true;
                self.expect(*schema, index);
            }
        }
        any
    }

    #[inline]
    fn expect(&mut self, node: NodeId, parent: u32) {
        if node != NodeId::TRUE {
            self.pending.push(Pending {
                node,
                parent,
                role: Role::And,
            });
        }
    }
}

/// Notes a property's name; false, if it was there before.
#[inline]
fn note(level: &mut Level, seen: &mut [u64], name: NameId) -> bool {
    let word = &mut seen[level.seen as usize + name as usize / 64];
    let bit = 1 << (name % 64);
    let is_new = *word & bit == 0;
    *word |= bit;
    is_new
}

/// Notes a key that is no property's name; false, if it was there before.
fn note_free(level: &mut Level, key: &str) -> bool {
    level.free.get_or_insert_default().insert(key.into())
}
