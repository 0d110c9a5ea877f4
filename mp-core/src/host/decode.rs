use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Error;

/// The longest path of a member in an error, in characters.
const FIELD_LENGTH_MAX: usize = 200;

/// The longest account of what is wrong with a member, in characters.
const PROBLEM_LENGTH_MAX: usize = 200;

/// Reads a typed input, and names the member that does not fit; what stood there is not repeated.
pub(super) fn decode<I: DeserializeOwned>(input: Value) -> Result<I, Error> {
    serde_path_to_error::deserialize(input).map_err(|error| {
        let path = error.path().to_string();
        let problem = error.into_inner().to_string();
        let field = join(&path, named(&problem));
        Error::invalid(cut(&field, FIELD_LENGTH_MAX), told(&problem))
    })
}

/// Returns serde's account of a problem without what was sent, which may be anything.
fn told(problem: &str) -> String {
    if problem.starts_with("missing field `") {
        return "is required".to_owned();
    }
    if problem.starts_with("unknown field `") {
        return "is no member that is known here".to_owned();
    }
    // "invalid type: string \"what was sent\", expected u32" and its like.
    let problem = match problem.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => problem.to_owned(),
    };
    let problem = problem.replace('`', "");
    format!("is not accepted: {}", cut(&problem, PROBLEM_LENGTH_MAX))
}

fn cut(text: &str, length_max: usize) -> String {
    text.chars().take(length_max).collect()
}

/// Returns the member that serde's own sentence names, where the path ends at its parent.
fn named(problem: &str) -> Option<&str> {
    let about_a_member = ["missing field `", "unknown field `", "duplicate field `"];
    let rest = about_a_member
        .iter()
        .find_map(|start| problem.strip_prefix(start))?;
    rest.split('`').next()
}

fn join(path: &str, member: Option<&str>) -> String {
    let path = if path == "." { "" } else { path };
    match member {
        // The path already ends at a member that is not known.
        Some(member) if path == member || path.ends_with(&format!(".{member}")) => path.to_owned(),
        Some(member) if path.is_empty() => member.to_owned(),
        Some(member) => format!("{path}.{member}"),
        None if path.is_empty() => "input".to_owned(),
        None => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code)]
        inner: Inner,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code)]
        count: u8,
    }

    #[test]
    fn the_member_that_does_not_fit_is_named_by_its_path() {
        for (input, field) in [
            (json!({}), "inner"),
            (json!({"inner": {}}), "inner.count"),
            (json!({"inner": {"count": "x"}}), "inner.count"),
            (json!({"inner": {"count": 300}}), "inner.count"),
            (json!({"inner": {"count": 1, "more": 2}}), "inner.more"),
            (json!({"inner": {"count": 1}, "more": 2}), "more"),
            (json!({"inner": []}), "inner"),
            (json!([]), "input"),
            (json!("text"), "input"),
        ] {
            let error = decode::<Outer>(input.clone()).expect_err("refused");
            assert_eq!(error.field(), Some(field), "{input}: {error}");
        }
    }
}
