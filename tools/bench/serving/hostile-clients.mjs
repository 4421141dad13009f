/**
 * A thread of hostile clients, so that making their requests does not delay those that are measured. Each client does one thing after
 * another, of every kind in turn, without a pause.
 */
import { setMaxListeners } from "node:events";
import http from "node:http";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { BODIES, CONNECTIONS, send } from "./hostile-kinds.mjs";

/**
 * Starts clients.
 *
 * @param kinds names of what they do
 * @returns a function that stops them and gives their statuses by kind. What is not answered `graceSeconds` later is given up.
 */
export function startHostile(url, /** @type {number} */ clients, /** @type {string[]} */ kinds) {
  const thread = new Worker(new URL(import.meta.url), { workerData: { url, clients, kinds } });
  const failed = new Promise((_, reject) => thread.on("error", reject));
  failed.catch(() => undefined);
  return async (graceSeconds) => {
    const told = new Promise((resolve) => thread.once("message", resolve));
    thread.postMessage(graceSeconds);
    const statuses = await Promise.race([told, failed]);
    await thread.terminate();
    return statuses;
  };
}

async function work() {
  const { url, clients, kinds } = workerData;
  const statuses = {};
  let isOver = false;
  let round = 0;
  const givingUp = new AbortController();
  const { signal } = givingUp;
  setMaxListeners(0, signal);
  const one = (kind, /** @type {http.Agent} */ agent) =>
    kind in BODIES ? send(url, BODIES[kind](++round), { agent, signal }) : CONNECTIONS[kind](url);
  const all = Array.from({ length: clients }, async (_, client) => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (let next = client; !isOver; next++) {
      const kind = kinds[next % kinds.length];
      const status = await one(kind, agent);
      const own = (statuses[kind] ??= {});
      own[status] = (own[status] ?? 0) + 1;
    }
    agent.destroy();
  });
  parentPort.once("message", async (graceSeconds) => {
    isOver = true;
    const timer = setTimeout(() => givingUp.abort(), graceSeconds * 1000);
    await Promise.all(all);
    clearTimeout(timer);
    parentPort.postMessage(statuses);
  });
}

if (!isMainThread && workerData?.clients !== undefined) await work();
