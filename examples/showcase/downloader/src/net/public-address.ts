import { BlockList, isIP } from "node:net";

/** Ranges that are not public: this machine, its network, and reserved addresses (RFC 6890 and successors). */
const reserved = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const) {
  reserved.addSubnet(network, bits, "ipv4");
}

/** Ranges of IPv6 that are not public although they are in 2000::/3: reserved addresses, and those that contain an IPv4 address. */
const globalV6 = new BlockList();
globalV6.addSubnet("2000::", 3, "ipv6");
const reservedV6 = new BlockList();
for (const [network, bits] of [
  ["2001::", 23], // Teredo and other special purposes
  ["2001:db8::", 32],
  ["2002::", 16], // 6to4, which contains an IPv4 address
  ["3fff::", 20],
] as const) {
  reservedV6.addSubnet(network, bits, "ipv6");
}

/** Returns true if an IP address is public. All other text is not. */
export function isPublicAddress(address: string): boolean {
  switch (isIP(address)) {
    case 4:
      return !reserved.check(address, "ipv4");
    case 6:
      return globalV6.check(address, "ipv6") && !reservedV6.check(address, "ipv6");
    default:
      return false;
  }
}
