/**
 * Node's `fetch`, by way of the proxy that the environment names. Node 20's own knows none, so undici, which it is made of, is asked where
 * there is one.
 */
import type { Dispatcher, RequestInit as UndiciInit } from "undici";
import { SlmError } from "../errors/slm-error.js";

/** Never asked by way of a proxy: servers on this machine, as Go's `net/http` has it. */
const OWN_MACHINE = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/u;

/** A proxy and the connections to it. */
let opened: { readonly address: string; readonly dispatcher: Dispatcher } | undefined;

/**
 * Reads: HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, in capitals or not.
 *
 * @throws SlmError CONFIG_INVALID for a proxy that is no address; what `fetch` throws
 */
export async function fetchByProxy(url: URL, init: RequestInit): Promise<Response> {
  const address = await proxyOf(url);
  if (address === "") return fetch(url, init);
  const undici = await import("undici");
  if (opened?.address !== address) opened = { address, dispatcher: new undici.ProxyAgent(address) };
  // Two copies of the same classes: Node has one of its own.
  const options = { ...init, dispatcher: opened.dispatcher } as unknown as UndiciInit;
  return (await undici.fetch(url, options)) as unknown as Response;
}

/** The proxy of an address; empty for none. The error does not show the proxy: it may hold a password. */
async function proxyOf(url: URL): Promise<string> {
  if (OWN_MACHINE.test(url.hostname)) return "";
  const { getProxyForUrl } = await import("proxy-from-env");
  const address = getProxyForUrl(url.href);
  if (address === "" || (URL.canParse(address) && /^https?:$/u.test(new URL(address).protocol)))
    return address;
  const name = `${url.protocol === "https:" ? "HTTPS" : "HTTP"}_PROXY`;
  throw new SlmError("CONFIG_INVALID", `${name} or ALL_PROXY: expected an http or https address`, {
    suggestions: [`export ${name}=http://proxy.example.org:3128`],
  });
}
