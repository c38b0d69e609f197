//! Which tools a server has, as it said last.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use rmcp::model::Tool;

/// The tools of a server, whatever its connection.
#[derive(Default)]
pub(crate) struct Offer {
    /// How often what was listed went out of date.
    version: AtomicU64,
    listed: Mutex<Option<Listed>>,
    /// Whether there is something new, for those who build agents.
    changed: AtomicBool,
}

struct Listed {
    version: u64,
    tools: Arc<Vec<Tool>>,
}

impl Offer {
    /// The server says that its tools changed.
    pub(crate) fn changes(&self) {
        self.changed.store(true, Ordering::Relaxed);
        self.is_out_of_date();
    }

    /// There is a new connection: what was listed on the one before may not hold any more.
    pub(crate) fn is_out_of_date(&self) {
        self.version.fetch_add(1, Ordering::AcqRel);
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    /// What is offered now; none, if the server has to be asked.
    pub(crate) fn now(&self) -> Option<Arc<Vec<Tool>>> {
        let listed = self.lock();
        let listed = listed.as_ref()?;
        (listed.version == self.version()).then(|| Arc::clone(&listed.tools))
    }

    /// Keeps a list that was asked for when the version was this one.
    pub(crate) fn keep(&self, version: u64, tools: Vec<Tool>) -> Arc<Vec<Tool>> {
        let tools = Arc::new(tools);
        let new = Listed {
            version,
            tools: Arc::clone(&tools),
        };
        let before = self.lock().replace(new);
        if before.is_some_and(|before| before.tools != tools) {
            self.changed.store(true, Ordering::Relaxed);
        }
        tools
    }

    pub(crate) fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    /// Somebody is about to build an agent with what is offered now.
    pub(crate) fn is_taken(&self) {
        *self.lock() = None;
        self.changed.store(false, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Listed>> {
        self.listed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
