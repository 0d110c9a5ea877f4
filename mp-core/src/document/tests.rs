use super::*;
use crate::work::HandlerError;

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Old {
    name: String,
}

impl Document for Old {
    const KIND: &'static str = "thing";
    const FORMAT: u32 = 1;
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct New {
    name: String,
    #[serde(default)]
    colour: Option<String>,
}

impl Document for New {
    const KIND: &'static str = "thing";
    const FORMAT: u32 = 2;
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Empty {}

impl Document for Empty {
    const KIND: &'static str = "empty";
    const FORMAT: u32 = 1;
}

#[test]
fn unknown_members_survive_a_rewrite_by_an_older_release() {
    let new = New {
        name: "a".into(),
        colour: Some("red".into()),
    };
    let bytes = encode(&new, None).expect("encodes");
    let (mut old, newer) = decode::<Old>(&bytes).expect("reads");
    old.name = "b".into();
    let bytes = encode(&old, newer.as_ref()).expect("encodes");
    let (read, _) = decode::<New>(&bytes).expect("reads");
    assert_eq!(
        read,
        New {
            name: "b".into(),
            colour: Some("red".into())
        }
    );
    assert!(String::from_utf8_lossy(&bytes).contains(r#""format":2"#));
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Nest {
    inner: BTreeMap<String, Old>,
}

impl Document for Nest {
    const KIND: &'static str = "nest";
    const FORMAT: u32 = 1;
}

#[test]
fn unknown_members_survive_inside_objects_that_survive() {
    let bytes = br#"{"kind":"nest","format":2,"inner":{
        "a":{"name":"a","colour":"red"},"b":{"name":"b","colour":"blue"}}}"#;
    let (mut nest, newer) = decode::<Nest>(bytes).expect("reads");
    nest.inner.remove("b");
    let written = encode(&nest, newer.as_ref()).expect("encodes");
    let value: Value = serde_json::from_slice(&written).expect("is JSON");
    assert_eq!(value["inner"]["a"]["colour"], "red");
    assert!(
        value["inner"].get("b").is_none(),
        "what was removed stays removed"
    );
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    New,
    #[serde(other)]
    Unrecognized,
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Moon {
    phase: Phase,
    note: String,
}

impl Document for Moon {
    const KIND: &'static str = "moon";
    const FORMAT: u32 = 1;
}

#[test]
fn a_variant_that_is_not_known_survives_unless_it_is_replaced() {
    let bytes = br#"{"kind":"moon","format":2,"phase":"gibbous","note":"a"}"#;
    let (mut moon, newer) = decode::<Moon>(bytes).expect("reads");
    assert_eq!(moon.phase, Phase::Unrecognized);
    moon.note = "b".into();
    let written = |moon: &Moon| -> Value {
        let bytes = encode(moon, newer.as_ref()).expect("encodes");
        serde_json::from_slice(&bytes).expect("is JSON")
    };
    assert_eq!(written(&moon)["phase"], "gibbous");
    moon.phase = Phase::New;
    assert_eq!(written(&moon)["phase"], "new");
}

#[test]
fn a_newer_release_reads_an_older_value() {
    let bytes = encode(&Old { name: "a".into() }, None).expect("encodes");
    let (read, newer) = decode::<New>(&bytes).expect("reads");
    assert_eq!((read.colour, newer), (None, None));
}

#[test]
fn an_empty_object_is_stamped_too() {
    let bytes = encode(&Empty {}, None).expect("encodes");
    assert_eq!(&bytes[..], br#"{"kind":"empty","format":1}"#);
    assert_eq!(decode::<Empty>(&bytes).expect("reads"), (Empty {}, None));
}

#[test]
fn a_value_with_a_member_named_as_the_stamps_is_refused_when_it_is_written() {
    #[derive(Debug, Deserialize, Serialize)]
    #[serde(tag = "kind")]
    enum Tagged {
        Stall { name: String },
    }
    impl Document for Tagged {
        const KIND: &'static str = "tagged";
        const FORMAT: u32 = 1;
    }
    #[derive(Debug, Deserialize, Serialize)]
    struct Free {
        name: String,
        #[serde(flatten)]
        more: BTreeMap<String, Value>,
    }
    impl Document for Free {
        const KIND: &'static str = "free";
        const FORMAT: u32 = 1;
    }
    let tagged = Tagged::Stall { name: "a".into() };
    let error = encode(&tagged, None).expect_err("is refused");
    assert_eq!(
        (error.code(), error.field()),
        ("member_taken", Some("kind"))
    );
    let free = |name: &str, value: Value| Free {
        name: "kind".into(),
        more: BTreeMap::from([(name.to_owned(), value)]),
    };
    let newer = decode::<Free>(br#"{"kind":"free","format":2,"name":""}"#);
    let (_, newer) = newer.expect("reads");
    for newer in [None, newer.as_ref()] {
        let error = encode(&free("format", 3.into()), newer).expect_err("is refused");
        assert_eq!(error.field(), Some("format"));
    }
    let within = serde_json::json!({"kind": {"format": ["kind", {"kind": 1}]}});
    for (name, value) in [
        ("within", within),
        ("kinds", "kind".into()),
        ("", "format".into()),
    ] {
        let bytes = encode(&free(name, value), None).expect("encodes");
        assert_eq!(decode::<Free>(&bytes).expect("reads").0.name, "kind");
    }
}

#[derive(Debug, Deserialize, PartialEq, Serialize)]
struct Free {
    value: Value,
}

impl Document for Free {
    const KIND: &'static str = "free";
    const FORMAT: u32 = 1;
}

/// Nests this many objects and lists, by turns.
fn nested(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |value, level| match level % 2 {
        0 => Value::Array(vec![value]),
        _ => serde_json::json!({ "in": value }),
    })
}

#[test]
fn what_is_written_is_read_back_however_deep_it_is_nested_or_is_refused() {
    let (_, newer) = decode::<Free>(br#"{"kind":"free","format":2,"value":0,"more":1}"#)
        .expect("reads what a newer release has written");
    assert!(newer.is_some());
    for levels in 0..2 * DEPTH_MAX {
        let value = nested(levels);
        assert_eq!(depth(&value), levels);
        let free = Free { value };
        for newer in [None, newer.as_ref()] {
            match encode(&free, newer) {
                Ok(bytes) => assert_eq!(decode::<Free>(&bytes).expect("reads").0, free),
                Err(error) => {
                    assert!(levels + 1 > DEPTH_MAX, "{levels}: {error}");
                    assert_eq!((error.code(), error.field()), ("too_deep", Some("free")));
                }
            }
        }
    }
}

#[test]
fn a_newer_format_that_does_not_read_is_for_a_newer_release_and_not_corrupt() {
    let newer = br#"{"kind":"thing","format":2,"title":"a"}"#;
    let error = decode::<Old>(newer).expect_err("has no name");
    assert_eq!(
        (error.kind(), error.code()),
        (ErrorKind::Unavailable, "newer_release")
    );
    let retried = HandlerError::from(error);
    assert!(matches!(retried, HandlerError::Retry(_)), "{retried:?}");
    let present = br#"{"kind":"thing","format":1,"title":"a"}"#;
    let error = decode::<Old>(present).expect_err("has no name");
    assert_eq!(error.code(), "corrupt_record");
}

#[test]
fn values_of_another_kind_and_broken_bytes_are_corrupt() {
    let other = encode(&Empty {}, None).expect("encodes");
    for bytes in [
        &other[..],
        b"",
        b"{}",
        b"[]",
        b"\xff",
        br#"{"kind":"thing","format":1}"#,
    ] {
        let error = decode::<Old>(bytes).expect_err("corrupt");
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}
