use super::Worker;
use crate::{
    error::{Error, ErrorKind},
    store::{Delivery, Outcome},
};

/// What an operator does about work that was given up.
impl Worker {
    /// Lists dead deliveries, at most `limit`.
    ///
    /// # Errors
    ///
    /// The store's errors.
    pub async fn dead(&self, limit: u32) -> Result<Vec<Delivery>, Error> {
        Ok(self.engine.store().dead(None, limit).await?)
    }

    /// Makes a dead delivery due again, with its attempts counted anew.
    ///
    /// # Errors
    ///
    /// `refused` if it is not dead any more; the store's errors.
    pub async fn redrive(&self, delivery: &Delivery) -> Result<(), Error> {
        let at = self.engine.now();
        let settle = delivery.settle(Outcome::Redrive { at });
        match self.engine.store().settle(vec![settle]).await?[..] {
            [true] => Ok(()),
            _ => {
                let message = "the delivery is not dead any more";
                Err(Error::new(ErrorKind::Refused, "not_dead", message))
            }
        }
    }
}
