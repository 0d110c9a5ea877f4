//! Mappings of reports whose columns are published.

use mp_core::amount::Currency;

use super::{CurrencyOf, KindRule, Mapping, Sign, TimeFormat, TimeOf};
use crate::reconciliation::LineKind;

impl Mapping {
    /// Returns the mapping of what the sandbox writes.
    #[must_use]
    pub fn sandbox() -> Self {
        let mut mapping = Self::new("kind", "amount", column("currency"));
        let kinds = [
            ("charge", LineKind::Charge),
            ("capture", LineKind::Capture),
            ("refund", LineKind::Refund),
            ("payout", LineKind::Payout),
        ];
        mapping.kinds = rules(kinds.map(|(text, kind)| (text, KindRule::of(kind))));
        mapping.fee = Some("fee".to_owned());
        mapping.key = Some("key".to_owned());
        mapping.references = vec!["reference".to_owned()];
        mapping.payout = Some("payout".to_owned());
        mapping.time = Some(TimeOf::new("at", TimeFormat::Rfc3339));
        mapping
    }

    /// Returns the mapping of Stripe's itemised reports of the balance, such as
    /// `balance_change_from_activity.itemized.3` and `payout_reconciliation.itemized.5`.
    ///
    /// Our keys are to stand in the metadata of Stripe's payments and refunds under this name, such as
    /// [`OPERATION_METADATA`](crate::webhook::stripe::OPERATION_METADATA), and the report is to be asked for with the columns `payment_metadata[NAME]` and
    /// `refund_metadata[NAME]`; a host that keeps them nowhere clears [`key`](Self::key) here and in
    /// the rules, and payments are known by the reference that the backend told.
    ///
    /// Columns are those of Stripe's [report types](https://docs.stripe.com/reports/report-types),
    /// kinds its [reporting categories](https://docs.stripe.com/reports/reporting-categories); those
    /// that are not listed here are read as adjustments. `created` is taken to be in UTC, which a
    /// report may be asked for otherwise. Payments that Stripe converts are told in the currency that
    /// it settles in, and differ from ours.
    #[must_use]
    pub fn stripe(metadata: &str) -> Self {
        let of_payment = format!("payment_metadata[{metadata}]");
        let of_refund = format!("refund_metadata[{metadata}]");
        let mut mapping = Self::new("reporting_category", "gross", column("currency"));
        let of = |kind| KindRule::of(kind).with_key(&of_payment);
        let refund = KindRule::of(LineKind::Refund).with_key(&of_refund);
        mapping.kinds = rules([
            ("charge", of(LineKind::Charge)),
            ("partial_capture_reversal", of(LineKind::Reversal)),
            ("refund", refund.clone()),
            ("refund_failure", refund),
            ("dispute", of(LineKind::Dispute)),
            ("dispute_reversal", of(LineKind::Dispute)),
            ("fee", KindRule::of(LineKind::Fee)),
            ("payout", KindRule::of(LineKind::Payout)),
            ("payout_reversal", KindRule::of(LineKind::Payout)),
        ]);
        mapping.otherwise = Some(KindRule::of(LineKind::Adjustment));
        mapping.fee = Some("fee".to_owned());
        let references = ["source_id", "charge_id", "payment_intent_id"];
        mapping.references = references.map(str::to_owned).to_vec();
        mapping.payout = Some("automatic_payout_id".to_owned());
        let format = TimeFormat::local("%Y-%m-%d %H:%M:%S", 0);
        mapping.time = Some(TimeOf::new("created", format));
        mapping
    }

    /// Returns the mapping of WeChat Pay's daily [trade bill] of type `ALL`: cells behind back-quotes,
    /// amounts in yuan, Beijing time, and a summary at the end.
    ///
    /// The payer's amount (订单金额) is compared, vouchers included. A refund is told on the day it
    /// was accepted. What a cancelled payment (`REVOKED`, only where the payer's code is scanned)
    /// looks like is not published well enough to be read: add a rule for it to
    /// [`kinds`](Self::kinds), without which such a line is an error.
    ///
    /// [trade bill]: https://pay.weixin.qq.com/docs/merchant/products/bill-download/format-trade.html
    #[must_use]
    pub fn wechat_pay() -> Self {
        let mut mapping = Self::new("交易状态", "订单金额", column("货币种类"));
        mapping.quote = None;
        mapping.cell_prefix = Some('`');
        mapping.ends_at = Some("总交易单数".to_owned());
        let paid = KindRule::of(LineKind::Charge).with_sign(Sign::In);
        let refunded = KindRule::of(LineKind::Refund).with_sign(Sign::Out);
        mapping.kinds = rules([
            ("SUCCESS", paid.with_key("商户订单号")),
            (
                "REFUND",
                refunded
                    .with_amount("申请退款金额")
                    .with_key("商户退款单号"),
            ),
        ]);
        mapping.fee = Some("手续费".to_owned());
        mapping.references = ["微信退款单号", "微信订单号"].map(str::to_owned).to_vec();
        let format = TimeFormat::local("%Y-%m-%d %H:%M:%S", 8 * 60);
        mapping.time = Some(TimeOf::new("交易时间", format));
        mapping
    }

    /// Counts every amount in one currency, for reports that name none.
    #[must_use]
    pub fn with_currency(mut self, currency: Currency) -> Self {
        self.currency = CurrencyOf::Always(currency);
        self
    }
}

fn column(name: &str) -> CurrencyOf {
    CurrencyOf::Column(name.to_owned())
}

fn rules<const N: usize>(
    rules: [(&str, KindRule); N],
) -> std::collections::BTreeMap<String, KindRule> {
    rules.map(|(text, rule)| (text.to_owned(), rule)).into()
}
