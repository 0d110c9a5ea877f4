use std::{collections::HashMap, sync::Arc};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use mp_core::{Caller, Error, ErrorKind, host::Host};
use serde_json::Value;

/// Who is signed in, and what each may do, by the token of their session. Here your own login answers.
pub(crate) type Sessions = HashMap<String, Caller>;

#[derive(Clone)]
struct Served {
    host: Host,
    sessions: Arc<Sessions>,
}

/// Serves every operation of a host at `POST /call/{operation}`, with its input as the body.
pub(crate) fn router(host: Host, sessions: Sessions) -> Router {
    let sessions = Arc::new(sessions);
    Router::new()
        .route("/call/{operation}", post(call))
        .with_state(Served { host, sessions })
}

async fn call(
    State(served): State<Served>,
    Path(operation): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match served.answer(&operation, &headers, &body).await {
        Ok(answer) => json(StatusCode::OK, &answer),
        Err(error) => {
            let status = StatusCode::from_u16(error.kind().status());
            let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            json(status, &error.to_json())
        }
    }
}

impl Served {
    /// Whoever hangs up before the answer takes nothing back: the same call with the same idempotency
    /// key tells what became of it, and the worker finishes what was begun.
    async fn answer(
        &self,
        operation: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Value, Error> {
        let caller = self.caller(headers)?;
        let input = serde_json::from_slice(body);
        let input = input.map_err(|_| Error::invalid("body", "is no JSON"))?;
        self.host.call(&caller, operation, input).await
    }

    /// Who calls comes from the session alone, never from what the call says.
    fn caller(&self, headers: &HeaderMap) -> Result<Caller, Error> {
        let header = headers.get(header::AUTHORIZATION);
        let token = header.and_then(|it| it.to_str().ok()?.strip_prefix("Bearer "));
        let caller = token.and_then(|it| self.sessions.get(it)).cloned();
        let kind = ErrorKind::Unauthenticated;
        caller.ok_or_else(|| Error::new(kind, "unauthenticated", "sign in first"))
    }
}

fn json(status: StatusCode, value: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, value.to_string()).into_response()
}
