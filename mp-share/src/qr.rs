//! [`Qr`]: a QR code of a link, as SVG or as text for a terminal.

use std::fmt;

use qrcode::{Color, EcLevel, QrCode, Version, render::svg, render::unicode::Dense1x2};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::ShareError;

/// The width of the light border that a reader needs around a QR code, in modules (ISO/IEC 18004).
pub const QUIET_ZONE: usize = 4;

/// How much of a QR code may be lost before it no longer reads (ISO/IEC 18004).
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Level M: 15 %, enough for a screen or a fresh print.
    #[default]
    Medium,
    /// Level Q: 25 %, for what is printed and wears, such as a code on a table.
    Quartile,
}

/// A QR code, in the smallest version that holds its text.
///
/// A text of capitals, digits and ` $%*+-./:` alone, such as a share link's URL, is written in the
/// alphanumeric mode at 5.5 bits a character.
///
/// ```
/// use mp_share::qr::{Correction, Qr};
///
/// let qr = Qr::of("HTTPS://M.EXAMPLE/", Correction::Medium)?;
/// assert_eq!((qr.version(), qr.width()), (1, 21));
/// assert!(qr.svg().contains("<svg"));
/// # Ok::<(), mp_share::ShareError>(())
/// ```
pub struct Qr(QrCode);

impl Qr {
    /// Encodes a text.
    ///
    /// # Errors
    ///
    /// [`ShareError::TooLongForQr`] if no version holds it.
    pub fn of(text: &str, correction: Correction) -> Result<Self, ShareError> {
        let level = match correction {
            Correction::Medium => EcLevel::M,
            Correction::Quartile => EcLevel::Q,
        };
        QrCode::with_error_correction_level(text, level)
            .map(Self)
            .map_err(|_| ShareError::TooLongForQr)
    }

    /// Returns the version, 1 to 40: with each, a side grows by four modules.
    #[must_use]
    pub fn version(&self) -> i16 {
        match self.0.version() {
            Version::Normal(number) | Version::Micro(number) => number,
        }
    }

    /// Returns how many modules a side has, the quiet zone left out.
    #[must_use]
    pub fn width(&self) -> usize {
        self.0.width()
    }

    /// Returns whether the module at column `x` and row `y` is dark; outside, none is.
    #[must_use]
    pub fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = x < self.width() && y < self.width();
        inside && self.0[(x, y)] == Color::Dark
    }

    /// Returns an SVG document, dark on white, with its quiet zone.
    #[must_use]
    pub fn svg(&self) -> String {
        self.0.render::<svg::Color<'_>>().quiet_zone(true).build()
    }

    /// Returns lines of half blocks for a terminal with light text on a dark ground, with the
    /// quiet zone.
    #[must_use]
    pub fn terminal(&self) -> String {
        // The renderer's "dark" is a printed block, which is light on a dark ground.
        self.0
            .render::<Dense1x2>()
            .dark_color(Dense1x2::Light)
            .light_color(Dense1x2::Dark)
            .quiet_zone(true)
            .build()
    }
}

impl fmt::Debug for Qr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Qr")
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
