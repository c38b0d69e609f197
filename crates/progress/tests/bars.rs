//! Bars, as a terminal shows them.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    fmt, io,
    num::NonZero,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use futures::{FutureExt, StreamExt};
use indicatif::{MultiProgress, ProgressDrawTarget, TermLike};
use mainstem_core::Timestamp;
use mainstem_progress::{ProgressBars, ProgressSubscription, ProgressTree};

/// A terminal of 30 rows and 80 columns.
#[derive(Clone)]
struct Terminal(Arc<Mutex<vt100::Parser>>);

impl Terminal {
    fn new() -> Self {
        let [rows, columns] = [30, 80].map(|size| NonZero::new(size).unwrap());
        Self(Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0))))
    }

    fn write(&self, text: &str) -> io::Result<()> {
        self.0.lock().unwrap().process(text.as_bytes());
        Ok(())
    }

    fn lines(&self) -> Vec<String> {
        let terminal = self.0.lock().unwrap();
        let rows = terminal.screen().rows(0, 80);
        let rows = rows.map(|row| row.trim_end().to_owned());
        rows.filter(|row| !row.is_empty()).collect()
    }

    fn go(&self, by: usize, letter: char) -> io::Result<()> {
        match by {
            0 => Ok(()),
            by => self.write(&format!("\u{1b}[{by}{letter}")),
        }
    }
}

impl fmt::Debug for Terminal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Terminal").finish()
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        80
    }

    fn move_cursor_up(&self, by: usize) -> io::Result<()> {
        self.go(by, 'A')
    }

    fn move_cursor_down(&self, by: usize) -> io::Result<()> {
        self.go(by, 'B')
    }

    fn move_cursor_right(&self, by: usize) -> io::Result<()> {
        self.go(by, 'C')
    }

    fn move_cursor_left(&self, by: usize) -> io::Result<()> {
        self.go(by, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write(&format!("{text}\r\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.write(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write("\r\u{1b}[2K")
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

struct Screen {
    terminal: Terminal,
    bars: ProgressBars,
    updates: ProgressSubscription,
}

impl Screen {
    fn new(tree: &ProgressTree) -> Self {
        let terminal = Terminal::new();
        // Each change is drawn, however fast they come.
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let screen = MultiProgress::with_draw_target(target);
        Self {
            terminal,
            bars: ProgressBars::on(screen),
            updates: tree.subscribe(),
        }
    }

    /// What is shown once all updates are.
    fn lines(&mut self) -> Vec<String> {
        while let Some(Some(update)) = self.updates.next().now_or_never() {
            self.bars.show(&update);
        }
        self.terminal.lines()
    }
}

fn clocked() -> (Arc<AtomicU64>, ProgressTree) {
    let clock = Arc::new(AtomicU64::new(1000));
    let now = Arc::clone(&clock);
    let tree = ProgressTree::with_clock("import", move || {
        Timestamp::from_unix_millis(now.load(Ordering::Relaxed))
    });
    (clock, tree)
}

#[test]
fn there_is_a_bar_for_the_whole_and_for_each_that_is_under_way() {
    let (clock, tree) = clocked();
    let mut screen = Screen::new(&tree);
    tree.root().expect(4.0).unwrap();
    let load = tree.root().child("load").total(4).start().unwrap();
    let check = tree.root().child("check").open_ended().start().unwrap();
    let rows = check.child("rows").index(2).total(8).start().unwrap();
    clock.fetch_add(3000, Ordering::Relaxed);
    load.update(1).unwrap();
    load.set_message("a\u{1b}[2Jb.csv\n").unwrap();
    rows.update(4).unwrap();
    rows.pause().unwrap();
    let lines = screen.lines();
    assert_eq!(lines.len(), 4, "{lines:#?}");
    let bar = |done: usize, left: usize| format!("[{}>{}]", "=".repeat(done), " ".repeat(left));
    let root = format!(
        "import                       {}   6%  45 s left",
        bar(1, 22)
    );
    assert_eq!(lines[0], root);
    let load_line = format!(
        "  load                       {}  25%  1 of 4, a [2Jb.csv", // cut
        bar(6, 17)
    );
    assert_eq!(lines[1], load_line);
    assert!(
        lines[2].starts_with("  check                      ["),
        "{}",
        lines[2]
    );
    assert!(!lines[2].contains('%'));
    let rows_line = format!(
        "    rows 3                   {}  50%  paused, 4 of 8",
        bar(12, 11)
    );
    assert_eq!(lines[3], rows_line);

    rows.cancel().unwrap();
    check.complete().unwrap();
    let lines = screen.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    tree.root().fail("no disk").unwrap();
    let lines = screen.lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(
        lines[0].starts_with("import") && lines[0].ends_with("31%  failed, no disk"),
        "{lines:#?}"
    );
}

#[test]
fn a_crowd_is_cut_and_what_was_reset_goes() {
    let (_, tree) = clocked();
    let mut screen = Screen::new(&tree);
    let files = tree.root().child("files").start().unwrap();
    for at in 0..20 {
        files.child("file").index(at).start().unwrap();
    }
    let lines = screen.lines();
    assert_eq!(lines.len(), 13);
    assert!(lines[12].starts_with("    file 11 "), "{}", lines[12]);
    files.reset().unwrap();
    let lines = screen.lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
}

#[test]
fn one_that_lagged_shows_what_is_there() {
    let (_, tree) = clocked();
    let mut screen = Screen::new(&tree);
    screen.updates = tree.subscribe_holding(1);
    let files = tree.root().child("files").start().unwrap();
    let file = files.child("file").start().unwrap();
    assert_eq!(screen.lines().len(), 3);
    file.complete().unwrap();
    files.reset().unwrap();
    tree.root().child("other").start().unwrap();
    let lines = screen.lines();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[1].starts_with("  other"));
}
