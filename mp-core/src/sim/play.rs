use std::sync::Arc;

use tokio::task::JoinHandle;

use super::{
    Chance, History, Simulation, Workload,
    client::Client,
    fleet::Fleet,
    order::demand_order,
    record::Record,
    workload::{Answer, Command},
    world::World,
};
use crate::conformance::Violation;

type HistoryOf<W> = History<Command<W>, Answer<W>>;

/// Plays one run to its end, and returns how many commands there were.
pub(super) async fn play<W: Workload>(
    workload: W,
    simulation: &Simulation<W>,
    mut chance: Chance,
    record: Arc<Record>,
) -> Result<usize, Violation> {
    let workload = Arc::new(workload);
    let inspect = {
        let workload = workload.clone();
        move |family: &_| workload.inspect(family)
    };
    let world = Arc::new(World::new(chance.fork(), record.clone(), Box::new(inspect)));
    let (fleet, keepers) = Fleet::start(world, workload, simulation.processes);
    let clients = clients(&fleet, simulation, &mut chance);
    tokio::select! {
        biased;
        () = record.failed.wait() => Ok(0),
        played = run_and_judge(&fleet, keepers, clients) => played,
    }
}

type Clients<W> = Vec<JoinHandle<Result<Vec<super::Exchange<Command<W>, Answer<W>>>, Violation>>>;

fn clients<W: Workload>(
    fleet: &Arc<Fleet<W>>,
    simulation: &Simulation<W>,
    chance: &mut Chance,
) -> Clients<W> {
    let Simulation {
        clients, commands, ..
    } = *simulation;
    let clients = (0..clients).map(|number| {
        let share = (commands + number) / clients;
        let (fleet, chance) = (fleet.clone(), chance.fork());
        tokio::spawn(
            Client {
                fleet,
                number,
                chance,
            }
            .ask(share),
        )
    });
    clients.collect()
}

async fn run_and_judge<W: Workload>(
    fleet: &Fleet<W>,
    keepers: Vec<JoinHandle<()>>,
    clients: Clients<W>,
) -> Result<usize, Violation> {
    let mut exchanges = Vec::new();
    for client in clients {
        let asked = client
            .await
            .map_err(|error| Violation::new(error.to_string()))?;
        exchanges.extend(asked?);
    }
    fleet.world.note(|| "faults end".to_owned());
    fleet.world.calm.give();
    for keeper in keepers {
        keeper
            .await
            .map_err(|error| Violation::new(error.to_string()))?;
    }
    fleet.finish_work().await?;
    let history = History::new(exchanges);
    judge(fleet, &history).await?;
    Ok(history.exchanges().len())
}

/// Compares every part, as every process reads it, with what its model may have come to.
async fn judge<W: Workload>(fleet: &Fleet<W>, history: &HistoryOf<W>) -> Result<(), Violation> {
    let running = fleet.all();
    for (part, exchanges) in history.by_part() {
        let of_part = |violation| Violation::new(format!("{part}: {violation}"));
        let mut end = None;
        for running in &running {
            let seen = fleet.workload.observe(&running.services, part).await?;
            let end = end.get_or_insert_with(|| seen.clone());
            if *end != seen {
                let problem = format!("one process sees {end:?}, another {seen:?}");
                return Err(of_part(Violation::new(problem)));
            }
        }
        if let Some(end) = end {
            demand_order::<W::Model>(&exchanges, &end).map_err(of_part)?;
        }
    }
    for running in &running {
        fleet.workload.audit(&running.services, history).await?;
    }
    Ok(())
}
