//! The page of the server in Chromium: what it shows, and what its buttons do.

use futures::FutureExt as _;
use mainstem::Flow;
use mainstem_serve::{Right, Served, Server};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::devtools::Browser;
use crate::program::{Program, soon, text};

/// What would run, if it became markup.
const MARKUP: &str = r#"<img src=x onerror="window.hit = 1"><b>bold</b>"#;

/// The expression is of the row of a run.
fn row(run: &str, expression: &str) -> String {
    format!("document.getElementById('run-{run}')?.{expression}")
}

/// A text on the page is text, and nothing on it ran.
async fn assert_no_markup(browser: &mut Browser) {
    let found = "document.querySelectorAll('main img, main b:not(#events b)').length";
    assert_eq!(browser.eval(found).await, 0);
    assert_eq!(browser.eval("window.hit === undefined").await, true);
}

async fn state(program: &Program, run: &str) -> Value {
    let state = text(program.get(&format!("/runs/{run}")).await).await;
    serde_json::from_str(&state).unwrap()
}

#[tokio::test]
async fn it_lists_runs_and_cancels_them() {
    let program = Program::start(&["--open-lists"]).await;
    let slow = json!({"text": "Jays hide acorns.", "chunk": 1, "repeat": 1000, "delay_ms": 50});
    let slow = program.detached("echo", slow).await;
    let marked = program.detached("echo", json!(MARKUP)).await;
    program.log(&marked).await;
    let waits = program.detached("approval", json!("Pay 7 €")).await;
    program.log(&waits).await;
    let mut browser = Browser::open(&format!("{}/", program.url)).await;

    let status = |run: &str, is: &str| row(run, &format!("innerText.includes('{is}')"));
    browser.until(&status(&slow, "running")).await;
    browser.until(&status(&marked, "finished")).await;
    let ids = "[...document.querySelectorAll('tbody tr')].map((row) => row.id).join(' ')";
    assert_eq!(
        browser.eval(ids).await,
        format!("run-{waits} run-{marked} run-{slow}")
    );
    // Nothing is known of how far the echo is; of a flow it is.
    browser.until(&status(&slow, "unknown")).await;
    browser.until(&status(&waits, "33 %")).await;
    let bar = row(&waits, "querySelector('progress').value");
    assert!((0.3..0.4).contains(&browser.eval(&bar).await.as_f64().unwrap()));

    // Its text comes while it is said.
    let of_slow = row(&slow, "querySelector('.name').click()");
    browser.eval(&of_slow).await;
    let says = "document.getElementById('text').innerText.includes('Jays hide')";
    browser.until(says).await;
    let events = "document.getElementById('events').innerText.includes('run_started')";
    browser.until(events).await;
    let heading = "document.getElementById('run-name').textContent === 'echo'";
    browser.until(heading).await;

    let button = row(&slow, "querySelector('td button')");
    assert_eq!(browser.eval(&format!("{button}.hidden")).await, false);
    browser.eval(&format!("{button}.click()")).await;
    browser.until(&status(&slow, "cancelled")).await;
    browser.until(&format!("{button}.hidden")).await;
    assert_eq!(state(&program, &slow).await["status"], "cancelled");

    browser
        .eval(&row(&marked, "querySelector('.name').click()"))
        .await;
    let says = json!(MARKUP).to_string();
    let shows = format!("document.querySelector('#text p')?.textContent === {says}");
    browser.until(&shows).await;
    browser
        .until("document.querySelectorAll('#events li').length > 3")
        .await;
    assert_no_markup(&mut browser).await;
}

/// A run that waits is answered on the page, whose list is closed: the address has its id.
#[tokio::test]
async fn it_answers_what_a_run_asks() {
    let program = Program::start(&[]).await;
    let run = program.detached("approval", json!(MARKUP)).await;
    program.log(&run).await;
    let mut browser = Browser::open(&format!("{}/#run={run}", program.url)).await;
    browser
        .until("document.querySelector('#questions input')?.name === 'approve'")
        .await;
    let open = "getComputedStyle(document.getElementById('closed')).display !== 'none'";
    browser.until(open).await;
    let told = browser
        .eval("document.getElementById('closed').innerText")
        .await;
    assert!(told.as_str().unwrap().contains("--open-lists"), "{told}");
    let asks = browser
        .eval("document.querySelector('.question').textContent")
        .await;
    assert!(asks.as_str().unwrap().starts_with("<img"), "{asks}");
    assert_no_markup(&mut browser).await;

    let answer = |json: &str| {
        format!(
            "document.querySelector('#questions input').value = '{json}';
             document.querySelector('#questions button').click()"
        )
    };
    browser.eval(&answer("yes")).await;
    browser
        .until("!document.querySelector('#questions input').validity.valid")
        .await;
    assert_eq!(state(&program, &run).await["status"], "suspended");
    // As a person's key does.
    let typed = "document.querySelector('#questions input').dispatchEvent(new Event('input'))";
    browser.eval(typed).await;
    browser.eval(&answer("true")).await;
    browser
        .until("document.getElementById('run-status').textContent === 'finished'")
        .await;
    browser
        .until("document.getElementById('text').textContent.includes('Done: <img')")
        .await;
    browser
        .until("document.getElementById('questions').hidden")
        .await;
    let read = "[...document.querySelectorAll('#events b')].map((it) => it.textContent)";
    let read = browser.eval(read).await;
    let count = |kind: &str| {
        read.as_array()
            .unwrap()
            .iter()
            .filter(|it| *it == kind)
            .count()
    };
    assert_eq!(
        (count("run_started"), count("run_finished")),
        (1, 1),
        "{read}"
    );
    assert_no_markup(&mut browser).await;
}

/// The list is closed here, too.
#[tokio::test]
async fn it_cancels_the_run_that_it_shows() {
    let program = Program::start(&[]).await;
    let hangs = json!({"text": "jays", "chunk": 2, "fault": "hang"});
    let run = program.detached("echo", hangs).await;
    let mut browser = Browser::open(&format!("{}/#run={run}", program.url)).await;
    browser
        .until("document.getElementById('text').textContent.includes('ja')")
        .await;
    browser
        .until("!document.getElementById('cancel').hidden")
        .await;
    let click = "document.getElementById('cancel').click()";
    browser.eval(click).await;
    browser
        .until("document.getElementById('run-status').textContent === 'cancelled'")
        .await;
    browser
        .until("document.getElementById('cancel').hidden")
        .await;
    assert_eq!(state(&program, &run).await["status"], "cancelled");
}

#[tokio::test]
async fn it_takes_back_what_is_retracted() {
    let program = Program::start(&[]).await;
    let mut browser = Browser::open(&format!("{}/", program.url)).await;
    // Slow enough to be shown before it is taken back: who comes later is given the rest alone.
    let says = json!({"text": "jays and robins", "chunk": 5, "delay_ms": 1500, "fault": "retract"});
    let run = program.detached("echo", says).await;
    browser.eval(&format!("location.hash = 'run={run}'")).await;
    browser
        .until("document.getElementById('run-status').textContent === 'finished'")
        .await;
    browser
        .until("document.getElementById('events').textContent.includes('run_finished')")
        .await;
    let events = browser.eval("document.getElementById('events').textContent");
    let events = events.await;
    assert!(events.as_str().unwrap().contains("retracted"), "{events}");
    let text = "document.querySelector('#text p').textContent";
    assert_eq!(browser.eval(text).await, "jays and robins");
}

#[tokio::test]
async fn it_asks_for_the_token() {
    let program = Program::with_token("a-secret", &["--open-lists"]).await;
    let run = program.detached("echo", json!("a jay")).await;
    let mut browser = Browser::open(&format!("{}/", program.url)).await;
    browser
        .until("!document.getElementById('token').hidden")
        .await;
    let give = |token: &str| {
        format!(
            "document.querySelector('#token input').value = '{token}';
             document.querySelector('#token button').click()"
        )
    };
    browser.eval(&give("another")).await;
    browser
        .until("document.getElementById('said').textContent.includes('credentials')")
        .await;
    browser.eval(&give("a-secret")).await;
    browser
        .until(&row(&run, "innerText.includes('finished')"))
        .await;
    browser
        .until("document.getElementById('token').hidden")
        .await;
    // No script can read it.
    let kept = "document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)";
    assert_eq!(browser.eval(kept).await, "{}{}");
}

/// Names are the application's, and may be anything; the router may stand under a path of its own.
#[tokio::test]
async fn it_shows_any_name_as_text_wherever_it_is_nested() {
    let flow = Flow::new("shout").step("up", |text: String| text.to_uppercase());
    let named = Served::new::<String, _>(flow).named(MARKUP);
    let server = Server::new().page().allow(Right::List).served(named);
    let (router, sessions) = server.parts().unwrap();
    let app = axum::Router::new().nest("/inner", router);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/inner", listener.local_addr().unwrap());
    let _serving = tokio::spawn(axum::serve(listener, app).into_future().map(drop));
    let run = sessions.start(MARKUP, json!("a jay").into(), Default::default());
    let run = soon(run).await.unwrap().id().to_string();
    let mut browser = Browser::open(&url).await;
    let name = row(&run, "querySelector('.name').textContent");
    let shown = format!("{name} === {}", json!(MARKUP));
    browser.until(&shown).await;
    browser
        .eval(&row(&run, "querySelector('.name').click()"))
        .await;
    browser
        .until("document.getElementById('events').innerText.includes('run_finished')")
        .await;
    assert_no_markup(&mut browser).await;
}
