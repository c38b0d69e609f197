//! JSON checked against a schema as it arrives.

mod heap;
mod records;
mod task;
mod way;

use anyhow::Result;
use serde_json::json;

pub(crate) use self::task::Task;
use self::{task::Timed, way::Way};
use crate::{
    callgrind::Profiles,
    child,
    chunks::ratio,
    cli::Cli,
    report::{Section, TIMES_HEAP, TIMES_INSTRUCTIONS},
    table,
};

/// How many times the instructions of a typed parse each way may take.
const AIMS: [(Way, f64); 5] = [
    (Way::Judge, 2.5),
    (Way::Front, 6.0),
    (Way::Updates, 6.0),
    (Way::Items, 6.0),
    (Way::Document, 6.0),
];
/// How much more the most expensive byte of any size may cost than the cheapest.
const FLAT: f64 = 1.15;
/// How many times the text each way may have on the heap, beyond what is open.
///
/// A checker keeps the text, in a buffer that doubles: the last size is the worst for it. A live tree
/// keeps some words for each value as well.
const HEAP_AIMS: [(Way, f64); 6] = [
    (Way::Judge, 0.0),
    (Way::Checker, 2.0),
    (Way::Front, 2.0),
    (Way::Updates, 0.0),
    (Way::Items, 0.0),
    (Way::Document, 6.5),
];
const HEAP_SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, (1 << 20) + 1];
/// Where reading takes quadratic time, larger documents take too long.
const JITER_COUNTED: usize = 10_000;
const JITER_TIMED: usize = 100_000;

pub(crate) fn measure(cli: &Cli) -> Result<Section> {
    let sizes = cli.pick(
        &[1_000, 10_000, 100_000, 1_000_000][..],
        &[1_000, 10_000][..],
    );
    let about = format!(
        "a byte of a document of records, in chunks of {} bytes; instructions, times a typed parse of the whole text, and the least time of some rounds",
        way::CHUNK
    );
    let mut section = Section::new("structured", about, !cli.quick);
    let profiles = Profiles::new(cli.keep.as_deref())?;
    let mut rows = Vec::new();
    for way in Way::ALL {
        rows.push(Row::measure(way, sizes, &profiles)?);
    }
    tell(&rows, sizes, &mut section);
    for &bytes in cli.pick(&HEAP_SIZES[..], &HEAP_SIZES[..1]) {
        tell_heap(bytes, &mut section)?;
    }
    Ok(section)
}

/// One way, at all sizes.
struct Row {
    way: Way,
    cells: Vec<Cell>,
}

/// For each byte.
#[derive(Clone, Copy, Default)]
struct Cell {
    instructions: Option<f64>,
    nanoseconds: Option<f64>,
}

impl Row {
    fn measure(way: Way, sizes: &[usize], profiles: &Profiles) -> Result<Self> {
        let cell = |&bytes: &usize| {
            let counted = way != Way::Jiter || bytes <= JITER_COUNTED;
            let timed = way != Way::Jiter || bytes <= JITER_TIMED;
            Ok(Cell {
                instructions: counted
                    .then(|| instructions(way, bytes, profiles))
                    .transpose()?,
                nanoseconds: timed.then(|| nanoseconds(way, bytes)).transpose()?,
            })
        };
        let cells: Result<_> = sizes.iter().map(cell).collect();
        Ok(Self { way, cells: cells? })
    }

    fn instructions(&self) -> impl Iterator<Item = f64> {
        self.cells.iter().filter_map(|cell| cell.instructions)
    }
}

/// Instructions for each byte, without those of starting up.
fn instructions(way: Way, bytes: usize, profiles: &Profiles) -> Result<f64> {
    let few = Task {
        way,
        bytes,
        rounds: 2,
    };
    // What is reported takes a few instructions a round; large documents need few rounds.
    let many = Task {
        rounds: 2 + (100_000 / bytes as u64).clamp(2, 20),
        ..few
    };
    let count = |task: &Task| {
        let name = format!("{}.{bytes}.{}", way.name(), task.rounds);
        profiles.count::<Timed>(&name, &task.to_args())
    };
    let more = count(&many)?.saturating_sub(count(&few)?);
    Ok(more as f64 / ((many.rounds - few.rounds) * few.length()?) as f64)
}

/// The least time for each byte.
fn nanoseconds(way: Way, bytes: usize) -> Result<f64> {
    let rounds = match way {
        Way::Jiter => (100_000 / bytes as u64).pow(2).clamp(1, 50),
        _ => (5_000_000 / bytes as u64).clamp(5, 1_000),
    };
    let task = Task { way, bytes, rounds };
    let report: Timed = child::run_under(&[], &task.to_args())?;
    Ok(report.least_ns as f64 / task.length()? as f64)
}

fn tell(rows: &[Row], sizes: &[usize], section: &mut Section) {
    let heads = sizes
        .iter()
        .flat_map(|&bytes| [format!("{} kB", bytes / 1_000), "times".into(), "ns".into()]);
    section.row(std::iter::once(String::new()).chain(heads));
    let Some(typed) = rows.iter().find(|row| row.way == Way::Typed) else {
        return;
    };
    for row in rows {
        let mut cells = vec![row.way.about().to_owned()];
        let mut most = 0.0;
        for (index, cell) in row.cells.iter().enumerate() {
            let show = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.1}"));
            let times = cell.instructions.zip(typed.cells[index].instructions);
            let times = times.map(|(a, b)| a / b);
            most = times.unwrap_or_default().max(most);
            cells.extend([
                show(cell.instructions),
                times.map_or("-".into(), |times| format!("{times:.2}")),
                show(cell.nanoseconds),
            ]);
            section.data(json!({
                "way": row.way.name(),
                "bytes": sizes[index],
                "instructions_per_byte": cell.instructions,
                "ns_per_byte": cell.nanoseconds,
            }));
        }
        section.row(cells);
        if let Some((way, aim)) = AIMS.iter().find(|(way, _)| *way == row.way) {
            section.aim(
                format!("{}/typed parse", way.name()),
                TIMES_INSTRUCTIONS,
                most,
                *aim,
            );
            let low = row.instructions().fold(f64::INFINITY, f64::min);
            let high = row.instructions().fold(0.0, f64::max);
            let what = format!("{}, a byte of the dearest size/of the cheapest", way.name());
            section.aim(what, TIMES_INSTRUCTIONS, high / low, FLAT);
        }
    }
}

/// Adds the most that was on the heap while a document was checked, beside the document itself.
fn tell_heap(bytes: usize, section: &mut Section) -> Result<()> {
    let peak = |way| {
        heap::peak(&Task {
            way,
            bytes,
            rounds: 1,
        })
    };
    let idle = peak(Way::None)?;
    let length = Task {
        way: Way::None,
        bytes,
        rounds: 1,
    }
    .length()?;
    for (way, aim) in HEAP_AIMS {
        let more = peak(way)?.saturating_sub(idle);
        section.row([
            format!("heap: {}, {} kB", way.name(), bytes / 1_000),
            table::number(more),
            format!("{:.2}", ratio(more, length)),
        ]);
        section.data(json!({"way": way.name(), "bytes": length, "heap_bytes": more}));
        let beyond = ratio(more.saturating_sub(heap::OPEN), length);
        let what = format!(
            "{}, {} kB, but for {} bytes",
            way.name(),
            bytes / 1_000,
            heap::OPEN
        );
        section.aim(what, TIMES_HEAP, beyond, aim);
    }
    Ok(())
}
