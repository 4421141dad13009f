/**
 * Which names a request may address. A web page whose name an attacker points at this machine (DNS rebinding) sends its own name in
 * `Host`, so a server on a loopback address answers only to names of this machine.
 */
import { BlockList, isIP } from "node:net";

/** Addresses of this machine alone. Source: RFC 6890. */
const LOOPBACK = new BlockList();
LOOPBACK.addSubnet("127.0.0.0", 8, "ipv4");
LOOPBACK.addAddress("::1", "ipv6");

/**
 * Whether a request with this `Host` is answered.
 *
 * @param address the address that the server listens on
 * @param allowed further names, without ports; undefined: none on a loopback address, every name on another one
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

/** Whether a name or address, without brackets and port, is of this machine alone. */
export function isLoopback(name: string): boolean {
  const version = isIP(name);
  if (version === 0) return name === "localhost";
  return LOOPBACK.check(name, version === 4 ? "ipv4" : "ipv6");
}
