use mp_pay::ledger::{Problem, TransferStatus};

use super::*;

#[tokio::test]
async fn the_day_adds_up_and_the_change_is_seen() -> Result<(), Box<dyn std::error::Error>> {
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(ManualClock::at("2026-11-21T10:00:00Z".parse()?));
    let engine = Engine::new(store.clone(), clock.clone(), Arc::new(SystemEntropy::new()));
    let stall = Stall::open(&engine, clock).await?;
    stall.top_up("top-up", 50_00).await?;
    let soup = stall.order("soup", 12_50, Some(11_00)).await?;
    assert_eq!(soup.status, TransferStatus::Posted);
    stall.give_back("back", &soup).await?;
    stall.order("noodles", 9_00, None).await?;
    stall.pay_out("pay-out", 4_00).await?;
    let paid = stall
        .checkout
        .pay(&stall.mei, "mei/wallet", 6_00, "lantern")
        .await?;
    stall
        .checkout
        .refund(&stall.office, paid.id, 1_50, "dented")
        .await?;
    let other = stall
        .checkout
        .pay(&stall.mei, "stall/sales", 1_00, "cheek")
        .await?;
    assert!(other.amount_received.is_zero() && other.last_error.is_some());

    let wallet = stall.statement("mei/wallet").await?;
    assert_eq!(wallet.closing.minor(), 36_50);
    let sales = stall.statement("stall/sales").await?;
    assert_eq!(sales.closing.minor(), 9_50);
    let trial = stall.trial_balance(&*store).await?;
    assert!(trial.is_balanced() && trial.is_settled());

    assert_eq!(stall.verify("mei").await?.broken, None);
    stall.tamper(&*store).await?;
    let broken = stall.verify("mei").await?.broken.expect("is seen");
    assert_eq!((broken.entry, broken.problem), (1, Problem::Hash));
    Ok(())
}
