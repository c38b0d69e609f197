//! Answers with tool calls, cut at every byte.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use mainstem::{Context, ErrorKind, ToolExt, tool_fn, with};
use mainstem_testkit::Reply;
use mainstem_tests::{builder, server, together, watch::in_words, within};
use serde_json::json;

#[derive(serde::Deserialize, schemars::JsonSchema)]
struct Pay {
    euros: u32,
}

fn two_calls() -> Reply {
    let pay = |euros: u32| json!({"euros": euros}).to_string();
    Reply::stream()
        .content("I pay.")
        .tool_start(0, "a", "pay")
        .tool_arguments(0, pay(7))
        .tool_start(1, "b", "pay")
        .tool_arguments(1, &pay(80)[..6])
        .tool_arguments(1, &pay(80)[6..])
        .finish("tool_calls")
        .usage(3, 2)
        .done()
}

/// How often it is paid, and how the run ends.
async fn pay(reply: Reply) -> (u32, Result<String, ErrorKind>, Vec<String>) {
    let server = server().await;
    server.respond_with(move |request| {
        let is_told = request.messages().last().unwrap()["role"] == "tool";
        match is_told {
            true => Reply::text(["Paid."]),
            false => reply.clone(),
        }
    });
    let paid = Arc::new(AtomicU32::new(0));
    let pay = with(
        Arc::clone(&paid),
        async |paid: Arc<AtomicU32>, bill: Pay| {
            paid.fetch_add(bill.euros, Ordering::SeqCst);
            Ok("paid")
        },
    );
    let pay = tool_fn("pay", "Pays a bill.", pay).time_limit(std::time::Duration::from_secs(60));
    let agent = builder(&server).tool(pay).build().unwrap();
    let ctx = Context::new();
    let end = within(agent.run("Pay 7 and 80.").context(&ctx)).await;
    let end = end
        .map(|result| result.output)
        .map_err(|error| error.kind());
    (paid.load(Ordering::SeqCst), end, in_words(&ctx.messages()))
}

#[tokio::test]
async fn tool_calls_that_are_cut_anywhere_are_never_made() {
    let body = two_calls().body_bytes();
    let text = String::from_utf8(body.clone()).unwrap();
    // From here on the answer has come to its end.
    let reason = text.find("\"finish_reason\":\"tool_calls\"").unwrap();
    let ends = |cut: usize| {
        [
            two_calls().cut_at(cut as u64),
            two_calls().end_at(cut as u64),
        ]
    };
    let cuts = (0..=body.len()).flat_map(|cut| ends(cut).map(|reply| (cut, reply)));
    let seen = together(
        8,
        cuts.map(|(cut, reply)| async move { (cut, pay(reply).await) }),
    )
    .await;
    assert_eq!(seen.len(), 2 * (body.len() + 1));
    for (cut, (paid, end, remembered)) in seen {
        match &end {
            Ok(output) => {
                assert!(cut > reason, "made at byte {cut}");
                assert_eq!((paid, output.as_str()), (87, "Paid."), "cut at byte {cut}");
            }
            Err(kind) => {
                assert_eq!(paid, 0, "cut at byte {cut}: {kind:?}");
                assert!(cut < body.len(), "{kind:?}");
                assert!(
                    !remembered.iter().any(|it| it.contains("pay(")),
                    "{remembered:?}"
                );
            }
        }
    }
}
