//! How much of a conversation goes into a request.

use std::collections::HashSet;

use mainstem_core::{Message, Part, Role, TokenCounter};

/// The most of a conversation that a request holds.
#[derive(Clone, Copy)]
pub(super) struct Limit<'a> {
    pub(super) messages: Option<usize>,
    pub(super) tokens: Option<u64>,
    pub(super) counter: Option<&'a dyn TokenCounter>,
}

impl Limit<'_> {
    pub(super) fn half(self) -> Self {
        Self {
            messages: self.messages.map(|most| most / 2),
            tokens: self.tokens.map(|most| most / 2),
            ..self
        }
    }

    /// Where the newest whole turns begin that are within the limit: 0, if all are, and the end of the
    /// messages, if none is.
    ///
    /// It looks from the newest message back, and counts no further than the limit goes.
    pub(super) fn first_kept(self, history: &[Message]) -> usize {
        let mut room = self;
        let is_system = |message: &&Message| message.role == Role::System;
        for message in history.iter().filter(is_system) {
            if !room.take(message) {
                return history.len();
            }
        }
        let mut first = history.len();
        let mut unasked = HashSet::new();
        for (at, message) in history.iter().enumerate().rev() {
            if message.role == Role::System {
                continue;
            }
            if !room.take(message) {
                return first;
            }
            for part in &message.parts {
                match part {
                    Part::ToolResult(result) => unasked.insert(&*result.call_id),
                    Part::ToolCall(call) => unasked.remove(&*call.id),
                    _ => false,
                };
            }
            if message.role == Role::User && unasked.is_empty() {
                first = at;
            }
        }
        0
    }

    /// Takes a message's share of what is left; whether there was enough.
    fn take(&mut self, message: &Message) -> bool {
        if let Some(left) = &mut self.messages {
            match left.checked_sub(1) {
                Some(less) => *left = less,
                None => return false,
            }
        }
        let (Some(left), Some(counter)) = (&mut self.tokens, self.counter) else {
            return true;
        };
        match left.checked_sub(counter.count_message(message)) {
            Some(less) => *left = less,
            None => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use mainstem_core::{RoughTokens, ToolCallPart};
    use proptest::prelude::*;

    use super::*;

    fn messages(most: usize) -> Limit<'static> {
        Limit {
            messages: Some(most),
            tokens: None,
            counter: None,
        }
    }

    fn tokens(most: u64) -> Limit<'static> {
        Limit {
            messages: None,
            tokens: Some(most),
            counter: Some(&RoughTokens),
        }
    }

    fn call(id: &str) -> Message {
        let call = ToolCallPart::new(id, "find", "{}");
        Message::new(Role::Assistant, [Part::ToolCall(call)])
    }

    fn turn() -> [Message; 4] {
        let result = Message::tool_result("1", "found");
        [
            Message::user("q"),
            call("1"),
            result,
            Message::assistant("a"),
        ]
    }

    #[test]
    fn whole_turns_are_kept() {
        let history = [turn(), turn()].concat();
        let first = |most| messages(most).first_kept(&history);
        assert_eq!([0, 3, 4, 7, 8, 9].map(first), [8, 8, 4, 4, 0, 0]);
        // Five tokens a message, and 8 more for a call with its name and arguments.
        let first = |most| tokens(most).first_kept(&history);
        let whole = RoughTokens.count_message(&history[1]) + 5 + 6 + 5;
        assert_eq!(
            [whole - 1, whole, 2 * whole - 1, 2 * whole].map(first),
            [8, 4, 4, 0]
        );
    }

    #[test]
    fn what_comes_before_the_first_question_belongs_to_no_turn() {
        let history = [
            Message::assistant("Hello!"),
            Message::user("q"),
            Message::assistant("a"),
        ];
        let first = |most| messages(most).first_kept(&history);
        assert_eq!([1, 2, 3].map(first), [3, 1, 0]);
    }

    #[test]
    fn messages_of_the_system_count_and_are_no_turn() {
        let system = Message::system("Be brief.");
        let history = [&[system][..], &turn()[..], &turn()[..]].concat();
        let first = |most| messages(most).first_kept(&history);
        assert_eq!([0, 4, 5, 8, 9].map(first), [9, 9, 5, 5, 0]);
    }

    #[test]
    fn a_question_between_a_call_and_its_result_begins_no_turn() {
        let odd = [
            Message::user("q"),
            call("1"),
            Message::user("Hurry!"),
            Message::tool_result("1", "found"),
        ];
        let first = |most| messages(most).first_kept(&odd);
        assert_eq!([1, 2, 3, 4].map(first), [4, 4, 4, 0]);
    }

    proptest! {
        #[test]
        fn no_result_goes_without_its_call(
            kinds in prop::collection::vec(0..5_u8, 0..24),
            most in 0..24_usize,
        ) {
            // Ids are used again, as some providers do.
            let history: Vec<_> = kinds.iter().map(|kind| match kind {
                0 => Message::user("q"),
                1 => Message::assistant("a"),
                2 => Message::system("s"),
                3 => call("1"),
                _ => Message::tool_result("1", "r"),
            }).collect();
            let first = messages(most).first_kept(&history);
            let left: usize = history[..first].iter().filter(|it| it.role == Role::System).count();
            let kept = &history[first..];
            prop_assert!(kept.is_empty() || kept.len() + left <= most);
            if first > 0 {
                prop_assert!(kept.first().is_none_or(|it| it.role == Role::User));
                let mut asked = false;
                for message in kept {
                    match &message.parts[0] {
                        Part::ToolCall(_) => asked = true,
                        Part::ToolResult(_) => prop_assert!(asked),
                        _ => {}
                    }
                }
            }
        }
    }
}
