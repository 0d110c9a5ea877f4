use super::{market::STALLS, *};

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

#[tokio::test]
async fn what_comes_back_of_a_refund_counts_as_refunded_no_more() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let clock = Arc::new(ManualClock::at(DAYS[0].parse()?));
    let table = Arc::new(DailySales::open(&folder.path().join("host.db"))?);
    let market = Market::open(folder.path(), &clock, table.clone()).await?;
    let refunded = || Ok::<i64, Box<dyn Error>>(table.rows()?.iter().map(|row| row.refunded).sum());
    let mut sold = Vec::new();
    market.sell(&mut sold).await?;
    market.work().await?;
    let before = refunded()?;
    market.give_half_back_in_vain(&sold[1]).await?;
    market.work().await?;
    // Half of the noodles' 18.00.
    assert_eq!(refunded()? - before, 9_00);
    clock.set(DAYS[1].parse()?);
    market.hear(&sold[1]).await?;
    market.work().await?;
    assert_eq!(refunded()?, before);
    let rows = table.rows()?;
    let day = |row: &&sales::Row| row.merchant == STALLS[1] && row.day == "2026-11-22";
    assert_eq!(rows.iter().find(day).map(|row| row.refunded), Some(-9_00));
    assert_eq!(rows, journaled(&market.payments, &sold).await?);
    Ok(())
}
