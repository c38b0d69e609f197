//! How much of a run is done.

use mainstem_core::PlanShape;

use super::{
    layout::{Layout, Spot},
    tally::{Ending, Tally},
};

/// Tells the steps around one that something of it is done, or was taken back.
pub(super) fn settle(layout: &Layout, tallies: &mut [Tally], mut spot: Spot) {
    loop {
        let done = done(layout, tallies, spot);
        let more = done - tallies[spot].done;
        tallies[spot].done = done;
        let planned = layout.at(spot);
        let Some(outer) = planned.outer else {
            return;
        };
        // A loop counts its rounds, whatever is done of the one under way.
        if more == 0.0 && layout.at(outer).shape != PlanShape::Repeated {
            return;
        }
        tallies[outer].done_inside += more * planned.weight;
        spot = outer;
    }
}

fn done(layout: &Layout, tallies: &[Tally], spot: Spot) -> f64 {
    let tally = &tallies[spot];
    match tally.last {
        _ if tally.open > 0 => done_inside(layout, tallies, spot),
        Some(Ending::Finished | Ending::Skipped) => 1.0,
        // How far it had come.
        Some(Ending::Failed | Ending::Stopped) => tally.done,
        Some(Ending::Retracted) | None => 0.0,
    }
}

fn done_inside(layout: &Layout, tallies: &[Tally], spot: Spot) -> f64 {
    let step = layout.at(spot);
    let done = match step.shape {
        PlanShape::OneOf | PlanShape::Until | PlanShape::Race => furthest(tallies, &step.inside),
        PlanShape::Routed => match &step.inside[..] {
            [router, arms @ ..] => {
                let (first, heaviest) = (layout.at(*router).weight, heaviest(layout, arms));
                let done = tallies[*router].done * first + furthest(tallies, arms) * heaviest;
                done / (first + heaviest).max(1.0)
            }
            [] => 0.0,
        },
        PlanShape::Repeated => {
            let over = step.inside.last().map_or(0, |&last| tallies[last].over());
            // How many rounds will follow isn't known: as many as there were may, and one more.
            let of = tallies[spot].items.unwrap_or(over + 1);
            over as f64 / of.max(1) as f64
        }
        _ => tallies[spot].done_inside / step.weight_inside.max(1.0),
    };
    done.clamp(0.0, 1.0)
}

/// How far that of some steps has come which has come furthest.
fn furthest(tallies: &[Tally], steps: &[Spot]) -> f64 {
    let done = steps.iter().map(|&step| tallies[step].done);
    done.fold(0.0, f64::max)
}

fn heaviest(layout: &Layout, steps: &[Spot]) -> f64 {
    let weights = steps.iter().map(|&step| layout.at(step).weight);
    weights.fold(0.0, f64::max)
}
