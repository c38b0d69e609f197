//! How runs end, and what clients see of it.

use std::{fmt::Write, fs, path::PathBuf};

use axum::{Router, extract::Path, response::Response, routing::get};
use mainstem::models::reqwest;
use mainstem_serve::{ResponseOptions, respond, wire::Format};
use mainstem_tests::{client, within};
use tokio::net::TcpListener;

use crate::{
    case::{Case, events},
    client::read,
};

/// The response of a case, in a format.
async fn answer(Path((case, format)): Path<(String, String)>) -> Response {
    let case = Case::ALL
        .into_iter()
        .find(|known| known.to_string() == case)
        .unwrap();
    let (events, after) = events(case).await;
    let options = ResponseOptions::new().after(after);
    respond(Format::parse(&format).unwrap(), events, options)
}

/// Serves until the test ends; its base URL.
pub(crate) async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    base
}

/// The head of a table with a column for each format.
pub(crate) fn head(first: &str) -> String {
    let columns = Format::ALL.iter().map(|format| format!(" `{format}` |"));
    let columns: String = columns.collect();
    let line = "---|".repeat(Format::ALL.len() + 1);
    format!("| {first} |{columns}\n|{line}\n")
}

#[tokio::test]
async fn each_end_is_seen_as_the_page_says() {
    let base = serve(Router::new().route("/{case}/{format}", get(answer))).await;
    let client = client();
    let mut table = head("the run");
    for case in Case::ALL {
        write!(table, "| {case} |").unwrap();
        for format in Format::ALL {
            let request = client.get(format!("{base}/{case}/{format}"));
            let response = within(request.send()).await.unwrap();
            let seen = within(read(*format, response)).await;
            write!(table, " {} |", seen.cell()).unwrap();
        }
        table.push('\n');
    }
    check("ends", &table);
}

#[tokio::test]
async fn http_2_is_cut_by_a_reset_after_all_that_was_said() {
    let base = serve(Router::new().route("/{case}/{format}", get(answer))).await;
    let builder = reqwest::Client::builder().http2_prior_knowledge();
    let client = builder.tls_certs_only([]).no_proxy().build().unwrap();
    for (case, cell) in [
        (Case::Finished, "Jays. complete"),
        (Case::Failed, "Jays. error ✗"),
        (Case::Broken, "Jays. error ✗"),
    ] {
        let request = client.get(format!("{base}/{case}/chunks"));
        let response = within(request.send()).await.unwrap();
        assert_eq!(response.version(), reqwest::Version::HTTP_2);
        let seen = within(read(Format::Chunks, response)).await;
        assert_eq!(seen.cell(), cell);
    }
}

/// A part of the page, between its marks, must be what the test makes.
pub(crate) fn check(part: &str, made: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/wires.md");
    let page = fs::read_to_string(&path).unwrap();
    let begin = format!("<!-- {part}: written by a test -->\n");
    let (before, rest) = page.split_once(&begin).unwrap();
    let (kept, after) = rest.split_once("<!-- end -->").unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, format!("{before}{begin}{made}<!-- end -->{after}")).unwrap();
        return;
    }
    assert!(
        kept == made,
        "docs/wires.md, {part}; UPDATE_GOLDEN=1 writes it:\n{made}"
    );
}
