//! 8. Due deliveries are leased, longest due first, to one caller at a time.

use std::collections::HashSet;

use super::{
    StoreFactory, Verdict, Violation,
    crowd::crowd,
    scene::{
        LEASE, at, create, deliver, due, due_one, mail, partition, put, read, two_handles, value,
    },
    violation::{ensure, ensure_eq},
};
use crate::store::{Delivery, DueQuery, SlotSet, StoreError};

/// What is due comes with the longest due first.
pub async fn the_longest_due_comes_first(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    for (n, seconds) in [(1, 30), (2, 10), (3, 20)] {
        create(&store, n, vec![deliver("~o/mail/1", at(seconds))]).await?;
    }
    let leased = due(&store, at(60)).await?;
    let since: Vec<_> = leased.iter().map(|delivery| delivery.due_at).collect();
    ensure_eq("due since", since, vec![at(10), at(20), at(30)])
}

/// Where more is due than the limit, the longest due is leased, in whatever partition it stands.
pub async fn a_limit_takes_the_longest_due(factory: &dyn StoreFactory) -> Result<(), Violation> {
    const DUE: [[u64; 2]; 6] = [
        [80, 40],
        [30, 100],
        [110, 10],
        [50, 120],
        [20, 60],
        [90, 70],
    ];
    let store = factory.open().await;
    for (n, [one, other]) in (0..).zip(DUE) {
        let writes = vec![
            deliver("~o/mail/a", at(one)),
            deliver("~o/mail/b", at(other)),
        ];
        create(&store, n, writes).await?;
    }
    for promised in [[10, 20, 30, 40], [50, 60, 70, 80], [90, 100, 110, 120]] {
        let query = DueQuery {
            limit: 4,
            ..mail(at(200))
        };
        let leased = store.due(&query).await?;
        let since: Vec<_> = leased.iter().map(|delivery| delivery.due_at).collect();
        ensure_eq("due since", since, promised.map(at).to_vec())?;
    }
    Ok(())
}

/// A delivery says where it stands, what it is, and how it is leased.
pub async fn a_delivery_is_told_whole(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let version = create(&store, 1, vec![deliver("~t/mail/1", at(0))]).await?;
    let promised = Delivery {
        partition: partition(1),
        key: super::scene::key("~t/mail/1"),
        version,
        value: value("~t/mail/1"),
        due_at: at(0),
        lease: Some(at(5).plus(LEASE)),
        attempts: 1,
        last_error: None,
    };
    ensure_eq("the delivery", due_one(&store, at(5)).await?, promised)
}

/// What is due later is not leased now, and what is due this very moment is.
pub async fn what_is_not_due_is_not_leased(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(10))]).await?;
    ensure(
        due(&store, at(9)).await?.is_empty(),
        "leased before it was due",
    )?;
    due_one(&store, at(10)).await.map(drop)
}

/// Only work of the kind asked for is leased.
pub async fn only_the_asked_kind_is_leased(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let kinds = [
        "~o/mail/1",
        "~t/mail/1",
        "~o/mailing/1",
        "~o/mai/1",
        "~t/expire/1",
    ];
    let writes = kinds.map(|key| deliver(key, at(0)));
    create(&store, 1, writes.to_vec()).await?;
    let leased = due(&store, at(1)).await?;
    let kinds = leased.iter().map(|delivery| delivery.key.delivery_kind());
    ensure_eq(
        "kinds",
        kinds.collect::<Vec<_>>(),
        vec![Some("mail"), Some("mail")],
    )
}

/// Only work in the slots asked for is leased.
pub async fn only_asked_slots_are_leased(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    for n in 0..8 {
        create(&store, n, vec![deliver("~o/mail/1", at(0))]).await?;
    }
    let slots = SlotSet::NONE
        .with(partition(3).slot())
        .with(partition(5).slot());
    let query = |slots| DueQuery {
        slots,
        ..mail(at(1))
    };
    ensure(
        store.due(&query(SlotSet::NONE)).await?.is_empty(),
        "leased from no slot",
    )?;
    let leased = store.due(&query(slots)).await?;
    let asked = (0..8)
        .filter(|n| slots.contains(partition(*n).slot()))
        .count();
    ensure_eq("leased", leased.len(), asked)?;
    let outside = leased
        .iter()
        .any(|delivery| !slots.contains(delivery.partition.slot()));
    ensure(!outside, "leased from a slot that was not asked for")
}

/// No more is leased than the limit, and the rest stays due.
pub async fn a_limit_bounds_leases(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    let writes = (0..5).map(|n| deliver(&format!("~o/mail/{n}"), at(n)));
    create(&store, 1, writes.collect()).await?;
    for promised in [2, 2, 1, 0] {
        let query = DueQuery {
            limit: 2,
            ..mail(at(10))
        };
        ensure_eq("leased", store.due(&query).await?.len(), promised)?;
    }
    Ok(())
}

/// While a lease lasts nobody else gets the delivery.
pub async fn a_lease_excludes_others(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    due_one(&store, at(0)).await?;
    for seconds in [0, 1, LEASE.as_secs() - 1] {
        ensure(due(&store, at(seconds)).await?.is_empty(), "leased twice")?;
    }
    Ok(())
}

/// What is leased through one handle is not leased through another, as two processes have them.
pub async fn a_lease_excludes_other_handles(
    factory: &dyn StoreFactory,
) -> Result<Verdict, Violation> {
    let Some((one, other)) = two_handles(factory).await else {
        return Ok(Verdict::Skipped);
    };
    create(&one, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    due_one(&one, at(0)).await?;
    for seconds in [0, 1, LEASE.as_secs() - 1] {
        let again = due(&other, at(seconds)).await?;
        ensure(again.is_empty(), "leased twice")?;
    }
    due_one(&other, at(0).plus(LEASE)).await?;
    Ok(Verdict::Kept)
}

/// When a lease ends unsettled the delivery is due again, from the end of the lease on.
pub async fn a_lease_ends(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(&store, 1, vec![deliver("~o/mail/1", at(0))]).await?;
    let first = due_one(&store, at(0)).await?;
    let second = due_one(&store, at(0).plus(LEASE)).await?;
    ensure_eq("due since", Some(second.due_at), first.lease)?;
    ensure_eq(
        "the second lease",
        second.lease,
        Some(at(0).plus(LEASE).plus(LEASE)),
    )
}

/// However many ask at once, each delivery is leased to one of them.
pub async fn concurrent_callers_share_no_lease(
    factory: &dyn StoreFactory,
) -> Result<(), Violation> {
    const DELIVERIES: usize = 200;
    let store = factory.open().await;
    let writes = (0..DELIVERIES).map(|n| deliver(&format!("~o/mail/{n}"), at(0)));
    create(&store, 1, writes.collect()).await?;
    let answers = crowd(&store, |store, _| async move {
        let mut leased = Vec::new();
        loop {
            let some = store
                .due(&DueQuery {
                    limit: 3,
                    ..mail(at(1))
                })
                .await?;
            if some.is_empty() || leased.len() > DELIVERIES {
                return Ok::<_, StoreError>(leased);
            }
            leased.extend(some.into_iter().map(|delivery| delivery.key));
        }
    });
    let answers: Vec<_> = answers.await?.into_iter().collect::<Result<_, _>>()?;
    let leased: Vec<_> = answers.into_iter().flatten().collect();
    let distinct: HashSet<_> = leased.iter().collect();
    ensure_eq("deliveries leased", distinct.len(), DELIVERIES)?;
    ensure_eq("leases", leased.len(), DELIVERIES)
}

/// Leasing leaves the head alone: decisions do not notice it.
pub async fn leasing_leaves_the_head_alone(factory: &dyn StoreFactory) -> Result<(), Violation> {
    let store = factory.open().await;
    create(
        &store,
        1,
        vec![deliver("~o/mail/1", at(0)), put("a", "here")],
    )
    .await?;
    let before = read(&store, 1).await?;
    due_one(&store, at(1)).await?;
    ensure_eq("the partition", read(&store, 1).await?, before)
}
