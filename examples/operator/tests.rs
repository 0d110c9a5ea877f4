use mp_pay::{
    intent::IntentStatus, ledger::Problem, operation::Stage, payments::ACTION_LIFE,
    webhook::Handling,
};

use super::{evening::pay, options::SOURCE, *};

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
    let found = evening
        .another_console(&file, "market".parse()?, &SOURCE.parse()?)?
        .verify()
        .await?;
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
    let console = evening.another_console(&file, "market".parse()?, &SOURCE.parse()?)?;
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

#[tokio::test]
async fn what_a_webhook_makes_due_is_left_to_a_worker_of_the_host() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("evening.db");
    let evening = Evening::on_file(&file)?;
    let (silent, app) = (evening.payments(Provider::Silent), "market".parse()?);
    let late = pay(&silent, "joy", "pm_action", 15_00).await?.id;
    evening.clock.advance(ACTION_LIFE);
    evening.work(Provider::Silent).await?;
    evening.hear().await?;
    evening.neglect().await?;

    // Another console, on the file alone; the first is not told the name of the webhooks' source.
    let wrong = evening.another_console(&file, "market".parse()?, &"other".parse()?)?;
    let console = evening.another_console(&file, "market".parse()?, &SOURCE.parse()?)?;
    let mut observed = 0;
    for each in console.webhooks().await? {
        let refused = wrong.handle(&each.webhook).await.map(drop);
        assert_eq!(refused.expect_err("is not set up").code(), "unknown_source");
        observed += u32::from(console.handle(&each.webhook).await.is_ok());
    }
    assert_eq!(observed, 1);
    let returned = async || {
        let listed = console.payments.attempts(&console.operator, late).await?;
        let back = listed[0].returns.get(&1).ok_or("nothing is to go back")?;
        Ok::<_, Box<dyn Error>>(back.operation.stage)
    };
    let moved = async || {
        let moved = evening.provider(Provider::Silent).movements(&app).await?;
        let moved = moved.into_iter().map(|each| each.amount.minor());
        Ok::<_, Box<dyn Error>>(moved.collect::<Vec<_>>())
    };
    assert_eq!(
        (returned().await?, moved().await?),
        (Stage::Planned, vec![15_00])
    );

    evening.work(Provider::Silent).await?;
    assert_eq!(returned().await?, Stage::Done);
    assert_eq!(moved().await?, [15_00, -15_00]);
    Ok(())
}

/// Work of another app in the same store.
#[derive(serde::Deserialize, serde::Serialize)]
struct Call {}

impl mp_core::Document for Call {
    const KIND: &'static str = "pay.operation";
    const FORMAT: u32 = 1;
}

#[tokio::test]
async fn only_what_lies_dead_of_the_app_is_listed_and_driven_again() -> Result<(), Box<dyn Error>> {
    use mp_core::{
        Command, Edits, Family,
        store::Partition,
        work::{self, HandlerError, Worker, WorkerOptions},
    };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("evening.db");
    let evening = Evening::on_file(&file)?;
    evening.live().await?;
    let console = evening.console();
    // They stand before those of the market, and fill more than a page.
    let many = 150;
    let desk = Command::on(Partition::parse("airport/desk/1")?);
    let call = move |_: &Family, now| {
        let mut edits = Edits::new();
        edits.put_root(Call {});
        for number in 0..many {
            edits.send(&number.to_string(), now, &Call {});
        }
        Ok::<_, mp_core::Error>(edits.answer(()))
    };
    console.engine.run(desk, call).await?;
    let fails = work::on(|_, _: Call| async {
        let error = mp_core::Error::invalid("call", "is not answered");
        Err(HandlerError::GiveUp(error))
    });
    let worker = Worker::new(&console.engine, WorkerOptions::default()).with([fails]);
    assert_eq!(worker.drain().await?, many);

    assert_eq!(console.dead().await?.len(), 2);
    let airport = evening.another_console(&file, "airport".parse()?, &SOURCE.parse()?)?;
    assert_eq!(airport.dead().await?.len(), 150);
    assert_eq!(console.redrive(None).await?, 2);
    assert_eq!(console.dead().await?.len(), 0);
    assert_eq!(airport.dead().await?.len(), 150);
    assert_eq!(airport.redrive(Some("pay.webhook")).await?, 0);
    assert_eq!(airport.redrive(Some("pay.operation")).await?, 150);
    assert_eq!(airport.dead().await?.len(), 0);
    Ok(())
}
