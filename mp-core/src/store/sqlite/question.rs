use tokio::sync::oneshot;

use crate::store::{Changes, Delivery, Key, Partition, Query, StoreError, Version, View};

/// One thing that a reader is asked for, and whom to tell.
#[derive(Debug)]
pub(super) enum Question {
    Read(Partition, Query, Reply<View>),
    Changes(Partition, Version, u32, Reply<Changes>),
    Dead(Option<(Partition, Key)>, u32, Reply<Vec<Delivery>>),
    Partitions(Option<Partition>, u32, Reply<Vec<Partition>>),
}

pub(super) type Reply<A> = oneshot::Sender<Result<A, StoreError>>;
