//! A small world that is stopped, silenced or killed at a chosen moment: an order as the home of a
//! plan, three participants with books of their own, and a store that survives.

mod book;
mod faults;
mod life;
mod order;
mod world;

pub(crate) use self::{
    faults::{Armed, Mode, Moment},
    life::Life,
    world::World,
};
