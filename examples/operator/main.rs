//! An operator's console on a store file: what came of an intent, what waits for a person, what lies
//! dead and is driven again, what the books come to, and whether somebody has changed them.
//!
//! ```sh
//! cargo run --example operator                              # an evening of its own, from end to end
//! cargo run --example operator -- --file shop.db dead       # somebody's file
//! cargo run --example operator -- --help
//! ```

mod console;
mod evening;
mod options;
mod paper;
mod tamper;

use std::{error::Error, path::Path};

use clap::Parser;

use self::{
    console::Console,
    evening::{Evening, Provider},
    options::{Command, Options},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Options { file, app, command } = Options::parse();
    match (file, command) {
        (Some(file), command) => {
            let console = Console::on_file(&file, app)?;
            show(&console, command.unwrap_or(Command::Dead)).await
        }
        (None, None) => {
            let folder = tempfile::tempdir()?;
            tour(&folder.path().join("evening.db")).await
        }
        (None, Some(command)) => {
            let folder = tempfile::tempdir()?;
            let evening = Evening::on_file(&folder.path().join("evening.db"))?;
            evening.live().await?;
            show(evening.console(), command).await
        }
    }
}

async fn show(console: &Console, command: Command) -> Result<(), Box<dyn Error>> {
    match command {
        Command::Intent { intent } => paper::intent(&console.intent(intent).await?),
        Command::Unresolved => paper::unresolved(&console.unresolved().await?),
        Command::Dead => paper::dead(&console.dead().await?),
        Command::Redrive { kind } => {
            let driven = console.redrive(kind.as_deref()).await?;
            println!("{driven} driven again: a worker of the host takes them up");
        }
        Command::Trial => paper::trial_balance(&console.trial_balance().await?),
        Command::Verify => paper::verified(&console.verify().await?),
    }
    Ok(())
}

/// Lives an evening with faults, and cleans up behind it as an operator does.
async fn tour(file: &Path) -> Result<(), Box<dyn Error>> {
    let evening = Evening::on_file(file)?;
    let stuck = evening.live().await?;
    let console = evening.console();
    println!(
        "An evening at a stall whose provider lost two answers, in {}\n",
        file.display()
    );

    println!("What waits for a person");
    paper::unresolved(&console.unresolved().await?);
    println!("What lies dead");
    paper::dead(&console.dead().await?);
    println!("One of them in full");
    paper::intent(&console.intent(stuck).await?);

    println!("The provider can be asked again: what lies dead is driven again");
    let driven = console.redrive(None).await?;
    evening.work(Provider::Answers).await?;
    println!("  {driven} driven, {} left\n", console.dead().await?.len());
    paper::intent(&console.intent(stuck).await?);

    evening.book_takings().await?;
    println!("What the books come to");
    paper::trial_balance(&console.trial_balance().await?);
    println!("Whether they are whole");
    paper::verified(&console.verify().await?);
    tamper::raise_first_entry(console, "stall").await?;
    println!("… and after somebody has written a bigger sale into the database");
    paper::verified(&console.verify().await?);
    Ok(())
}

#[cfg(test)]
mod tests;
