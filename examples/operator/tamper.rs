//! What an operator hopes never to see: a record changed behind the ledger's back.

use mp_core::{
    Error,
    store::{Batch, CommitId, Key, Query, Selection, Write},
};
use mp_pay::ledger::BookId;

use super::console::Console;

/// Writes a larger amount into the first entry of a book's journal.
pub(crate) async fn raise_first_entry(console: &Console, book: &str) -> Result<(), Error> {
    let book = BookId::new(book).map_err(|error| Error::invalid("book", error.to_string()))?;
    let partition = book.partition(console.operator.app_id())?;
    let key = Key::new("j/000000000001")?;
    let query = Query {
        select: vec![Selection::Key(key.clone())],
        limit: 10,
    };
    let view = console.store.read(&partition, &query).await?;
    let entry = view.records.iter().find(|record| record.key == key);
    let entry = entry.ok_or_else(|| Error::not_found("entry"))?;
    let text = String::from_utf8_lossy(&entry.value);
    let value = text.replace(r#""amount":"#, r#""amount":9"#).into();
    let batch = Batch {
        expect: view.head,
        commit_id: CommitId::random(),
        at: view.at,
        writes: vec![Write::put(key, value)],
    };
    console.store.commit(&partition, batch).await?;
    Ok(())
}
