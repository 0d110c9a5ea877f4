//! An operator's console on a store file: what came of an intent, what waits for a person, what lies
//! dead and is driven again, which webhooks could not be handled, what the books come to, and whether
//! somebody has changed them.
//!
//! ```sh
//! cargo run --example operator                              # an evening of its own, from end to end
//! cargo run --example operator -- --file shop.db dead       # somebody's file
//! cargo run --example operator -- --help
//! ```

mod console;
mod endpoint;
mod evening;
mod no_provider;
mod options;
mod paper;
mod tamper;

use std::{error::Error, path::Path, sync::Arc};

use clap::Parser;
use mp_core::clock::SystemClock;

use self::{
    console::Console,
    evening::{Evening, Provider},
    options::{Command, Options},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Options {
        file,
        app,
        source,
        command,
    } = Options::parse();
    match (file, command) {
        (Some(file), command) => {
            let console = Console::on_file(&file, app, &source, Arc::new(SystemClock))?;
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
            evening.hear().await?;
            evening.neglect().await?;
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
        Command::Webhooks => paper::webhooks(&console.webhooks().await?),
        Command::HandleWebhook { webhook } => paper::handled(&console.handle(&webhook).await?),
        Command::DismissWebhook { webhook } => paper::handled(&console.dismiss(&webhook).await?),
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

    webhooks(&evening).await?;
    println!("One of the lost answers has come so\n");
    paper::intent(&console.intent(stuck).await?);

    println!("The provider can be asked again: what lies dead is driven again");
    let driven = console.redrive(None).await?;
    evening.work(Provider::Answers).await?;
    println!("  {driven} driven, {} left\n", console.dead().await?.len());

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

/// Lets the provider tell what it knows to a host that has forgotten half of its set-up, and does
/// what it asks for after all.
async fn webhooks(evening: &Evening) -> Result<(), Box<dyn Error>> {
    let (heard, console) = (evening.hear().await?, evening.console());
    println!(
        "The provider tells by webhook what it knows: {} accepted, {} refused",
        heard.accepted, heard.refused
    );
    evening.neglect().await?;
    println!("Its worker was started without them: what pay.webhooks lists by the morning");
    let listed = console.webhooks().await?;
    paper::webhooks(&listed);
    println!("pay.handle_webhook for each, and pay.dismiss_webhook for what does not read");
    for each in listed {
        match console.handle(&each.webhook).await {
            Ok(handled) => paper::handled(&handled),
            Err(error) => {
                println!("  {error}");
                paper::handled(&console.dismiss(&each.webhook).await?);
            }
        }
    }
    println!("  {} left\n", console.webhooks().await?.len());
    Ok(())
}

#[cfg(test)]
mod tests;
