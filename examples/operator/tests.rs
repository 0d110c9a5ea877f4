use mp_pay::{intent::IntentStatus, ledger::Problem, webhook::Handling};

use super::*;

#[tokio::test]
async fn the_tour_runs_from_end_to_end() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    tour(&folder.path().join("evening.db")).await
}

#[tokio::test]
async fn what_lies_dead_is_driven_again_and_a_changed_entry_is_named() -> Result<(), Box<dyn Error>>
{
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("evening.db");
    let evening = Evening::on_file(&file)?;
    let stuck = evening.live().await?;
    let console = evening.console();
    assert_eq!(console.unresolved().await?.len(), 2);
    assert_eq!(console.dead().await?.len(), 2);
    let before = console.intent(stuck).await?;
    assert_eq!(before.intent.status, IntentStatus::Processing);

    assert_eq!(console.redrive(Some("pay.operation")).await?, 2);
    evening.work(Provider::Answers).await?;
    assert_eq!(console.dead().await?.len(), 0);
    let after = console.intent(stuck).await?;
    assert_eq!(after.intent.status, IntentStatus::Succeeded);
    assert!(after.journal.len() > before.journal.len());

    evening.book_takings().await?;
    let trial = console.trial_balance().await?;
    assert!(trial.is_balanced() && trial.is_settled());
    // 12.50, 21.00, 9.00 and 30.00 have come in, and 5.00 went back.
    let sales = trial.rows.iter().find(|row| row.account.name() == "sales");
    let sales = sales.ok_or("there are sales")?.balance;
    assert_eq!(sales.credits_posted - sales.debits_posted, 67_50);

    let whole = |found: &[(mp_pay::ledger::BookId, mp_pay::ledger::Verified)]| {
        found.iter().all(|(_, it)| it.broken.is_none())
    };
    assert!(whole(&console.verify().await?));
    tamper::raise_first_entry(console, "stall").await?;
    // Another console, on the file alone.
    let found = Console::on_file(&file, "market".parse()?)?.verify().await?;
    let broken = found
        .iter()
        .find_map(|(book, it)| Some((book, it.broken.clone()?)));
    let (book, broken) = broken.ok_or("it is seen")?;
    assert_eq!((book.as_str(), broken.entry), ("stall", 1));
    assert_eq!(broken.problem, Problem::Hash);
    Ok(())
}

#[tokio::test]
async fn webhooks_that_lie_dead_are_listed_handled_and_dismissed() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("evening.db");
    let evening = Evening::on_file(&file)?;
    let stuck = evening.live().await?;
    // Four charges and a refund, each told twice, and one that is cut off; the forged one is refused.
    let heard = evening.hear().await?;
    assert_eq!((heard.accepted, heard.refused), (11, 1));
    assert_eq!(evening.console().webhooks().await?, []);
    evening.neglect().await?;

    // Another console, on the file alone.
    let console = Console::on_file(&file, "market".parse()?)?;
    let listed = console.webhooks().await?;
    assert_eq!(listed.len(), 6, "{listed:?}");
    let mut outcomes = Vec::new();
    for each in listed {
        outcomes.push(match console.handle(&each.webhook).await {
            Ok(handled) => handled.outcome,
            Err(refused) => {
                assert_eq!(refused.code(), "invalid_field");
                console.dismiss(&each.webhook).await?.outcome
            }
        });
    }
    let count = |what| outcomes.iter().filter(|it| **it == what).count();
    assert_eq!(
        (count(Handling::Observed), count(Handling::Dismissed)),
        (5, 1)
    );
    assert_eq!(console.webhooks().await?, []);
    let known = console.intent(stuck).await?.intent;
    assert_eq!(known.status, IntentStatus::Succeeded);
    Ok(())
}
