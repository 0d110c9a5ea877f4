//! stub
/// app
#[derive(Clone, Debug)]
pub struct AppId(String);
impl std::fmt::Display for AppId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}
impl AppId {
    /// new
    /// # Errors
    /// none
    pub fn new(s: &str) -> Result<Self, crate::Error> {
        Ok(Self(s.to_owned()))
    }
}
