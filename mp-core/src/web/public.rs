use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Returns whether an address is one of the public internet, so that a server may call it although
/// somebody else has chosen the name that led there.
///
/// False for everything that [IANA's registry for IPv4][v4] or [for IPv6][v6] sets apart: loopback,
/// private and link-local networks (and so the metadata services of clouds), carriers' own, multicast,
/// documentation, benchmarking, relays of 6to4 and Teredo. An IPv4 address inside an IPv6 one (mapped,
/// RFC 4291 §2.5.5.2, or behind NAT64, RFC 6052 §2.1) is judged as itself.
///
/// A name can lead elsewhere a moment later (DNS rebinding). So a client resolves the name once, asks
/// this of each address that it got, and connects to one of these addresses without resolving again;
/// and does so anew for every redirect.
///
/// [v4]: https://www.iana.org/assignments/iana-ipv4-special-registry
/// [v6]: https://www.iana.org/assignments/iana-ipv6-special-registry
///
/// ```
/// use mp_core::web::is_public;
///
/// assert!(is_public([9, 9, 9, 9].into()));
/// assert!(!is_public([169, 254, 169, 254].into()));
/// assert!(!is_public("::ffff:10.0.0.1".parse()?));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => match inside(address) {
            Some(address) => is_public_v4(address),
            None => is_public_v6(address),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let among = |(network, length): &([u8; 4], u32)| {
        let shift = 32 - length;
        address.to_bits() >> shift == Ipv4Addr::from(*network).to_bits() >> shift
    };
    !APART_V4.iter().any(among)
}

/// Only 2000::/3 is handed out to the public at all (RFC 4291 §2.4), and not all of it.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let within = |network: Ipv6Addr, length: u32| {
        let shift = 128 - length;
        address.to_bits() >> shift == network.to_bits() >> shift
    };
    let handed_out = within(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
    handed_out
        && !APART_V6
            .iter()
            .any(|(network, length)| within(*network, *length))
}

/// Returns the IPv4 address that an IPv6 one stands for: mapped, or by NAT64's well-known prefix.
fn inside(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            let [.., a, b, c, d] = address.octets();
            Some(Ipv4Addr::new(a, b, c, d))
        }
        _ => None,
    }
}

const APART_V4: [([u8; 4], u32); 16] = [
    ([0, 0, 0, 0], 8),          // this network (RFC 791)
    ([10, 0, 0, 0], 8),         // private (RFC 1918)
    ([100, 64, 0, 0], 10),      // carriers' own (RFC 6598)
    ([127, 0, 0, 0], 8),        // loopback (RFC 1122)
    ([169, 254, 0, 0], 16),     // link-local (RFC 3927)
    ([172, 16, 0, 0], 12),      // private (RFC 1918)
    ([192, 0, 0, 0], 24),       // protocol assignments (RFC 6890)
    ([192, 0, 2, 0], 24),       // documentation (RFC 5737)
    ([192, 88, 99, 0], 24),     // relays of 6to4 (RFC 7526)
    ([192, 168, 0, 0], 16),     // private (RFC 1918)
    ([198, 18, 0, 0], 15),      // benchmarking (RFC 2544)
    ([198, 51, 100, 0], 24),    // documentation (RFC 5737)
    ([203, 0, 113, 0], 24),     // documentation (RFC 5737)
    ([224, 0, 0, 0], 4),        // multicast (RFC 5771)
    ([240, 0, 0, 0], 4),        // reserved (RFC 1112)
    ([255, 255, 255, 255], 32), // broadcast (RFC 919)
];

const APART_V6: [(Ipv6Addr, u32); 4] = [
    // Protocol assignments, among them Teredo (RFC 4380), which carries IPv4 addresses.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    // Documentation (RFC 3849).
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4 (RFC 3056), which carries IPv4 addresses.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    // Documentation (RFC 9637).
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn public(text: &str) -> bool {
        is_public(text.parse().unwrap())
    }

    #[test]
    fn what_is_handed_out_to_the_public_is_public() {
        for text in [
            "1.1.1.1",
            "9.9.9.9",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2000::",
            "2001:200::1",
            "2606:4700:4700::1111",
            "2a00::1",
            "3ffe:ffff::1",
            "::ffff:1.1.1.1",
            "64:ff9b::9.9.9.9",
        ] {
            assert!(public(text), "{text}");
        }
    }

    #[test]
    fn what_is_set_apart_is_not() {
        for text in [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.0",
            "169.254.169.254",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::1.1.1.1",
            "100::1",
            "2001::1",
            "2001:0:4136:e378::1",
            "2001:db8::1",
            "2001:1ff:ffff::",
            "2002:7f00:1::1",
            "2002:909:909::1",
            "3fff::1",
            "3fff:fff:ffff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "1fff:ffff::1",
            "4000::1",
        ] {
            assert!(!public(text), "{text}");
        }
    }
}
