/// The first four digits that payment cards are issued with, from and to, and by whom. Which they are says
/// [Wikipedia's list](https://en.wikipedia.org/wiki/Payment_card_number#Issuer_identification_number_(IIN)).
///
/// UATP's, which is for air travel and begins with a 1, is left out: so does every other number that
/// counts up.
const ISSUED: [(u32, u32); 14] = [
    // Mir
    (2200, 2204),
    // Mastercard
    (2221, 2720),
    // Diners Club
    (3000, 3059),
    (3095, 3095),
    (3600, 3699),
    (3800, 3999),
    // American Express
    (3400, 3499),
    (3700, 3799),
    // JCB
    (3528, 3589),
    // Visa
    (4000, 4999),
    // Maestro, Mastercard, Discover, UnionPay, RuPay
    (5000, 6999),
    // RuPay, UnionPay
    (8100, 8299),
    // Uzcard, Humo
    (8600, 8600),
    (9860, 9860),
];

/// Returns whether a text is a card's number, perhaps in groups: 12 to 19 digits that begin as issued
/// ones do and whose last one checks (ISO/IEC 7812-1, annex B: the Luhn formula).
pub(super) fn is_card_number(text: &str) -> bool {
    let apart = |c: char| c == '-' || c == '.' || c == '_';
    let digits: Option<Vec<u32>> = text
        .chars()
        .filter(|c| !apart(*c))
        .map(|c| c.to_digit(10))
        .collect();
    digits.is_some_and(|digits| {
        (12..=19).contains(&digits.len()) && is_issued(&digits) && luhn(&digits).is_multiple_of(10)
    })
}

fn is_issued(digits: &[u32]) -> bool {
    let first = digits.iter().take(4).fold(0, |sum, digit| sum * 10 + digit);
    ISSUED
        .iter()
        .any(|(from, to)| (*from..=*to).contains(&first))
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
