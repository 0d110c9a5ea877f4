//! The rights that a [`Host`](mp_core::host::Host) asks for. A typed call asks only whose the thing is.

use mp_core::Scope;

/// The right to draw the QR codes of links.
pub const SHARE_READ: Scope = Scope::of("share:read");

/// The right to make links and to open them.
pub const SHARE_WRITE: Scope = Scope::of("share:write");

/// The right to see offers, groups and one's own part in them.
pub const GROUP_READ: Scope = Scope::of("group:read");

/// The right to open, join and leave groups.
pub const GROUP_WRITE: Scope = Scope::of("group:write");

/// The right to make offers, and to close one's own and call off their groups.
pub const GROUP_SELL: Scope = Scope::of("group:sell");
