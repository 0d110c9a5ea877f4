use mp_core::Error;

/// The longest text that a backend's own names and codes may have, in bytes.
pub(crate) const LENGTH_MAX: usize = 255;

/// Checks a text that comes from or goes to a payment backend.
pub(crate) fn visible_ascii(field: &'static str, text: String) -> Result<String, Error> {
    let fits = (1..=LENGTH_MAX).contains(&text.len());
    if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text)
    } else {
        Err(Error::invalid(
            field,
            "is not 1 to 255 visible ASCII characters",
        ))
    }
}
