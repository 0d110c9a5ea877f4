//! 12. Nobody pays with what the backend keeps for somebody else.

use super::{
    Skip,
    scene::{Scene, WHOLE},
    stop::Stop,
};

/// What another payer has paid with is declined for this one, and nothing of theirs moves.
pub(super) async fn a_payment_method_of_another_is_declined(scene: &Scene) -> Result<(), Stop> {
    let (another, token) = scene
        .provider
        .of_another()
        .ok_or(Skip::NotProvided("of_another"))?;
    // So that it is not declined for another reason.
    let own = scene.charge_by(another, token.clone(), scene.money(WHOLE), true);
    scene.settle(&own).await?;
    let takes: &[bool] = match scene.can.separate_capture {
        true => &[true, false],
        false => &[true],
    };
    for take in takes {
        let ask = scene.charge_of(token.clone(), scene.money(WHOLE), *take);
        let why = "is with a payment method of another payer's";
        scene.decline(&ask, why).await?;
    }
    let what = "after charges with another payer's payment method";
    scene.ensure_taken(what, WHOLE).await
}
