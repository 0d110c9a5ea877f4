//! Records that do not read back, beside others that do.

use mp_core::store::Partition;

use super::{
    spoil::{spoil, unreadable},
    *,
};

#[tokio::test]
async fn one_payout_that_does_not_read_back_keeps_no_other_from_being_listed() {
    for broken in unreadable("payout") {
        let bank = Bank::new(CLASSES[2]);
        for name in ["a", "b"] {
            let asked = to(name, "po_timeout_after");
            bank.payouts.pay_out(&asked).await.expect("answers");
        }
        bank.let_time_pass(3).await;
        let listed = bank.payouts.unresolved(&staff(), None, 10).await;
        let listed = listed.expect("lists");
        let [first, second] = &listed[..] else {
            panic!("two wait, not {listed:?}");
        };
        let partition = Partition::new(&app(), "payout", &first.id.to_string());
        let store = bank.engine.store();
        spoil(store, &partition.expect("a partition"), "", &broken).await;
        // A process that has read neither before.
        let bank = Bank::on(
            &engine(store.clone(), &bank.clock),
            &bank.sandbox,
            &bank.clock,
        );
        let listed = bank.payouts.unresolved(&staff(), None, 10).await;
        assert_eq!(
            listed.expect("lists"),
            std::slice::from_ref(second),
            "{broken}"
        );
        assert_eq!(bank.dead().await, 2);
    }
}
