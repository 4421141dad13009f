/**
 * Node's `fetch` with the proxy from environment variables. Node 20's own `fetch` ignores these variables, so undici, which it is built on,
 * sends the request if a proxy is set.
 */
import type { EnvHttpProxyAgent, RequestInit as UndiciInit } from "undici";
import { SlmError } from "../errors/slm-error.js";

/** Requests to this machine never use a proxy, as in Go's `net/http`. */
const OWN_MACHINE = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/u;

/** Addresses of the proxies; empty if not set. */
interface Proxies {
  readonly httpProxy: string;
  readonly httpsProxy: string;
}

/** The agent for the proxies of the environment, with its open connections. */
let opened: { readonly key: string; readonly agent: EnvHttpProxyAgent } | undefined;

/**
 * Reads HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY, in upper or lower case. The http proxy is also used for https if no other proxy is set.
 *
 * @throws SlmError CONFIG_INVALID if the proxy is not an http or https address; errors of `fetch`
 */
export async function fetchByProxy(url: URL, init: RequestInit): Promise<Response> {
  const all = variable("ALL_PROXY");
  const proxies = { httpProxy: variable("HTTP_PROXY") || all, httpsProxy: variable("HTTPS_PROXY") || all };
  const isDirect = proxies.httpProxy === "" && proxies.httpsProxy === "";
  if (isDirect || OWN_MACHINE.test(url.hostname)) return fetch(url, init);
  const undici = await import("undici");
  const key = JSON.stringify(proxies);
  if (opened?.key !== key) opened = { key, agent: openAgent(undici.EnvHttpProxyAgent, proxies) };
  // Node uses its own copy of undici's classes.
  const options = { ...init, dispatcher: opened.agent } as unknown as UndiciInit;
  return (await undici.fetch(url, options)) as unknown as Response;
}

/** The error does not show the proxy, because its address can contain a password. */
function openAgent(Agent: typeof EnvHttpProxyAgent, proxies: Proxies): EnvHttpProxyAgent {
  const isRight = Object.values(proxies).every(
    (address: string) =>
      address === "" || (URL.canParse(address) && /^https?:$/u.test(new URL(address).protocol)),
  );
  if (isRight) return new Agent(proxies);
  throw new SlmError(
    "CONFIG_INVALID",
    "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY: expected an http or https address",
    {
      suggestions: ["export HTTPS_PROXY=http://proxy.example.org:3128"],
    },
  );
}

/** A variable of the environment; empty if it is not set. */
function variable(name: string): string {
  return process.env[name.toLowerCase()] || process.env[name] || "";
}
