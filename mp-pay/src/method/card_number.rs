use std::ops::RangeInclusive;

/// What payment cards are issued with: the first four digits, from and to, and how many digits there are.
/// Which they are says
/// [Wikipedia's list](https://en.wikipedia.org/wiki/Payment_card_number#Issuer_identification_number_(IIN)).
/// Where lengths are not sure, all are taken: of what has a length that no card has, telephone numbers
/// above all, nothing is refused.
///
/// UATP's, which is for air travel and begins with a 1, is left out: so does every other number that
/// counts up.
const ISSUED: [(u32, u32, &[RangeInclusive<usize>]); 16] = [
    // Mir
    (2200, 2204, &[16..=19]),
    // Mastercard
    (2221, 2720, &[16..=16]),
    // Diners Club
    (3000, 3059, &[14..=19]),
    (3095, 3095, &[14..=19]),
    (3600, 3699, &[14..=19]),
    (3800, 3999, &[14..=19]),
    // American Express
    (3400, 3499, &[15..=15]),
    (3700, 3799, &[15..=15]),
    // JCB
    (3528, 3589, &[16..=19]),
    // Visa
    (4000, 4999, &[13..=13, 16..=16, 19..=19]),
    // Maestro
    (5000, 5099, &[12..=19]),
    // Mastercard
    (5100, 5599, &[16..=16]),
    // Maestro, Discover, UnionPay, RuPay
    (5600, 6999, &[12..=19]),
    // RuPay, UnionPay
    (8100, 8299, &[12..=19]),
    // Uzcard, Humo
    (8600, 8600, &[12..=19]),
    (9860, 9860, &[12..=19]),
];

/// Returns whether a text is a card's number, perhaps in groups: digits that begin as issued ones do, are as
/// many as of those, and whose last one checks (ISO/IEC 7812-1, annex B: the Luhn formula).
pub(super) fn is_card_number(text: &str) -> bool {
    let apart = |c: char| c == '-' || c == '.' || c == '_';
    let digits: Option<Vec<u32>> = text
        .chars()
        .filter(|c| !apart(*c))
        .map(|c| c.to_digit(10))
        .collect();
    digits.is_some_and(|digits| is_issued(&digits) && luhn(&digits).is_multiple_of(10))
}

fn is_issued(digits: &[u32]) -> bool {
    let first = digits.iter().take(4).fold(0, |sum, digit| sum * 10 + digit);
    ISSUED.iter().any(|(from, to, lengths)| {
        (*from..=*to).contains(&first) && lengths.iter().any(|it| it.contains(&digits.len()))
    })
}

/// Returns the sum of the digits, every second one from the right doubled, digit by digit.
fn luhn(digits: &[u32]) -> u32 {
    let weighed = |(at, digit): (usize, &u32)| match (at % 2, digit * 2) {
        (0, _) => *digit,
        (_, doubled @ 0..=9) => doubled,
        (_, doubled) => doubled - 9,
    };
    digits.iter().rev().enumerate().map(weighed).sum()
}
