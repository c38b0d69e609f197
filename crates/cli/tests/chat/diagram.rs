//! `mainstem diagram`.

use crate::harness::{Done, mainstem};

async fn diagram(args: &[&str]) -> Done {
    let mut command = mainstem(&["diagram"]);
    command.args(args);
    Done::of(command).await
}

const GUIDE: &str = "\
guide (flow)
├─ analyze (function)
├─ generate (agent)
└─ format (function)
";

#[tokio::test]
async fn a_flow_is_drawn_by_its_name() {
    diagram(&["guide"]).await.tells(0, GUIDE, &[""]);
    let done = diagram(&["guide", "--format", "mermaid"]).await;
    assert_eq!(done.code, Some(0));
    let chart = &done.stdout;
    assert!(
        chart.starts_with("flowchart TD\n    subgraph s0[\"guide · flow\"]\n"),
        "{chart}"
    );
}

#[tokio::test]
async fn without_a_name_all_are_drawn_with_what_they_do() {
    let done = diagram(&[]).await;
    assert_eq!(done.code, Some(0));
    let all = &done.stdout;
    assert!(all.starts_with("guide: a question is analyzed"), "{all}");
    assert!(
        all.contains(GUIDE) && all.contains("views (parallel, at the same time)"),
        "{all}"
    );
    let markdown = diagram(&["--format", "mermaid"]).await.stdout;
    let blocks = markdown.matches("```mermaid\nflowchart TD\n").count();
    assert!(
        blocks > 1 && markdown.matches("```").count() == 2 * blocks,
        "{markdown}"
    );
}

#[tokio::test]
async fn a_run_is_drawn_with_what_was_done() {
    let Done {
        code,
        stdout: picture,
        stderr: notes,
    } = diagram(&["guide", "--run", "What is an event?"]).await;
    assert_eq!(
        (code, &*notes),
        (Some(0), "The offline demo model answers.\n")
    );
    let lines: Vec<_> = picture
        .lines()
        .filter_map(|line| line.split_once(" — "))
        .collect();
    let steps: Vec<_> = lines.iter().map(|(step, _)| *step).collect();
    let expected = [
        "✓ guide (flow)",
        "├─ ✓ analyze (function)",
        "├─ ✓ generate (agent)",
        "└─ ✓ format (function)",
    ];
    assert_eq!(steps, expected, "{picture}");
    assert!(
        lines.iter().all(|(_, time)| time.ends_with('s')),
        "{picture}"
    );
    // It took time: the demo model has the pace of a reader.
    assert_ne!(lines[2].1, "0 ms");
}

#[tokio::test]
async fn a_run_is_drawn_as_mermaid_too() {
    let args = [
        "experts",
        "--run",
        "What is an event?",
        "--format",
        "mermaid",
    ];
    let done = diagram(&args).await;
    assert_eq!(done.code, Some(0));
    let chart = &done.stdout;
    assert!(
        chart.contains("classDef done") && chart.contains("(["),
        "{chart}"
    );
}

#[tokio::test]
async fn every_flow_runs_to_its_end() {
    for name in ["review", "research"] {
        let done = diagram(&[name, "--run", "What is an event?"]).await;
        assert_eq!(done.code, Some(0), "{done:?}");
        assert!(
            done.stdout.starts_with(&format!("✓ {name} (flow)")),
            "{done:?}"
        );
    }
}

#[tokio::test]
async fn what_isnt_there_is_an_error_that_says_what_is() {
    let nearest = "error: there is no flow `giude`; did you mean `guide`?\n";
    diagram(&["giude"]).await.tells(2, "", &[nearest]);
    let known = "there are: guide, experts";
    diagram(&["elsewhere", "--run", "x"])
        .await
        .tells(2, "", &[known]);
    diagram(&["guide", "--format", "svg"])
        .await
        .tells(2, "", &["mermaid"]);
    diagram(&["--run", "x"]).await.tells(2, "", &["NAME"]);
    diagram(&["guide", "--run", ""])
        .await
        .tells(2, "", &["--run"]);
}

#[tokio::test]
async fn the_help_tells_what_there_is_to_tell() {
    let done = diagram(&["--help"]).await;
    assert_eq!(done.code, Some(0));
    let help = &done.stdout;
    for told in [
        "[NAME]",
        "--format <FORMAT>",
        "--run <INPUT>",
        "mermaid",
        "demo model",
    ] {
        assert!(help.contains(told), "{told} isn't in {help}");
    }
}

#[cfg(unix)]
mod on_a_terminal {
    use std::process::Stdio;

    use crate::pty::{CTRL_C, Terminal, mainstem};

    const QUESTION: [&str; 4] = ["diagram", "guide", "--run", "What is an event?"];

    #[tokio::test]
    async fn the_picture_changes_with_the_run_and_the_last_one_stays() {
        let mut terminal = Terminal::start(mainstem(&QUESTION));
        terminal.sees("▸ generate (agent)").await;
        terminal.sees("% done").await;
        terminal.sees("✓ generate (agent)").await;
        let (code, screen) = terminal.ends().await;
        assert_eq!(code, Some(0), "{screen}");
        let last = screen.rsplit("✓ guide (flow)").next().unwrap();
        assert!(
            last.contains("✓ format (function)") && !last.contains("% done"),
            "{last:?}"
        );
    }

    #[tokio::test]
    async fn ctrl_c_stops_the_run_and_shows_how_far_it_came() {
        let command = mainstem(&QUESTION).stdout(Stdio::piped());
        let mut terminal = Terminal::start(command);
        terminal.sees("▸ generate (agent)").await;
        terminal.types(CTRL_C).await;
        let child = &mut terminal.child;
        let mut picture = String::new();
        let mut stdout = child.stdout.take().unwrap();
        tokio::io::AsyncReadExt::read_to_string(&mut stdout, &mut picture)
            .await
            .unwrap();
        assert!(
            picture.contains("■ generate (agent)") && picture.contains("– format"),
            "{picture}"
        );
        let (code, screen) = terminal.ends().await;
        assert_eq!(code, Some(130), "{screen}");
    }
}
