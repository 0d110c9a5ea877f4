use mp_core::{Caller, Scope};
use mp_pay::ledger::{
    AccountId, BalanceAt, LedgerError, Move, NamedTransfer, NewTransfer, OpenAccount, PENDING_MAX,
    PENDING_MAX_OF_USERS, ReadStatement, Side, TransferStatus,
};

use super::world::{World, account, code, euro, euros, id, office, user};

pub(crate) async fn nobody_debits_or_reads_what_is_not_theirs(world: World) {
    let wallet = world.funded("mei", 100).await;
    let sales = world.own("stall/sales", Side::Credit).await;
    let pay = NewTransfer::of(wallet.clone(), sales.clone(), euros(10));
    let ledger = &world.ledger;
    let elsewhere = Caller::app("harbour".parse().expect("an app")).with_scope(Scope::STAFF);
    for stranger in [user("ada"), elsewhere] {
        let paid = ledger.transfer(&stranger, id("theft"), pay.clone()).await;
        assert_eq!(code(paid), "not_found");
        assert_eq!(code(ledger.account(&stranger, &wallet).await), "not_found");
        let read = ReadStatement {
            account: wallet.clone(),
            after: 0,
        };
        assert_eq!(code(ledger.statement(&stranger, read).await), "not_found");
        let at = BalanceAt {
            account: wallet.clone(),
            at: world.engine.now(),
        };
        assert_eq!(code(ledger.balance_at(&stranger, at).await), "not_found");
    }
    let made = ledger.transfer(&user("mei"), id("pay"), pay).await;
    let made = made.expect("pays");
    assert_eq!(made.status, TransferStatus::Posted);
    let named = NamedTransfer {
        book: made.home.clone(),
        transfer: made.id,
    };
    let seen = ledger.transfer_of(&user("mei"), &made.home, made.id).await;
    assert!(seen.is_ok());
    let seen = ledger.transfer_of(&user("ada"), &made.home, made.id).await;
    assert_eq!(code(seen), "not_found");
    let reversed = ledger.reverse(&user("mei"), id("back"), named).await;
    assert_eq!(code(reversed), "forbidden");
    let open = OpenAccount::own(account("mei/gold"), euro(), Side::Credit);
    assert_eq!(code(ledger.open(&user("mei"), open).await), "forbidden");

    let transit = account("mei/in-transit:EUR");
    let out = NewTransfer::of(transit, sales, euros(1));
    let taken = ledger.transfer(&office(), id("transit"), out).await;
    assert_eq!(code(taken), "invalid_field");
    world.audit().await;
}

pub(crate) async fn a_payer_is_not_told_what_the_payee_has_room_for(world: World) {
    let wallet = world.funded("mei", 100).await;
    let mut card = OpenAccount::own(account("mei/card"), euro(), Side::Credit);
    card.most = Some(7);
    let mut till = OpenAccount::own(account("mei/till"), euro(), Side::Debit);
    till.least = Some(0);
    for bounded in [&card, &till] {
        let opened = world.ledger.open(&office(), bounded.clone()).await;
        opened.expect("opens");
    }
    let refused = async |caller: &Caller, to: &AccountId, minor| {
        let pay = NewTransfer::of(wallet.clone(), to.clone(), euros(minor));
        let refused = world.ledger.transfer(caller, id("pay"), pay).await;
        refused.expect_err("is refused")
    };
    let full = refused(&user("mei"), &card.account, 8).await;
    assert_eq!(full.code(), "balance_limit");
    assert!(matches!(&full, LedgerError::Full { room: None, .. }));
    assert!(!full.to_string().contains("0.07"), "{full}");
    let short = refused(&user("mei"), &till.account, 8).await;
    assert!(matches!(
        &short,
        LedgerError::Short {
            available: None,
            ..
        }
    ));
    let office = refused(&office(), &card.account, 8).await;
    assert!(matches!(&office, LedgerError::Full { room: Some(room), .. } if *room == euros(7)));
    let own = refused(&user("mei"), &card.account, 101).await;
    let told =
        matches!(&own, LedgerError::Short { available: Some(has), .. } if *has == euros(100));
    assert!(told, "{own}");
    world.audit().await;
}

pub(crate) async fn only_who_manages_the_ledger_holds_for_longer_than_a_card(world: World) {
    let wallet = world.funded("mei", 100).await;
    let sales = world.own("stall/sales", Side::Credit).await;
    let [held, most] = [PENDING_MAX_OF_USERS, PENDING_MAX].map(|span| span.as_secs());
    let hold = async |caller: &Caller, name, seconds| {
        let request = NewTransfer::of(wallet.clone(), sales.clone(), euros(1));
        let request = request.pending_for_s(seconds);
        world.ledger.transfer(caller, id(name), request).await
    };
    let (mei, office) = (user("mei"), office());
    hold(&mei, "a-card", held).await.expect("holds");
    let refused = hold(&mei, "longer", held + 1).await;
    let refused = mp_core::Error::from(refused.expect_err("is too long"));
    assert_eq!(refused.field(), Some("pending_for_s"));
    let made = hold(&office, "longer", held + 1).await.expect("holds");
    hold(&office, "longest", most).await.expect("holds");
    // What stands is answered to whoever asks for it again.
    let again = hold(&mei, "longer", held + 1).await.expect("is there");
    assert_eq!(again.id, made.id);
    world.audit().await;
}

pub(crate) async fn of_linked_moves_each_party_is_shown_their_own(world: World) {
    let pool = world.own("house/pool", Side::Debit).await;
    let [mei, ada] = ["mei", "ada"].map(|user| {
        let account = account(&format!("house/{user}"));
        OpenAccount::wallet(account, euro(), user.parse().expect("a user"))
    });
    for wallet in [&mei, &ada] {
        let opened = world.ledger.open(&office(), wallet.clone()).await;
        opened.expect("opens");
    }
    let far = world.wallet("mei").await;
    let moves = [(&mei.account, 1), (&ada.account, 2), (&far, 3)].map(|(to, minor)| Move {
        debit: pool.clone(),
        credit: to.clone(),
        amount: euros(minor),
    });
    let made = world.moves("shares", NewTransfer::linked(moves)).await;
    let made = made.expect("moves");
    for (caller, expected) in [
        (user("mei"), vec![1, 3]),
        (user("ada"), vec![2]),
        (office(), vec![1, 2, 3]),
    ] {
        let shown = world.ledger.transfer_of(&caller, &made.home, made.id).await;
        let shown = shown.expect("is shown").moves;
        let amounts = shown.iter().map(|it| it.amount.minor());
        assert_eq!(Vec::from_iter(amounts), expected);
    }
    world.audit().await;
}
