//! `mcp-server-time`, which is written with another SDK.

use mainstem_core::Tool;
use serde_json::{Value, json};

use crate::support::{call, time, within};

#[tokio::test]
async fn its_tools_are_called() {
    let client = within(time().connect()).await.unwrap();
    let tools = within(client.tools()).await.unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool.spec().name.as_str()).collect();
    assert_eq!(names, ["get_current_time", "convert_time"]);

    let arguments = json!({
        "source_timezone": "Europe/Oslo", "time": "12:30", "target_timezone": "Asia/Tokyo",
    });
    let called = call(&tools, "convert_time", arguments).await;
    let read: Value = serde_json::from_str(&called.told).unwrap();
    assert_eq!(read["target"]["timezone"], "Asia/Tokyo", "{read}");

    let called = call(&tools, "get_current_time", json!({"timezone": "Mars"})).await;
    assert!(
        called.told.starts_with("The call failed: "),
        "{}",
        called.told
    );
    assert!(called.told.contains("Mars"), "{}", called.told);
    within(client.close()).await;
}
