//! What a step of a flow costs over the function that it calls.

use std::{hint::black_box, time::Instant};

use anyhow::{Result, ensure};
use clap::{Args, ValueEnum};
use futures::future::BoxFuture;
use mainstem::{Flow, Step, each, up_to};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{
    child, chunks::ratio, cli::Cli, client::nanoseconds, process, report::Section, stats, table,
};

/// How much more a step may cost than the function, in microseconds.
const AIM_US: f64 = 5.0;
/// How much more each of many steps may cost than each of few.
const FLAT: f64 = 1.3;

pub(crate) fn measure(cli: &Cli) -> Result<Section> {
    let (few, many) = cli.pick((1_000, 10_000), (10, 100));
    let rounds = cli.pick(7, 1);
    let about = format!(
        "a step that calls a function, and the function alone; the least ns of some runs, median of {rounds} processes"
    );
    let mut section = Section::new("steps", about, !cli.quick);
    section.row(["", "steps", "ns a step", "ns over", "times", "bytes a step"]);
    let bare = Cost::measure(Shape::Functions, many, rounds)?;
    tell(Shape::Functions, many, &bare, &bare, &mut section);
    for shape in [Shape::Sequence, Shape::Map, Shape::Loop] {
        let costs = [few, many].map(|steps| Cost::measure(shape, steps, rounds));
        let [little, much] = costs;
        let (little, much) = (little?, much?);
        tell(shape, few, &little, &bare, &mut section);
        tell(shape, many, &much, &bare, &mut section);
        let name = shape.name();
        let over = (much.ns - bare.ns) / 1_000.0;
        section.aim(
            format!("{name}, a step over the function"),
            "µs",
            over,
            AIM_US,
        );
        let what = format!("{name}, each of {many} steps/each of {few}");
        section.aim(
            format!("{what}, in time"),
            "times",
            much.ns / little.ns,
            FLAT,
        );
        section.aim(
            what,
            "times the memory",
            ratio(much.bytes, little.bytes),
            FLAT,
        );
    }
    Ok(section)
}

fn tell(shape: Shape, steps: u32, cost: &Cost, bare: &Cost, section: &mut Section) {
    section.row([
        shape.name().to_owned(),
        table::number(steps.into()),
        format!("{:.1}", cost.ns),
        format!("{:.1}", cost.ns - bare.ns),
        format!("{:.1}", cost.ns / bare.ns),
        table::number(cost.bytes),
    ]);
    section.data(json!({
        "shape": shape.name(),
        "steps": steps,
        "ns_per_step": cost.ns,
        "bytes_per_step": cost.bytes,
    }));
}

/// Of each step.
struct Cost {
    ns: f64,
    bytes: u64,
}

impl Cost {
    fn measure(shape: Shape, steps: u32, rounds: usize) -> Result<Self> {
        let errand = Errand { shape, steps };
        let mut reports = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            reports.push(child::run_under::<Measured>(&[], &errand.to_args())?);
        }
        let middle =
            |field: fn(&Measured) -> u64| stats::median(reports.iter().map(field).collect());
        Ok(Self {
            ns: ratio(middle(|report| report.least_ns), steps.into()),
            bytes: middle(|report| report.bytes) / u64::from(steps),
        })
    }
}

/// How the steps are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// Not at all: the function is called, boxed as in anything that holds functions of all types.
    Functions,
    /// One after the other.
    Sequence,
    /// One for each item of a list.
    Map,
    /// Round by round.
    Loop,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::Functions => "functions",
            Self::Sequence => "sequence",
            Self::Map => "map",
            Self::Loop => "loop",
        }
    }
}

/// What a process is told to do: it runs so many steps, again and again.
#[derive(Args, Clone, Copy, Debug, PartialEq)]
pub(crate) struct Errand {
    #[arg(long)]
    shape: Shape,
    #[arg(long)]
    steps: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Measured {
    /// The least time that a run took.
    least_ns: u64,
    /// What the flow and one run of it took at most.
    bytes: u64,
}

const RUNS: u32 = 20;

type Boxed = Box<dyn Fn(u64) -> BoxFuture<'static, mainstem::StepResult<u64>>>;

async fn function(n: u64) -> mainstem::StepResult<u64> {
    Ok(black_box(n) + 1)
}

impl Errand {
    pub(crate) fn run(&self) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let report = runtime.block_on(self.measured())?;
        println!("{}", serde_json::to_string(&report)?);
        Ok(())
    }

    async fn measured(&self) -> Result<Measured> {
        // So that what is left is that of the steps: code is read in, the heap is there.
        let small = Self { steps: 10, ..*self };
        small.least_ns().await?;
        let before = process::memory()?.resident;
        let least_ns = self.least_ns().await?;
        let bytes = process::memory()?.peak.saturating_sub(before);
        Ok(Measured { least_ns, bytes })
    }

    async fn least_ns(&self) -> Result<u64> {
        let steps = u64::from(self.steps);
        match self.shape {
            Shape::Functions => {
                let boxed: Boxed = Box::new(|n| Box::pin(function(n)));
                let boxed = black_box(boxed);
                repeated(async || {
                    let mut value = 0;
                    for _ in 0..steps {
                        value = boxed(value).await.map_err(mainstem::Error::from)?;
                    }
                    ensure!(value == steps);
                    Ok(())
                })
                .await
            }
            Shape::Sequence => {
                let flow = (0..steps).fold(Flow::<u64>::new("f"), |flow, step| {
                    flow.step(format!("step {step}"), function)
                });
                runs(flow, || 0, |value| value == steps).await
            }
            Shape::Map => {
                let flow = Flow::new("f").map("m", each(function));
                let list = || (0..steps).collect::<Vec<_>>();
                runs(flow, list, |list| list.len() as u64 == steps).await
            }
            Shape::Loop => {
                let rounds = up_to(self.steps, function).until(move |n| *n == steps);
                runs(
                    Flow::<u64>::new("f").repeat("r", rounds),
                    || 0,
                    |n| n == steps,
                )
                .await
            }
        }
    }

    fn to_args(self) -> Vec<String> {
        let steps = self.steps.to_string();
        ["steps-of", "--shape", self.shape.name(), "--steps", &steps]
            .map(str::to_owned)
            .to_vec()
    }
}

async fn runs<I, O>(
    flow: Flow<I, O>,
    input: impl Fn() -> I,
    is_right: impl Fn(O) -> bool,
) -> Result<u64>
where
    Flow<I, O>: Step<I, Output = O>,
    I: mainstem::StepValue,
    O: mainstem::StepValue,
{
    repeated(async || {
        ensure!(is_right(flow.run(input()).await?.output));
        Ok(())
    })
    .await
}

async fn repeated(mut run: impl AsyncFnMut() -> Result<()>) -> Result<u64> {
    let mut least_ns = u64::MAX;
    for _ in 0..RUNS {
        let begin = Instant::now();
        run().await?;
        least_ns = least_ns.min(nanoseconds(begin.elapsed()));
    }
    Ok(least_ns)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Part};

    #[test]
    fn it_survives_the_command_line() {
        for shape in Shape::value_variants() {
            let errand = Errand {
                shape: *shape,
                steps: 1_000,
            };
            let args = std::iter::once("bench".to_owned()).chain(errand.to_args());
            let cli = Cli::try_parse_from(args).unwrap();
            assert_eq!(cli.part, Some(Part::StepsOf(errand)));
        }
    }

    #[tokio::test]
    async fn every_shape_runs() {
        for shape in Shape::value_variants() {
            let errand = Errand {
                shape: *shape,
                steps: 10,
            };
            assert!(errand.measured().await.unwrap().least_ns > 0);
        }
    }
}
