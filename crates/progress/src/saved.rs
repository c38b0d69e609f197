//! Saving a tree, and going on from one that was saved: it may come from anywhere, so nothing of it is
//! taken on trust.

use mainstem_core::{Error, ErrorKind, Place, Result};

use crate::{
    ProgressId, ProgressNode, ProgressState, SavedProgress,
    arena::{Arena, Clock, Kept, Slot},
    ops::DEEPEST,
    parts::{HEAVIEST, WHOLE, as_fraction, as_weight, grains_of, parts_of},
};

/// How many numbers a saved tree may have given to nodes: each takes room, also when its node is gone.
const NUMBERS: u32 = 1 << 24;

/// How many changes a saved tree may have seen: so many more can be counted.
const CHANGES: u64 = u64::MAX / 2;

/// What is wrong with a field, and what it should be.
struct Fault {
    field: &'static str,
    why: String,
}

type Checked = std::result::Result<(), Fault>;

fn hold(holds: bool, field: &'static str, why: impl FnOnce() -> String) -> Checked {
    match holds {
        true => Ok(()),
        false => Err(Fault { field, why: why() }),
    }
}

impl Fault {
    /// Of the tree as a whole.
    fn of_tree(self) -> Error {
        self.at("the saved progress")
    }

    fn of(self, id: ProgressId, name: &str) -> Error {
        self.at(&format!("node {id} (`{name}`) of the saved progress"))
    }

    fn at(self, place: &str) -> Error {
        let Self { field, why } = self;
        let message = format!("`{field}` of {place} {why}; give what `save` gave, unchanged");
        Error::new(ErrorKind::Value, message)
    }
}

impl Arena {
    pub(crate) fn save(&self) -> SavedProgress {
        SavedProgress {
            snapshot: self.snapshot(),
            kept: self.nodes().map(|slot| slot.kept.clone()).collect(),
            clock: self.clock,
            fed: self.place,
            next: self.next_id(),
        }
    }

    /// The tree that was saved, if what is given can be one.
    pub(crate) fn restore(saved: SavedProgress) -> Result<Self> {
        check_tree(&saved).map_err(Fault::of_tree)?;
        let SavedProgress {
            snapshot,
            kept,
            clock,
            fed,
            next,
        } = saved;
        let mut nodes = Nodes::new(clock, fed, next);
        for (view, kept) in snapshot.nodes.into_iter().zip(kept) {
            let (id, name) = (view.id, view.name.clone());
            nodes.put(view, kept).map_err(|fault| fault.of(id, &name))?;
        }
        let mut arena = nodes.arena.ok_or_else(|| no_nodes().of_tree())?;
        arena.recount();
        // From the inside out, so that what is wrong is named and not what comes of it.
        let slots: Vec<_> = arena.nodes().collect();
        for slot in slots.into_iter().rev() {
            let (id, name) = (slot.view.id, &slot.view.name);
            check_fraction(slot).map_err(|fault| fault.of(id, name))?;
        }
        arena.reserve_up_to(next);
        (arena.clock, arena.place) = (clock, fed);
        arena.version = snapshot.version;
        arena.changed = (snapshot.at, snapshot.place);
        Ok(arena)
    }
}

fn no_nodes() -> Fault {
    let why = "is empty, and a tree has a root".to_owned();
    Fault {
        field: "nodes",
        why,
    }
}

/// What holds of the tree as a whole, before its nodes are looked at.
fn check_tree(saved: &SavedProgress) -> Checked {
    let (snapshot, clock) = (&saved.snapshot, saved.clock);
    let (count, next) = (snapshot.nodes.len(), saved.next);
    hold(saved.kept.len() == count, "kept", || {
        format!("has {} entries for {count} nodes", saved.kept.len())
    })?;
    let root = snapshot.nodes.first().ok_or_else(no_nodes)?;
    hold(next.0 <= NUMBERS, "next", || {
        format!("is {next}, and numbers of saved nodes are below {NUMBERS}")
    })?;
    let forgotten = snapshot.nodes.iter().map(|node| node.forgotten);
    let forgotten = forgotten.fold(count as u64, u64::saturating_add);
    hold(forgotten <= u64::from(next.0), "next", || {
        format!("is {next}, and the nodes are {forgotten} with those that were forgotten")
    })?;
    hold(snapshot.version <= CHANGES, "version", || {
        format!("is {}, and no tree changes so often", snapshot.version)
    })?;
    hold(snapshot.at <= clock.now, "at", || {
        "is later than `clock.now`".to_owned()
    })?;
    hold(snapshot.place <= saved.fed, "place", || {
        "is after `fed`, the last event that was taken in".to_owned()
    })?;
    hold(
        clock.stood <= clock.now.as_unix_millis(),
        "clock.stood",
        || format!("is {}, and there was no such time", clock.stood),
    )?;
    let is_paused = root.state == ProgressState::Paused;
    hold(clock.stands == is_paused, "clock.stands", || {
        format!("is {}, and the root is {}", clock.stands, root.state)
    })
}

/// Puts nodes into their tree, one after the other.
struct Nodes {
    arena: Option<Arena>,
    /// How many nodes are around each, by their numbers.
    depths: Vec<(ProgressId, usize)>,
    clock: Clock,
    fed: Option<Place>,
    next: ProgressId,
}

impl Nodes {
    fn new(clock: Clock, fed: Option<Place>, next: ProgressId) -> Self {
        Self {
            next,
            arena: None,
            depths: Vec::new(),
            clock,
            fed,
        }
    }

    fn put(&mut self, view: ProgressNode, kept: Kept) -> Checked {
        let id = view.id;
        hold(id < self.next, "id", || {
            format!("isn't below `next`, {}", self.next)
        })?;
        check_numbers(&view)?;
        check_state(&view, &kept)?;
        check_times(&view, &kept, self.clock)?;
        check_kept(&view, &kept, self.fed)?;
        let Some(arena) = &mut self.arena else {
            check_root(&view, &kept)?;
            self.depths.push((view.id, 0));
            let path = view.path.clone();
            let mut arena = Arena::new(view);
            if let Some(root) = arena.get_mut(ProgressId::ROOT) {
                root.kept = kept;
            }
            let steps = path.map(|path| (path.attempt(1), ProgressId::ROOT));
            arena.steps.extend(steps);
            self.arena = Some(arena);
            return Ok(());
        };
        hold(id >= arena.next_id(), "id", || {
            "isn't above those of all nodes before it".to_owned()
        })?;
        let around = view.parent.and_then(|around| arena.get(around));
        let depth = around.and_then(|around| {
            let at = self
                .depths
                .binary_search_by_key(&around.view.id, |&(id, _)| id);
            Some(self.depths.get(at.ok()?)?.1 + 1)
        });
        let (Some(around), Some(depth)) = (around, depth) else {
            let why = "is no node before it".to_owned();
            let field = "parent";
            return Err(Fault { field, why });
        };
        hold(depth <= DEEPEST, "parent", || {
            format!("is the last of more than {DEEPEST} nodes around it")
        })?;
        check_around(&view, &kept, &around.view)?;
        if let Some(path) = &view.path {
            let other = arena.steps.insert(path.attempt(1), id);
            hold(other.is_none(), "path", || {
                "is that of another node, too".to_owned()
            })?;
        }
        self.depths.push((id, depth));
        let mut slot = Slot::new(view);
        slot.kept = kept;
        arena.put(slot);
        Ok(())
    }
}

fn check_root(view: &ProgressNode, kept: &Kept) -> Checked {
    hold(view.id == ProgressId::ROOT, "id", || {
        "isn't 0, and the first node is the root".to_owned()
    })?;
    hold(view.parent.is_none(), "parent", || {
        "is there, and the first node is the root".to_owned()
    })?;
    hold(!kept.void, "kept.void", || {
        "is true, and a root isn't taken back".to_owned()
    })
}

fn check_numbers(view: &ProgressNode) -> Checked {
    let is_weight = |weight: f64| as_weight(grains_of(weight)) == weight;
    hold(is_weight(view.weight), "weight", || {
        let weight = view.weight;
        format!("is {weight}, and weights are from 0 to {HEAVIEST}, in thousandths")
    })?;
    if let Some(expected) = view.expected {
        hold(expected > 0.0 && is_weight(expected), "expected", || {
            format!("is {expected}, and weights are from 0.001 to {HEAVIEST}, in thousandths")
        })?;
    }
    if let Some(fraction) = view.fraction {
        let is_fraction = as_fraction(parts_of(fraction)) == fraction;
        hold(is_fraction, "fraction", || {
            format!("is {fraction}, and fractions are from 0 to 1, in billionths")
        })?;
    }
    Ok(())
}

/// What a state says of the other fields.
fn check_state(view: &ProgressNode, kept: &Kept) -> Checked {
    use ProgressState::{Cancelled, Paused, Pending, Running, Skipped};
    let state = view.state;
    let may_begin = state != Pending && !kept.void;
    let must_begin = !matches!(state, Pending | Cancelled | Skipped);
    let begins = match view.started {
        Some(_) => may_begin,
        None => !must_begin,
    };
    let is_there = |there: bool| if there { "is there" } else { "is missing" };
    hold(begins, "started", || {
        let taken_back = if kept.void { " and taken back" } else { "" };
        let there = is_there(view.started.is_some());
        format!("{there}, and the node is {state}{taken_back}")
    })?;
    hold(view.ended.is_some() == state.is_ended(), "ended", || {
        let there = is_there(view.ended.is_some());
        format!("{there}, and the node is {state}")
    })?;
    let may_have_eta = state == Running && view.fraction.is_some();
    hold(view.eta.is_none() || may_have_eta, "eta", || {
        format!("is there, and the node is {state}, or its fraction unknown")
    })?;
    hold(view.done == 0 || state != Pending, "done", || {
        format!("is {}, and the node is {state}", view.done)
    })?;
    let is_paused = state == Paused;
    let paused_at = kept.paused_at.is_some();
    hold(paused_at == is_paused, "kept.paused_at", || {
        format!("{}, and the node is {state}", is_there(paused_at))
    })
}

fn check_times(view: &ProgressNode, kept: &Kept, clock: Clock) -> Checked {
    for (field, at) in [("started", view.started), ("ended", view.ended)] {
        hold(at <= Some(clock.now), field, || {
            "is later than `clock.now`".to_owned()
        })?;
    }
    let in_order = view.ended.is_none() || view.started <= view.ended;
    hold(in_order, "ended", || "is before `started`".to_owned())?;
    let worked = clock.worked();
    let until = kept.paused_at.unwrap_or(worked);
    hold(until <= worked, "kept.paused_at", || {
        format!("is {until}, and the tree has worked for {worked} ms")
    })?;
    hold(kept.paused <= until, "kept.paused", || {
        format!("is {}, and there was no such time", kept.paused)
    })?;
    hold(kept.pace.is_sound(until - kept.paused), "kept.pace", || {
        "is none that progress can have".to_owned()
    })
}

fn check_kept(view: &ProgressNode, kept: &Kept, fed: Option<Place>) -> Checked {
    let places = [
        ("kept.since", kept.since),
        ("kept.counted_at", kept.counted_at),
    ];
    for (field, place) in places {
        hold(place <= fed, field, || {
            "is after `fed`, the last event that was taken in".to_owned()
        })?;
    }
    let heaviest = u128::from(view.forgotten) * u128::from(grains_of(HEAVIEST));
    let most = kept.forgotten.weight.saturating_mul(u128::from(WHOLE));
    let counts = kept.forgotten.weight <= heaviest && kept.forgotten.done <= most;
    hold(counts, "kept.forgotten", || {
        format!("is more than {} nodes can be", view.forgotten)
    })
}

/// What a node may be in the one that it is inside of.
fn check_around(view: &ProgressNode, kept: &Kept, around: &ProgressNode) -> Checked {
    let (state, outer) = (view.state, around.state);
    let why = || format!("is {state}, and node {} around it is {outer}", around.id);
    let may_be_open = !outer.is_ended() || kept.void;
    hold(state.is_ended() || may_be_open, "state", why)?;
    let may_begin = outer != ProgressState::Pending;
    hold(view.started.is_none() || may_begin, "started", || {
        format!("is there, and node {} around it is {outer}", around.id)
    })
}

/// What is shown of how much is done must be what comes out by what is known.
fn check_fraction(slot: &Slot) -> Checked {
    let (is, known) = (slot.parts, slot.done());
    hold(is == known, "fraction", || {
        let shown = |parts: Option<_>| {
            parts.map_or("null".to_owned(), |parts| as_fraction(parts).to_string())
        };
        let (is, known) = (shown(is), shown(known));
        format!("is {is}, and by its state and what is inside it is {known}")
    })
}
