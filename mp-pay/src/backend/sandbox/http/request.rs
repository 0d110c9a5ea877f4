//! What every request has: a test key, a form, and, if it has an effect, a key of its own.

use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Path, Request},
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};
use mp_core::idempotency::fingerprint;

use super::{Gateway, form::Form, once::Once, refusal::Refusal};

/// The longest idempotency key, as at Stripe.
const KEY_LENGTH_MAX: usize = 255;

/// A request that has an effect.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) form: Form,
    pub(super) once: Once,
}

impl FromRequest<Gateway> for Post {
    type Rejection = Refusal;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Self, Refusal> {
        authenticate(request.headers())?;
        let key = match key_of(request.headers())? {
            Some(key) => key,
            None => fingerprint(&gateway.engine().random::<16>())?,
        };
        let path = request.uri().path().to_owned();
        let body = Bytes::from_request(request, gateway).await;
        let body = body.map_err(|rejection| {
            Refusal::invalid("The body is too large or broke off.").status(rejection.status())
        })?;
        let form = Form::parse(&body)?;
        let once = Once::new(gateway, &key, &path, &form)?;
        Ok(Self { form, once })
    }
}

/// A request that only reads, without parameters.
#[derive(Debug)]
pub(super) struct Get;

impl FromRequestParts<Gateway> for Get {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Gateway) -> Result<Self, Refusal> {
        authenticate(&parts.headers)?;
        let query = parts.uri.query().unwrap_or_default();
        Form::parse(query.as_bytes())?.finish()?;
        Ok(Self)
    }
}

/// The id in a path.
#[derive(Debug)]
pub(super) struct Id(pub(super) String);

impl FromRequestParts<Gateway> for Id {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refusal> {
        let path = Path::<String>::from_request_parts(parts, gateway).await;
        let Path(id) = path.map_err(|_| Refusal::missing("object", "id"))?;
        Ok(Self(id))
    }
}

/// Lets in whoever shows any test key: there is nothing here to protect.
fn authenticate(headers: &HeaderMap) -> Result<(), Refusal> {
    let shown = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
    let key = shown.and_then(|shown| shown.strip_prefix("Bearer sk_test_"));
    match key {
        Some(rest) if !rest.is_empty() => Ok(()),
        _ => Err(Refusal::unauthenticated()),
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(given) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    match given.to_str() {
        Ok(key) if (1..=KEY_LENGTH_MAX).contains(&key.len()) => Ok(Some(key.to_owned())),
        _ => {
            let message = "An idempotency key has 1 to 255 visible ASCII characters.";
            Err(Refusal::invalid(message))
        }
    }
}
