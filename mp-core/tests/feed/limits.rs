//! How much can be told, and what is said of more.

use mp_core::{
    Command, Edits, Error, Family,
    feed::{
        FACT_DEPTH_MAX, NEWS_LENGTH_SUM_MAX, NEWS_MAX, NEWS_NUMBER_LENGTH, News, SOURCE_LENGTH_MAX,
    },
    store::{Limits, Partition},
};
use serde_json::Value;

use crate::feeding::{Stall, alone, app, sales};

#[tokio::test]
async fn whatever_a_feed_is_told_comes_in_however_long_it_is() {
    let value_max = Limits::STANDARD.value_max;
    let (mut told, mut lengths) = (0, (0..600).step_by(25).collect::<Vec<_>>());
    lengths.extend((900..1_200).step_by(10));
    for less in lengths {
        let (process, ..) = alone();
        let id = format!(
            "{less:0>width$}",
            width = SOURCE_LENGTH_MAX - "stall/".len()
        );
        let stall = Partition::new(&app(), "stall", &id).expect("an id");
        // With its quotation marks.
        let fact = "x".repeat(value_max - less - 2);
        let tell = move |family: &Family, now| {
            let mut edits = Edits::new();
            edits.put_root(Stall { sold: 1 });
            let news = vec![News::new("sold", &fact)?];
            sales().emit(family, now, news, &mut edits)?;
            Ok::<_, Error>(edits.answer(()))
        };
        match process
            .engine
            .run(sales().reads(Command::on(stall)), tell)
            .await
        {
            Ok(_) => told += 1,
            Err(error) => {
                assert_eq!(error.code(), "invalid_field", "{less} less: {error}");
                assert!(error.to_string().contains("fact"), "{error}");
                continue;
            }
        }
        process.worker.drain().await.expect("works");
        assert_eq!(process.events().await.len(), 1, "{less} less");
    }
    assert!(told > 0, "some are short enough");
}

#[tokio::test]
async fn whatever_a_decision_tells_comes_in_however_long_it_is_together() {
    let (topic, mut told) = ("sold", [0; 2]);
    let around = r#"{"topic":"sold","fact":""}"#.len();
    for count in [2, 3, 50, NEWS_MAX] {
        let room = NEWS_LENGTH_SUM_MAX - (count - 1) * NEWS_NUMBER_LENGTH - count * around;
        for over in [0, 1, 1_000, 1_000_000] {
            let (process, ..) = alone();
            let fact = "x".repeat((room + over) / count);
            let last = "x".repeat((room + over) / count + (room + over) % count);
            let tell = move |family: &Family, now| {
                let mut edits = Edits::new();
                edits.put_root(Stall { sold: 1 });
                let facts = (1..count).map(|_| &fact).chain([&last]);
                let news = facts.map(|fact| News::new(topic, fact));
                sales().emit(family, now, news.collect::<Result<_, _>>()?, &mut edits)?;
                Ok::<_, Error>(edits.answer(()))
            };
            let id = "x".repeat(SOURCE_LENGTH_MAX - "stall/".len());
            let stall = Partition::new(&app(), "stall", &id).expect("an id");
            let command = sales().reads(Command::on(stall));
            let answer = process.engine.run(command, tell).await;
            told[usize::from(answer.is_ok())] += 1;
            match answer {
                Ok(_) => assert_eq!(over, 0, "{count}"),
                Err(error) => {
                    assert_eq!(error.code(), "invalid_field", "{count} {over}: {error}");
                    let whole = matches!(error.field(), Some("news" | "fact"));
                    assert!(whole && over > 0, "{count} {over}: {error}");
                    continue;
                }
            }
            process.worker.drain().await.expect("works");
            assert_eq!(process.events().await.len(), count);
        }
    }
    assert_eq!(told, [12, 4]);
}

#[tokio::test]
async fn whatever_a_feed_is_told_comes_in_however_deep_it_is_nested() {
    let mut told = 0;
    for levels in 0..200 {
        let (process, ..) = alone();
        let fact = (0..levels).fold(Value::Null, |fact, _| Value::Array(vec![fact]));
        let tell = move |family: &Family, now| {
            let mut edits = Edits::new();
            edits.put_root(Stall { sold: 1 });
            let news = vec![News::new("sold", &fact)?];
            sales().emit(family, now, news, &mut edits)?;
            Ok::<_, Error>(edits.answer(()))
        };
        let stall = Partition::new(&app(), "stall", "noodles").expect("an id");
        let command = sales().reads(Command::on(stall));
        if let Err(error) = process.engine.run(command, tell).await {
            assert!(levels > FACT_DEPTH_MAX, "{levels}: {error}");
            let refused = (error.code(), error.field());
            assert_eq!(refused, ("invalid_field", Some("fact")), "{levels}");
            continue;
        }
        told += 1;
        process.worker.drain().await.expect("works");
        assert_eq!(process.events().await.len(), 1, "{levels}");
    }
    assert_eq!(told, FACT_DEPTH_MAX + 1);
}

#[tokio::test]
async fn too_much_news_is_refused_and_the_decision_with_it() {
    let (process, ..) = alone();
    let refused = process.sell("noodles", 257).await.expect_err("is refused");
    assert_eq!(refused.field(), Some("news"));
    let long = "x".repeat(239);
    let refused = process.sell(&long, 1).await.expect_err("is refused");
    assert_eq!(refused.field(), Some("partition"));
    assert_eq!(process.sell(&long[..234], 1).await.expect("sells"), 1);
}
