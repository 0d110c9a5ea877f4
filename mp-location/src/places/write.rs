use mp_core::{
    engine::Command,
    error::{Error, ErrorKind},
    id::AppId,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{Decide, Places};

impl Places {
    /// Runs a command on a page, and tells the app's follower what became of it. That is a task of its
    /// own: an accepted command is carried out though its caller has gone, and then as well the
    /// follower has to hear of it.
    pub(super) async fn write<T>(
        &self,
        app: &AppId,
        page: u8,
        command: Command,
        decide: impl Decide<T>,
    ) -> Result<T, Error>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        let (this, app) = (self.clone(), app.clone());
        let written = tokio::spawn(async move {
            let done = this.engine.run(command, decide).await;
            this.followers.hear(&app, page, &done);
            done.map(|done| done.answer)
        });
        written.await.unwrap_or_else(|_| Err(abandoned()))
    }
}

fn abandoned() -> Error {
    let message = "the process is stopping: repeat it with the same key";
    Error::new(ErrorKind::Unknown, "abandoned", message)
}
