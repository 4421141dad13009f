/**
 * Checks the `Host` header of requests. In a DNS rebinding attack, a web page's name points at this machine, and `Host` contains that name.
 * So a server on a loopback address accepts only names of this machine.
 */
import { BlockList, isIP } from "node:net";

/** Loopback addresses. Source: RFC 6890. */
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/**
 * Whether to answer a request with this `Host`.
 *
 * @param address the address that the server listens on
 * @param allowed further names, without ports; undefined: none on a loopback address, all names on other addresses
 */
export function hostFilter(
  address: string,
  allowed: readonly string[] | undefined,
): (host: string | undefined) => boolean {
  if (allowed === undefined && !isLoopback(address.toLowerCase())) return () => true;
  const names = new Set((allowed ?? []).map((name) => name.toLowerCase()));
  return (host) => {
    const name = nameOf(host ?? "");
    return name !== undefined && (isLoopback(name) || names.has(name));
  };
}

/** The name or address of a `Host` header, without its port; undefined for text that is neither. */
function nameOf(host: string): string | undefined {
  const { bracketed, plain } =
    /^(?:\[(?<bracketed>[^\]]+)\]|(?<plain>[^:[\]]+))(?::\d{1,5})?$/u.exec(host)?.groups ?? {};
  return (bracketed ?? plain)?.toLowerCase();
}

/** Whether a name or address, without brackets and port, is a loopback address. */
export function isLoopback(name: string): boolean {
  const version = isIP(name);
  if (version === 0) return name === "localhost";
  return LOOPBACK.check(name, version === 4 ? "ipv4" : "ipv6");
}
