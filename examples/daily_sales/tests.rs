use super::{market::STALLS, two_days};

#[tokio::test]
async fn the_table_agrees_with_the_journals_whatever_died_on_the_way() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = two_days(folder.path()).await.expect("lives to the end");
    assert!(report.agrees(), "{report}");
    assert_eq!(report.table.len(), STALLS.len() * 2);
    assert!(report.table.iter().all(|row| row.sold > row.refunded));
    assert!(report.table.iter().all(|row| row.refunded > 0));
}

#[tokio::test]
async fn what_the_dead_process_had_not_committed_was_not_in_the_table() {
    let folder = tempfile::tempdir().expect("a folder");
    let report = two_days(folder.path()).await.expect("lives to the end");
    let missing = report.missing_at_crash();
    let missing: Vec<(&str, &str)> = missing
        .iter()
        .map(|row| (row.merchant.as_str(), row.day.as_str()))
        .collect();
    assert_eq!(missing, [(STALLS[1], "2026-11-22")]);
}
