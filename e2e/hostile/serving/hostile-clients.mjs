/**
 * A thread of hostile clients, so that making their requests does not delay those that are measured. Each client does one thing after
 * another, of every kind in turn, without a pause.
 */
import { setMaxListeners } from "node:events";
import http from "node:http";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { BODIES, CONNECTIONS, send } from "./hostile-kinds.mjs";

/**
 * How often each status was answered, by kind of client.
 *
 * @typedef {Record<string, Record<string, number>>} Statuses
 */

/**
 * Starts clients.
 *
 * @param kinds names of what they do
 * @returns a function that stops them and gives their statuses by kind. What is not answered `graceSeconds` later is given up.
 */
export function startHostile(
  /** @type {string} */ url,
  /** @type {number} */ clients,
  /** @type {string[]} */ kinds,
) {
  const thread = new Worker(new URL(import.meta.url), { workerData: { url, clients, kinds } });
  /** @type {Promise<never>} */
  const failed = new Promise((_, reject) => thread.on("error", reject));
  failed.catch(() => undefined);
  return async (/** @type {number} */ graceSeconds) => {
    /** @type {Promise<Statuses>} */
    const told = new Promise((resolve) => thread.once("message", resolve));
    thread.postMessage(graceSeconds);
    const statuses = await Promise.race([told, failed]);
    await thread.terminate();
    return statuses;
  };
}

async function work(/** @type {import("node:worker_threads").MessagePort} */ port) {
  /** @type {{ url: string, clients: number, kinds: string[] }} */
  const { url, clients, kinds } = workerData;
  /** @type {Statuses} */
  const statuses = {};
  let isOver = false;
  let round = 0;
  const givingUp = new AbortController();
  const { signal } = givingUp;
  setMaxListeners(0, signal);
  const one = (/** @type {string} */ kind, /** @type {http.Agent} */ agent) => {
    const body = BODIES[kind]?.(++round);
    return body === undefined ? CONNECTIONS[kind]?.(url) : send(url, body, { agent, signal });
  };
  const all = Array.from({ length: clients }, async (_, client) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let next = client; !isOver; next++) {
      const kind = kinds[next % kinds.length] ?? "";
      const status = String(await one(kind, agent));
      const own = (statuses[kind] ??= {});
      own[status] = (own[status] ?? 0) + 1;
    }
    agent.destroy();
  });
  port.once("message", async (/** @type {number} */ graceSeconds) => {
    isOver = true;
    const timer = setTimeout(() => givingUp.abort(), graceSeconds * 1000);
    await Promise.all(all);
    clearTimeout(timer);
    port.postMessage(statuses);
  });
}

if (!isMainThread && parentPort !== null && workerData?.clients !== undefined) await work(parentPort);
