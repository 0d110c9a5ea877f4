//! The books as the conformance kits look into them.

use mp_core::{Command, Error, amount::Money, id::AppId};

use super::{
    PAGES, SandboxBackend,
    book::{Account, Asked},
    payout_book::AskedPayout,
};
use crate::{
    backend::{Lookup, LookupRequest, PaymentBackend},
    payments::Notice,
    payout::{PayoutBackend, PayoutLookupRequest, PayoutNotice},
};

impl SandboxBackend {
    /// Returns what each charge of an app holds.
    pub(crate) async fn holds(&self, app: &AppId) -> Result<Vec<Money>, Error> {
        let mut holds = Vec::new();
        for page in 0..PAGES {
            let page = Command::on(self.page(app, page)?).prefix("c/");
            let family = self.engine.read(page).await?;
            holds.extend(family.scan::<Account>("c/")?.iter().map(|(_, it)| it.held));
        }
        Ok(holds)
    }

    /// Returns what webhooks would have told of an app's operations by now.
    pub(crate) async fn notices(&self, app: &AppId) -> Result<Vec<Notice>, Error> {
        let mut notices = Vec::new();
        for page in 0..PAGES {
            let page = Command::on(self.page(app, page)?).prefix("o/");
            let family = self.engine.read(page).await?;
            for (path, _) in family.scan::<Asked>("o/")? {
                let operation = path.as_str().trim_start_matches("o/").parse()?;
                let request = LookupRequest::of(app.clone(), operation);
                if let Ok(Lookup::Found(outcome)) = self.lookup(&request).await {
                    notices.push(Notice { operation, outcome });
                }
            }
        }
        Ok(notices)
    }

    /// Returns what webhooks would have told of an app's payouts by now.
    pub(crate) async fn payout_notices(&self, app: &AppId) -> Result<Vec<PayoutNotice>, Error> {
        let mut notices = Vec::new();
        for page in 0..PAGES {
            let page = Command::on(self.page(app, page)?).prefix("p/");
            let family = self.engine.read(page).await?;
            for (path, _) in family.scan::<AskedPayout>("p/")? {
                let Ok(payout) = path.as_str().trim_start_matches("p/").parse() else {
                    continue;
                };
                let request = PayoutLookupRequest::of(app.clone(), payout);
                if let Ok(Lookup::Found(outcome)) = self.lookup_payout(&request).await {
                    notices.push(PayoutNotice { payout, outcome });
                }
            }
        }
        Ok(notices)
    }
}
