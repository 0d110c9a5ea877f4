use mp_core::host::Operation;

use super::{PASS_MANAGE, PASS_READ, PASS_WRITE, Passes, ReadPass};

impl Passes {
    /// Returns what a host can be asked about passes.
    #[must_use]
    pub fn operations(&self) -> Vec<Operation> {
        let [open, stamp, earn, redeem, balance] = std::array::from_fn(|_| self.clone());
        vec![
            Operation::reversible(
                "pass.open",
                "Opens a user's loyalty pass in a program, or shows the one there is.",
                PASS_WRITE,
                move |caller, request, key| {
                    let passes = open.clone();
                    async move { passes.open(&caller, request, &key).await }
                },
            ),
            Operation::money(
                "pass.stamp",
                "Puts stamps on a pass; full cards become rewards.",
                PASS_MANAGE,
                move |caller, request, key| {
                    let passes = stamp.clone();
                    async move { passes.stamp(&caller, request, &key).await }
                },
            ),
            Operation::money(
                "pass.earn",
                "Adds points to a pass.",
                PASS_MANAGE,
                move |caller, request, key| {
                    let passes = earn.clone();
                    async move { passes.earn(&caller, request, &key).await }
                },
            ),
            Operation::money(
                "pass.redeem",
                "Redeems rewards or points on a pass.",
                PASS_WRITE,
                move |caller, request, key| {
                    let passes = redeem.clone();
                    async move { passes.redeem(&caller, request, &key).await }
                },
            ),
            Operation::read(
                "pass.balance",
                "Shows a pass with its stamps, rewards and points.",
                PASS_READ,
                move |caller, request: ReadPass| {
                    let passes = balance.clone();
                    async move { passes.balance(&caller, request.pass).await }
                },
            ),
        ]
    }
}
