use mp_core::{
    Error,
    amount::{Currency, Money},
};
use proptest::prelude::*;

use super::{AmountFormat, Mapping, Problem, ReadError, ReportReader, Sign, TimeFormat, TimeOf};
use crate::{
    backend::MinorUnits,
    reconciliation::{LineKind, ReportLine},
};

const PAID: &str = "pi_01HF7YAT000000000000000000-c1";
const GIVEN: &str = "pi_01HF7YAT000000000000000000-rf_01HF7YAT000000000000000001";

fn read(file: &str, mapping: &Mapping) -> Result<Vec<ReportLine>, ReadError> {
    ReportReader::new(file.as_bytes(), mapping)?.collect()
}

fn refusal(file: &str, mapping: &Mapping) -> String {
    read(file, mapping).expect_err("is refused").to_string()
}

/// The shape of Stripe's itemised balance report, with its column names.
fn stripe(rows: &str) -> String {
    let columns = "balance_transaction_id,created,available_on,currency,gross,fee,net,\
                   reporting_category,source_id,description,automatic_payout_id,charge_id,\
                   payment_intent_id,payment_metadata[mp],refund_metadata[mp]";
    format!("{columns}\n{rows}")
}

#[test]
fn stripes_balance_report_is_read() {
    let file = stripe(&format!(
        "txn_1,2026-11-20 09:30:00,2026-11-22 00:00:00,eur,12.50,0.43,12.07,charge,ch_1,,po_1,ch_1,pi_1,{PAID},\n\
         txn_2,2026-11-20 10:00:00,2026-11-22 00:00:00,eur,-2.50,0.00,-2.50,refund,re_1,\"a \"\"b\"\", c\",po_1,ch_1,pi_1,{PAID},{GIVEN}\n\
         txn_3,2026-11-20 11:00:00,2026-11-22 00:00:00,eur,-0.15,0.00,-0.15,fee,,,po_1,,,,\n\
         txn_4,2026-11-20 12:00:00,2026-11-22 00:00:00,eur,-9.42,0.00,-9.42,payout,po_1,,,,,,\n\
         txn_5,2026-11-20 12:00:00,2026-11-22 00:00:00,jpy,700,0,700,climate_order_refund,co_1,,,,,,\n",
    ));
    let lines = read(&file, &Mapping::stripe("mp")).expect("reads");
    let kinds: Vec<LineKind> = lines.iter().map(|line| line.kind).collect();
    let expected = [
        LineKind::Charge,
        LineKind::Refund,
        LineKind::Fee,
        LineKind::Payout,
        LineKind::Adjustment,
    ];
    assert_eq!(kinds, expected);
    assert_eq!(lines[0].amount, Money::new(12_50, Currency::EUR));
    assert_eq!((lines[0].number, lines[0].fee), (2, 43));
    assert_eq!(lines[0].key, PAID.parse().ok());
    assert_eq!(lines[0].references[0].as_str(), "ch_1");
    assert_eq!(lines[0].at, "2026-11-20T09:30:00Z".parse().ok());
    assert_eq!(lines[1].amount, Money::new(-2_50, Currency::EUR));
    assert_eq!(lines[1].key, GIVEN.parse().ok());
    assert_eq!(lines[3].payout_id(), lines[0].payout.as_ref());
    assert_eq!(lines[4].amount, Money::new(700, Currency::JPY));
}

/// The shape of WeChat Pay's daily trade bill of type ALL, with its column names.
fn wechat(rows: &str, summary: &str) -> String {
    let columns = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,\
                   交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,\
                   充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,\
                   费率备注";
    format!("\u{feff}{columns}\r\n{rows}{summary}")
}

const SUMMARY: &str = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n\
                       `2,`12.50,`2.50,`0.00,`0.06000,`12.50,`2.50\r\n";

fn wechat_rows() -> String {
    format!(
        "`2026-11-20 17:30:00,`wx1,`160,`0,`,`42001,`{PAID},`o1,`JSAPI,`SUCCESS,`OTHERS,`CNY,`12.50,`0.00,`0,`0,\
         `0.00,`0.00,`,`,`tea \"large\",`,`0.08000,`0.60%,`12.50,`0.00,`\r\n\
         `2026-11-20 23:59:59,`wx1,`160,`0,`,`42001,`{PAID},`o1,`JSAPI,`REFUND,`OTHERS,`CNY,`0.00,`0.00,`50001,`{GIVEN},\
         `2.50,`0.00,`ORIGINAL,`SUCCESS,`tea,`,`-0.02000,`0.60%,`0.00,`2.50,`\r\n"
    )
}

#[test]
fn wechat_pays_trade_bill_is_read() {
    let file = wechat(&wechat_rows(), SUMMARY);
    let lines = read(&file, &Mapping::wechat_pay()).expect("reads");
    let [paid, given] = &lines[..] else {
        panic!("{lines:?}");
    };
    assert_eq!(paid.amount, Money::new(12_50, Currency::CNY));
    assert_eq!((paid.kind, paid.fee), (LineKind::Charge, 8));
    assert_eq!(paid.key, PAID.parse().ok());
    assert_eq!(paid.references.len(), 1, "a lone zero is no name");
    assert_eq!(paid.at, "2026-11-20T09:30:00Z".parse().ok());
    assert_eq!(given.amount, Money::new(-2_50, Currency::CNY));
    assert_eq!((given.kind, given.fee), (LineKind::Refund, -2));
    assert_eq!(given.key, GIVEN.parse().ok());
    assert_eq!(given.references[0].as_str(), "50001");
}

#[test]
fn a_bill_that_breaks_off_before_its_summary_is_refused() {
    let mapping = Mapping::wechat_pay();
    let told = refusal(&wechat(&wechat_rows(), ""), &mapping);
    assert_eq!(
        told,
        "line 3: the file breaks off before its summary: fetch it again"
    );
    assert_eq!(read(&wechat("", SUMMARY), &mapping).expect("reads"), []);
}

#[test]
fn an_error_names_the_line_and_the_column_and_tells_nothing_of_the_cell() {
    let mapping = Mapping::stripe("mp");
    let row = |gross: &str, currency: &str, created: &str, kind: &str| {
        let good = "t,2026-11-20 09:30:00,,eur,1.00,0,0,charge,,,,,,,";
        let bad = format!("t,{created},,{currency},{gross},0,0,{kind},,,,,,,");
        refusal(&stripe(&format!("{good}\n{bad}\n")), &mapping)
    };
    let day = "2026-11-20 09:30:00";
    for (told, expected) in [
        (
            row("1,5", "eur", day, "charge"),
            "line 3: has 16 cells, and the first line 15",
        ),
        (
            row("mei", "eur", day, "charge"),
            "line 3, column gross: is not an amount in this currency",
        ),
        (
            row("1.005", "eur", day, "charge"),
            "line 3, column gross: is not an amount in this currency",
        ),
        (
            row("1", "mei", day, "charge"),
            "line 3, column currency: is not a currency",
        ),
        (
            row("1", "eur", "mei", "charge"),
            "line 3, column created: is not a time as the mapping writes it",
        ),
        (
            row("99999999999999999", "eur", day, "charge"),
            "line 3, column gross: is not an amount in this currency",
        ),
    ] {
        assert_eq!(told, expected);
    }
    let mut mapping = mapping;
    mapping.otherwise = None;
    let file = stripe("t,2026-11-20 09:30:00,,eur,1.00,0,0,mei,,,,,,,\n");
    let told = refusal(&file, &mapping);
    assert_eq!(
        told,
        "line 2, column reporting_category: is of a kind that the mapping does not name"
    );
    let missing = refusal("gross\n1\n", &mapping);
    assert_eq!(
        missing,
        "line 1, column reporting_category: there is no such column: put the mapping right"
    );
    let error = Error::from(read(&file, &mapping).expect_err("is refused"));
    assert_eq!(
        (error.code(), error.field()),
        ("invalid_field", Some("report"))
    );
}

#[test]
fn a_line_that_cannot_be_read_does_not_keep_the_next_from_being_read() {
    let day = "2026-11-20 09:30:00";
    let file = stripe(&format!(
        "t,{day},,eur,x,0,0,charge,,,,,,,\nt,{day},,eur,1,0,0\nt,{day},,eur,2,0,0,charge,,,,,,,\n"
    ));
    let reader = ReportReader::new(file.as_bytes(), &Mapping::stripe("mp")).expect("opens");
    let read: Vec<_> = reader
        .map(|line| line.map(|line| line.amount.minor()))
        .collect();
    assert!(matches!(read[..], [Err(_), Err(_), Ok(200)]), "{read:?}");
}

fn minimal() -> Mapping {
    let mut mapping = Mapping::sandbox().with_currency(Currency::EUR);
    (mapping.fee, mapping.payout, mapping.time) = (None, None, None);
    mapping.references.clear();
    mapping
}

#[test]
fn amounts_are_exact_or_refused() {
    let euros = |text: &str, format| {
        let mut mapping = minimal();
        (mapping.amounts, mapping.delimiter) = (format, ';');
        let lines = read(&format!("kind;key;amount\ncharge;;{text}\n"), &mapping);
        lines.ok().map(|lines| lines[0].amount.minor())
    };
    let point = AmountFormat::default();
    let comma = AmountFormat::decimal(',', Some('.'));
    for (text, format, minor) in [
        ("12.50", point, Some(12_50)),
        ("+12.5", point, Some(12_50)),
        ("-0.01", point, Some(-1)),
        ("12.50000", point, Some(12_50)),
        ("12", point, Some(12_00)),
        ("", point, Some(0)),
        ("-", point, Some(0)),
        ("12.50100", point, None),
        ("12.", point, None),
        (".5", point, None),
        ("1e3", point, None),
        ("--1", point, None),
        ("1,234.50", point, None),
        ("1.234,50", comma, Some(123_450)),
        ("-1.234.567,5", comma, Some(-123_456_750)),
        ("1.23,50", comma, None),
        ("12345,00", comma, Some(1_234_500)),
        ("1250", AmountFormat::Minor, Some(12_50)),
        ("12.50", AmountFormat::Minor, None),
        (
            "9007199254740991",
            AmountFormat::Minor,
            Some(9_007_199_254_740_991),
        ),
        ("9007199254740992", AmountFormat::Minor, None),
    ] {
        assert_eq!(euros(text, format), minor, "{text}");
    }
}

#[test]
fn only_the_point_that_was_named_is_a_point() {
    let fils = |text: &str, format| {
        let mut mapping = minimal().with_currency("KWD".parse().expect("a currency"));
        (mapping.amounts, mapping.delimiter) = (format, ';');
        let lines = read(&format!("kind;key;amount\ncharge;;{text}\n"), &mapping);
        lines.ok().map(|lines| lines[0].amount.minor())
    };
    let comma = AmountFormat::decimal(',', None);
    for (text, format, minor) in [
        ("1,234", comma, Some(1_234)),
        ("1.234", comma, None),
        ("-1.234", comma, None),
        ("1.234,5", comma, None),
        (
            "1.234",
            AmountFormat::decimal(',', Some('.')),
            Some(1_234_000),
        ),
        ("1.234", AmountFormat::decimal(',', Some('\'')), None),
        ("+", comma, None),
        ("+-5", comma, None),
        ("++5", comma, None),
        ("+", AmountFormat::Minor, None),
        ("+-5", AmountFormat::Minor, None),
        ("++5", AmountFormat::Minor, None),
        ("+5", AmountFormat::Minor, Some(5)),
    ] {
        assert_eq!(fils(text, format), minor, "{text}");
    }
}

#[test]
fn a_fee_below_zero_is_what_the_mapping_says() {
    let file = "kind,key,amount,fee\ncharge,,10,-0.39\nrefund,,-10,0.39\n";
    let fees = |sign| {
        let mut mapping = minimal().with_fee_sign(sign);
        mapping.fee = Some("fee".to_owned());
        let lines = read(file, &mapping).expect("reads");
        lines.iter().map(|line| line.fee).collect::<Vec<_>>()
    };
    assert_eq!(fees(Sign::AsIs), [-39, 39]);
    assert_eq!(fees(Sign::Negated), [39, -39]);
    assert_eq!(fees(Sign::In), [39, 39]);
    assert_eq!(fees(Sign::Out), [-39, -39]);
}

#[test]
fn a_day_begins_at_midnight_and_an_offset_that_is_told_counts() {
    let at = |text: &str, pattern: &str| {
        let mut mapping = minimal();
        mapping.time = Some(TimeOf::new("at", TimeFormat::local(pattern, 60)));
        let lines = read(&format!("kind,key,amount,at\ncharge,,1,{text}\n"), &mapping);
        lines.ok().and_then(|lines| lines[0].at)
    };
    for (text, pattern, expected) in [
        ("2026-11-20", "%Y-%m-%d", Some("2026-11-19T23:00:00Z")),
        (
            "2026-11-20 +0300",
            "%Y-%m-%d %z",
            Some("2026-11-19T21:00:00Z"),
        ),
        (
            "2026-11-20 09:30",
            "%Y-%m-%d %H:%M",
            Some("2026-11-20T08:30:00Z"),
        ),
        (
            "2026-11-20 09:30 -0200",
            "%Y-%m-%d %H:%M %z",
            Some("2026-11-20T11:30:00Z"),
        ),
        ("2026-11-20 09:30", "%Y-%m-%d %H:%M %z", None),
        ("1795167000", "%s", Some("2026-11-20T09:30:00Z")),
        ("2026-11-20 09", "%Y-%m-%d %H", None),
        ("2026-11-31", "%Y-%m-%d", None),
        ("2026-11-20 09:30", "%Y-%m-%d", None),
        ("09:30", "%H:%M", None),
    ] {
        let expected = expected.map(|it| it.parse().expect("a moment"));
        assert_eq!(at(text, pattern), expected, "{text} by {pattern}");
    }
}

#[test]
fn minor_units_are_the_providers() {
    let mut mapping = minimal().with_currency("ISK".parse().expect("a currency"));
    mapping.amounts = AmountFormat::Minor;
    let reader = ReportReader::new("kind,key,amount\ncharge,,500\n".as_bytes(), &mapping);
    let mut reader = reader.expect("opens").with_minor_units(MinorUnits::STRIPE);
    let line = reader.next().expect("a line").expect("reads");
    assert_eq!(line.amount.minor(), 5);
}

#[test]
fn limits_are_kept() {
    let wide = "a,".repeat(super::COLUMNS_MAX + 1);
    assert_eq!(
        refusal(&wide, &minimal()),
        "line 1: has more than 512 columns"
    );
    let open = format!(
        "kind,key,amount\ncharge,,\"{}",
        "1\n".repeat(super::ROW_MAX)
    );
    let told = refusal(&open, &minimal());
    assert!(told.contains("is longer than 65536 bytes"), "{told}");
    let many = format!("kind,key,amount\n{}", "charge,,1\n".repeat(100_000));
    assert_eq!(read(&many, &minimal()).expect("reads").len(), 100_000);
}

#[test]
fn a_mapping_is_data() {
    for mapping in [
        Mapping::sandbox(),
        Mapping::stripe("mp"),
        Mapping::wechat_pay(),
        minimal(),
    ] {
        let json = serde_json::to_string(&mapping).expect("is JSON");
        assert_eq!(
            serde_json::from_str::<Mapping>(&json).expect("reads"),
            mapping
        );
    }
    let unknown =
        r#"{"kind":"k","kinds":{},"amount":"a","currency":{"always":"EUR"},"amounnts":"minor"}"#;
    assert!(serde_json::from_str::<Mapping>(unknown).is_err());
}

/// Mappings whose every part may be wrong.
fn mappings() -> impl Strategy<Value = Mapping> {
    let known = prop_oneof![
        Just(Mapping::sandbox()),
        Just(Mapping::stripe("mp")),
        Just(Mapping::wechat_pay()),
        Just(minimal()),
    ];
    let formats = prop_oneof![
        Just(TimeFormat::UnixSeconds),
        Just(TimeFormat::Rfc3339),
        (".{0,8}", any::<i32>()).prop_map(|(pattern, offset)| TimeFormat::local(&pattern, offset)),
    ];
    (known, any::<char>(), any::<Option<char>>(), formats).prop_map(
        |(mut mapping, delimiter, quote, format)| {
            if delimiter.is_ascii() {
                (mapping.delimiter, mapping.quote) = (delimiter, quote);
            }
            mapping.time = mapping.time.map(|time| TimeOf { format, ..time });
            mapping
        },
    )
}

fn try_to_read(bytes: &[u8], mapping: &Mapping) {
    match ReportReader::new(bytes, mapping) {
        Ok(reader) => {
            let lines = reader.take(1_000).filter_map(Result::ok);
            lines.for_each(|line| assert!(line.number > 1));
        }
        Err(error) => assert!(!matches!(error.problem, Problem::Unreadable(_))),
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, mapping in mappings()) {
        try_to_read(&bytes, &mapping);
    }

    #[test]
    fn no_cells_make_it_panic(
        cells in prop::collection::vec(prop_oneof![
            "[-+0-9.,e'`\"]{0,24}", ".{0,12}",
            Just("charge".to_owned()), Just("EUR".to_owned()), Just(PAID.to_owned()),
        ], 15),
        broken in prop::option::of((any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut file = stripe(&cells.join(",")).into_bytes();
        if let Some((place, byte)) = broken {
            let place = place.index(file.len());
            file[place] = byte;
        }
        try_to_read(&file, &Mapping::stripe("mp"));
    }
}
