//! Writers that are killed while they write.

use std::{thread, time::Duration};

use mainstem::{RunQuery, Store};
use mainstem_testkit::stores::Home;

use super::{File, processes::Writer};

/// Four lives of one writer, each killed in the middle of its appends.
async fn nothing_acknowledged_is_lost(durability: &str) {
    let file = File::new();
    let mut acknowledged = Vec::new();
    for life in 0..4 {
        let mut writer = Writer::start(&file.path(), "r", durability, None);
        acknowledged.push(writer.next().unwrap());
        // At another moment each time.
        thread::sleep(Duration::from_micros(7_300 * (life + 1)));
        acknowledged.extend(writer.kill());

        let store = file.open().await;
        let log = store.read(&"r".into(), None, usize::MAX).await.unwrap();
        let seqs: Vec<u64> = log.iter().map(|event| event.seq.0).collect();
        let all: Vec<u64> = (1..=seqs.len() as u64).collect();
        assert!(seqs == all, "in order, none doubled, none left out");
        // One that was killed before it could say so may be there as well.
        let missing = acknowledged.iter().find(|seq| !seqs.contains(seq));
        assert_eq!(missing, None, "what was acknowledged is there");
        let more = seqs.len() - acknowledged.len();
        assert!(more <= life as usize + 1, "{more} were never acknowledged");
        let texts = log.iter().map(|event| event.text().unwrap().to_string());
        assert!(texts.eq(all.iter().map(|seq| format!("r {seq}"))));
    }
    let open = file
        .open()
        .await
        .list(RunQuery::new(9).open())
        .await
        .unwrap();
    assert_eq!(open.len(), 1, "nobody closed it");
    assert!(
        acknowledged.len() > 8,
        "it was killed in the middle of appends"
    );
}

#[tokio::test]
async fn with_durability_process() {
    nothing_acknowledged_is_lost("process").await;
}

#[tokio::test]
async fn with_durability_power() {
    nothing_acknowledged_is_lost("power").await;
}

/// Each is killed while the others write, and leaves no lock behind.
#[tokio::test]
async fn one_of_several() {
    let file = File::new();
    let mut writers = ["a", "b", "c"].map(|run| Writer::start(&file.path(), run, "power", None));
    let firsts = writers.each_mut().map(Writer::next);
    assert_eq!(firsts, [Some(1); 3]);
    for (writer, run) in writers.into_iter().zip(["a", "b", "c"]) {
        let acknowledged = writer.kill();
        let store = file.open().await;
        let log = store.read(&run.into(), None, usize::MAX).await.unwrap();
        let last = acknowledged.last().copied().unwrap_or(1);
        assert!((last..=last + 1).contains(&(log.len() as u64)));
        assert!(log.iter().map(|event| event.seq.0).eq(1..=log.len() as u64));
    }
}
