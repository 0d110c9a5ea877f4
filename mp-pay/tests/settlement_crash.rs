//! Every crash and every lost answer while another capability has money secured and lets go of it.

mod support;

use std::{sync::Arc, time::Duration};

use mp_core::{
    Error,
    port::{SecureRequest, Settlement, SettlementKey, SettlementStatus},
};
use mp_pay::{PaymentsSettlement, backend::Capabilities, method::FixedMethods};

use self::support::{
    CLASSES, app, clock, eur,
    faulty::FAULTS,
    method,
    process::{Outside, Process, Strike, UNHARMED, audit, resolvable, strikes},
};

/// How far a settlement gets before it is let go of.
#[derive(Clone, Copy, Debug)]
enum Life {
    OnlyReleased,
    Secured,
    Settled,
    PartlyGivenBack,
}

fn key(text: &str) -> SettlementKey {
    text.parse().expect("a key")
}

fn port(process: &Process) -> PaymentsSettlement {
    let methods = FixedMethods::everybody(method("pm_ok"));
    PaymentsSettlement::new(&process.world.payments, Arc::new(methods))
}

async fn live(process: &Process, life: Life) -> Result<(), Error> {
    use mp_core::clock::Clock;
    let (port, seat) = (port(process), key("seat"));
    let request = SecureRequest {
        key: seat.clone(),
        app: app(),
        payer: "mei".parse().expect("a user"),
        amount: eur(100),
        deadline: clock().now().plus(Duration::from_secs(24 * 60 * 60)),
    };
    if !matches!(life, Life::OnlyReleased) {
        port.secure(&request).await?;
    }
    if matches!(life, Life::Settled | Life::PartlyGivenBack) {
        port.settle(&app(), &seat).await?;
    }
    if matches!(life, Life::PartlyGivenBack) {
        port.give_back(&app(), &seat, &key("part"), eur(30)).await?;
    }
    port.release(&app(), &seat).await?;
    // Nothing that comes after a release may take money again.
    port.secure(&request).await?;
    port.settle(&app(), &seat).await?;
    Ok(())
}

async fn run(can: Capabilities, life: Life, strike: Strike) -> (u32, u32) {
    let case = format!("{can:?} {life:?} {strike:?}");
    let outside = Outside::new(can);
    let process = outside.start(strike);
    let _ = live(&process, life).await;
    let last = outside.start(UNHARMED);
    last.recover().await;
    audit(&last, can, &case).await;
    // The step that releases is repeated until it succeeds.
    let (port, seat) = (port(&last), key("seat"));
    port.release(&app(), &seat).await.expect("releases");
    last.recover().await;
    audit(&last, can, &case).await;
    let status = port.status(&app(), &seat).await.expect("tells");
    if resolvable(can) {
        assert_eq!(status, SettlementStatus::Released, "{case}");
    }
    let kept: i64 = last.world.moved().await.iter().sum();
    assert_eq!(kept, 0, "{case}: the payer is still charged");
    (process.store.doom.calls(), process.backend.doom.calls())
}

#[tokio::test(start_paused = true)]
async fn no_payer_stays_charged_after_a_release_whatever_crashes() {
    let lives = [
        Life::OnlyReleased,
        Life::Secured,
        Life::Settled,
        Life::PartlyGivenBack,
    ];
    let mut cases = 0;
    for can in CLASSES {
        for can in [can, can.without_separate_capture()] {
            for life in lives {
                let (writes, calls) = run(can, life, UNHARMED).await;
                for strike in strikes(writes + 2, calls + 1, &FAULTS) {
                    run(can, life, strike).await;
                    cases += 1;
                }
            }
        }
    }
    println!("{cases} single faults");
}
