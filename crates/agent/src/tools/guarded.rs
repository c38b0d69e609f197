use std::{fmt, time::Duration};

use futures::future::BoxFuture;
use mainstem_core::{
    Approval, Json, Question, RunContext, StepResult, Tool, ToolPolicy, ToolSpec, WhenToolFails,
};

use super::ToolArguments;

/// A tool with rules of its own; made by the methods of [`ToolExt`].
#[derive(Clone)]
pub struct Guarded<T> {
    tool: T,
    policy: ToolPolicy,
}

/// How an agent is to treat a tool's calls: methods of every tool.
///
/// ```
/// use std::time::Duration;
///
/// use mainstem_agent::{ToolExt, tool_fn};
/// use mainstem_core::{Question, Tool};
///
/// #[derive(serde::Deserialize, schemars::JsonSchema)]
/// struct Pay { euros: u32 }
///
/// let pay = tool_fn("pay", "Pays a bill.", async |bill: Pay| Ok(format!("paid {} €", bill.euros)))
///     .time_limit(Duration::from_secs(10))
///     .approve_if(|bill: &Pay| (bill.euros > 100).then(|| format!("Pay {} €?", bill.euros).into()));
/// assert_eq!(pay.policy().time_limit, Some(Duration::from_secs(10)));
/// ```
pub trait ToolExt: Tool + Sized {
    /// How long a call may take; as long as it likes by default.
    ///
    /// What takes longer is stopped, and the call has failed. The wait for an [approval](Self::approve)
    /// doesn't count.
    fn time_limit(self, limit: Duration) -> Guarded<Self> {
        let mut guarded = Guarded::new(self);
        guarded.policy.time_limit = Some(limit);
        guarded
    }

    /// What becomes of a call that fails: by default the model is told, and goes on.
    fn when_it_fails(self, what: WhenToolFails) -> Guarded<Self> {
        let mut guarded = Guarded::new(self);
        guarded.policy.when_it_fails = what;
        guarded
    }

    /// Asks a person before each call, with its arguments.
    ///
    /// Until there is an answer the run is suspended; other calls of the same turn go on to their end first,
    /// and all that wait are asked at once. The answer is `true` or `false`; that one refused, or that the
    /// question expired, is a failure of the call.
    fn approve(self) -> Guarded<Self> {
        let name = self.spec().name.clone();
        let question = move |arguments: &Json| {
            let prompt = format!("Call tool `{name}` with {}?", arguments.as_str());
            Some(Question::new(prompt))
        };
        Guarded::approved_by(self, Approval::new(question))
    }

    /// Asks a person before a call, if the function gives a question about its arguments.
    ///
    /// It must give the same question for the same arguments. Arguments that can't be read as `A` are for
    /// the tool to refuse: nobody is asked.
    fn approve_if<A: ToolArguments>(
        self,
        question: impl Fn(&A) -> Option<Question> + Send + Sync + 'static,
    ) -> Guarded<Self> {
        let question = move |arguments: &Json| question(&arguments.to::<A>().ok()?);
        Guarded::approved_by(self, Approval::new(question))
    }
}

impl<T: Tool> ToolExt for T {}

impl<T: Tool> Guarded<T> {
    fn new(tool: T) -> Self {
        let policy = tool.policy();
        Self { tool, policy }
    }

    fn approved_by(tool: T, approval: Approval) -> Self {
        let mut guarded = Self::new(tool);
        guarded.policy.approval = Some(approval);
        guarded
    }
}

impl<T: Tool> Tool for Guarded<T> {
    fn spec(&self) -> &ToolSpec {
        self.tool.spec()
    }

    fn call(&self, ctx: RunContext, arguments: Json) -> BoxFuture<'static, StepResult<Json>> {
        self.tool.call(ctx, arguments)
    }

    fn policy(&self) -> ToolPolicy {
        self.policy.clone()
    }

    fn resumes(&self) -> bool {
        self.tool.resumes()
    }
}

impl<T: fmt::Debug> fmt::Debug for Guarded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded")
            .field("tool", &self.tool)
            .field("policy", &self.policy)
            .finish()
    }
}
