//! What an answer uses: as the provider says, or else by an estimate.

use std::{collections::BTreeMap, sync::Arc};

use mainstem_core::{
    Error, ModelEvent, ModelRequest, Result, RoughTokens, RunContext, Spending, Text, TokenCounter,
    Usage,
};

/// How much text is counted at once while it arrives: so each piece costs the same, however much came
/// before, and counts about as it would in the whole.
const PIECE: usize = 256;

/// What the requests for one answer use.
pub(crate) struct Expense {
    spending: Spending,
    counter: Option<Arc<dyn TokenCounter>>,
    input: Input,
    written: Written,
    /// The provider's own word on the attempt under way.
    given: Option<Usage>,
    /// By that word a limit is passed: the answer is cut off, unless it ends with it.
    over: Option<Error>,
    /// Whether a request is out.
    is_out: bool,
    /// Whether the provider has begun to answer it: otherwise it used nothing that we know of.
    has_begun: bool,
    /// What all attempts that have ended used.
    spent: Usage,
}

/// The tokens of the request.
enum Input {
    Counted(u64),
    /// Counted when the provider doesn't say it.
    Uncounted(Box<ModelRequest>),
}

/// What the model wrote.
#[derive(Default)]
struct Written {
    bytes: usize,
    counted: u64,
    /// What isn't counted yet; kept for a counter that is better than by bytes.
    rest: String,
    /// Whether the limits are to know while it arrives.
    is_live: bool,
}

impl Expense {
    /// A request is to go out; refused, if a limit leaves no room for it.
    pub(crate) fn begin(
        ctx: &RunContext,
        model: &Text,
        counter: Option<Arc<dyn TokenCounter>>,
        request: &ModelRequest,
    ) -> Result<Self> {
        let mut input = None;
        let spending = ctx.begin_request(model.clone(), || {
            input = counter.as_ref().map(|it| it.count_request(request));
            input
        })?;
        let input = match (input, &counter) {
            (Some(tokens), _) => Input::Counted(tokens),
            (None, None) => Input::Counted(RoughTokens.count_request(request)),
            (None, Some(_)) => Input::Uncounted(Box::new(request.clone())),
        };
        let written = Written {
            is_live: counter.is_some() && ctx.depends_on_tokens(),
            ..Written::default()
        };
        Ok(Self {
            spending,
            counter,
            input,
            written,
            given: None,
            over: None,
            is_out: true,
            has_begun: false,
            spent: Usage::default(),
        })
    }

    /// Takes note of a piece of the answer; fails, if a limit is passed by what is known now.
    pub(crate) fn follow(&mut self, event: &ModelEvent) -> Result<()> {
        let begins = event.is_data() || matches!(event, ModelEvent::Started { .. });
        self.has_begun |= begins;
        match event {
            ModelEvent::Waiting(_) => self.is_out = false,
            ModelEvent::Sending => self.is_out = true,
            _ => self.is_out |= begins,
        }
        if event.is_data()
            && !matches!(event, ModelEvent::Finished(_))
            && let Some(over) = self.over.take()
        {
            return Err(over);
        }
        match event {
            ModelEvent::Text(text)
            | ModelEvent::Reasoning(text)
            | ModelEvent::Refusal(text)
            | ModelEvent::ToolArguments { text, .. } => self.wrote(text),
            ModelEvent::ToolCall { name, .. } => {
                self.written.counted += match &self.counter {
                    Some(counter) => counter.count_call(name, ""),
                    None => RoughTokens.count_call(name, ""),
                };
                self.wrote("")
            }
            ModelEvent::Usage(usage) => {
                self.given = Some(*usage);
                self.over = self.spending.so_far(*usage).err();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The request couldn't be made, and wasn't sent.
    pub(crate) fn was_not_sent(&mut self) {
        self.is_out = false;
    }

    /// The attempt has failed and used this; another one follows. Refused as the first one may be.
    pub(crate) fn next_attempt(&mut self, used: Usage, model: &Text, is_void: bool) -> Result<()> {
        if is_void {
            let is_live = self.written.is_live;
            self.written = Written {
                is_live,
                ..Written::default()
            };
        } else {
            // What was written is sent along, so that the model can go on from there.
            let written = self.written.tokens(self.counter.as_deref());
            self.input = Input::Counted(self.input() + written);
        }
        self.spent += used;
        // Whether the next one went out, `Waiting` and `Sending` tell.
        (self.given, self.is_out, self.has_begun) = (None, true, false);
        self.spending.next_attempt(used, model.clone())
    }

    /// The answer has ended, or was broken off: it is counted, and held to the limits a last time.
    pub(crate) fn end(&mut self) -> Result<()> {
        if self.spending.is_over() {
            return Ok(());
        }
        let used = self.used();
        self.spent += used;
        self.spending.end(used)
    }

    /// What all attempts used, so far.
    pub(crate) fn usage(&self) -> Usage {
        let under_way = (!self.spending.is_over()).then(|| self.used());
        [Some(self.spent), under_way].into_iter().flatten().sum()
    }

    /// The same by models, if there was more than one.
    pub(crate) fn by_model(&self) -> BTreeMap<Text, Usage> {
        self.spending.by_model()
    }

    fn wrote(&mut self, text: &str) -> Result<()> {
        let Some(counter) = self.counter.as_deref() else {
            self.written.bytes += text.len();
            return Ok(());
        };
        let written = &mut self.written;
        written.rest.push_str(text);
        if !written.is_live {
            return Ok(());
        }
        if written.rest.len() >= PIECE {
            written.counted += counter.count(&written.rest);
            written.rest.clear();
        }
        match self.given {
            Some(_) => Ok(()),
            None => self.spending.so_far(self.estimate()),
        }
    }

    /// What the attempt under way uses.
    fn used(&self) -> Usage {
        match self.given {
            Some(given) => given,
            None if self.has_begun => self.estimate(),
            None => {
                let mut usage = Usage::new(0, 0);
                usage.requests = u64::from(self.is_out);
                usage
            }
        }
    }

    fn estimate(&self) -> Usage {
        let output = self.written.tokens(self.counter.as_deref());
        let mut usage = Usage::new(self.input(), output);
        usage.estimated = true;
        usage
    }

    fn input(&self) -> u64 {
        match (&self.input, &self.counter) {
            (Input::Counted(tokens), _) => *tokens,
            (Input::Uncounted(request), Some(counter)) => counter.count_request(request),
            (Input::Uncounted(request), None) => RoughTokens.count_request(request),
        }
    }
}

impl Written {
    fn tokens(&self, counter: Option<&dyn TokenCounter>) -> u64 {
        match counter {
            Some(counter) => self.counted + counter.count(&self.rest),
            None => self.counted + RoughTokens.count_bytes(self.bytes),
        }
    }
}
