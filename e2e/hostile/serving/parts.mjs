/** What is measured: one function per part, which returns its numbers and whether each limit was kept. */
import http from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { answersAlone, load, PROMPTS } from "./good-clients.mjs";
import { startHostile } from "./hostile-clients.mjs";
import { BODIES, CONNECTIONS } from "./hostile-kinds.mjs";
import { failures, quantile, startServer, watchCpu, watchMemory } from "./server.mjs";

/** Requests of hostile clients that run alongside good ones: every kind except 64 long answers, which are ordinary work. */
const { logprobs: _logprobs, sampling: _sampling, ...ATTACKS } = { ...BODIES, ...CONNECTIONS };

/** Asks for /health again and again. @returns a function that stops and gives the times and what failed */
function probeHealth(
  /** @type {string} */ url,
  /** @type {{ everyMs: number, keepAlive: boolean }} */ { everyMs, keepAlive },
) {
  const agent = new http.Agent({ keepAlive, maxSockets: keepAlive ? 1 : Infinity });
  /** @type {number[]} */
  const times = [];
  let failed = 0;
  let isOver = false;
  const done = (async () => {
    while (!isOver) {
      const began = performance.now();
      const status = await new Promise((resolve) => {
        const request = http.get(`${url}/health`, { agent }, (response) => {
          response.resume();
          response.on("end", () => resolve(response.statusCode));
        });
        request.on("error", () => resolve("broken"));
      });
      times.push(performance.now() - began);
      if (status !== 200) failed++;
      await sleep(everyMs);
    }
  })();
  return async () => {
    isOver = true;
    await done;
    agent.destroy();
    return { asked: times.length, failed, p99Ms: quantile(times, 0.99), worstMs: quantile(times, 1) };
  };
}

const onlyRejected = (/** @type {import("./hostile-clients.mjs").Statuses} */ statuses) =>
  Object.values(statuses).every((own) => Object.keys(own).every((status) => !/^5(?!03)/.test(status)));

/** Worst /health while eight clients send bodies of one kind, and of all kinds. */
export async function eventLoop(
  /** @type {string} */ bundle,
  /** @type {{ seconds: number, grace: number, kinds: string[] }} */ { seconds, grace, kinds: chosen },
) {
  const server = await startServer(bundle);
  await load(server.url, { count: 4, seconds: 1, expected: await answersAlone(server.url, PROMPTS) });
  const quiet = probeHealth(server.url, { everyMs: 5, keepAlive: true });
  await sleep(1000 * seconds);
  const idle = await quiet();
  /** @type {Record<string, { worstMs: number, statuses: import("./hostile-clients.mjs").Statuses }>} */
  const kinds = {};
  const rounds = [...chosen.map((kind) => ({ name: kind, list: [kind] })), { name: "all", list: chosen }];
  for (const { name, list } of rounds) {
    const stopProbe = probeHealth(server.url, { everyMs: 5, keepAlive: true });
    const stopHostile = startHostile(server.url, 8, list);
    await sleep(1000 * seconds);
    const health = await stopProbe();
    kinds[name] = { ...health, statuses: await stopHostile(grace) };
    process.stderr.write(`  ${name}: worst /health ${health.worstMs} ms\n`);
  }
  const internal = await failures(server.url);
  await server.stop();
  const worstMs = Math.max(...Object.values(kinds).map((kind) => kind.worstMs));
  return {
    result: { idleWorstMs: idle.worstMs, worstMs, kinds, answersOf5xx: internal },
    pass: { "worst /health at most 100 ms": worstMs <= 100, "no answer of 500": internal === 0 },
  };
}

/** Measures good clients alone, and together with hostile ones. */
export async function company(
  /** @type {string} */ bundle,
  /** @type {{ seconds: number, grace: number, connections: number, hostile: number }} */
  { seconds, grace, connections, hostile },
) {
  const server = await startServer(bundle);
  const { url } = server;
  const expected = await answersAlone(url, PROMPTS);
  await load(url, { count: connections, seconds: Math.max(1, seconds / 4), expected });
  const cpuAlone = await watchCpu(server.pid);
  // A collection of garbage may come at any moment of a load: one reading of the memory would say when, not how much is kept.
  const memoryAlone = watchMemory(server.pid);
  const alone = { ...(await load(url, { count: connections, seconds, expected })), cpu: await cpuAlone() };
  const { median: before } = await memoryAlone();
  const stopHostile = startHostile(url, hostile, Object.keys(ATTACKS));
  const cpuBeside = await watchCpu(server.pid);
  const memoryBeside = watchMemory(server.pid);
  const beside = { ...(await load(url, { count: connections, seconds, expected })), cpu: await cpuBeside() };
  const { largest: during } = await memoryBeside();
  const statuses = await stopHostile(grace);
  // Threads that were only needed for hostile requests end when they have been idle for ten seconds.
  await sleep(1000 * Math.min(20, 2 * seconds));
  const memoryAfter = watchMemory(server.pid);
  await load(url, { count: connections, seconds: Math.max(1, seconds / 2), expected });
  const { median: after } = await memoryAfter();
  const internal = await failures(url);
  const { exit } = await server.stop();
  const ratio = Number((beside.p99Ms / alone.p99Ms).toFixed(2));
  const growth = Number((after / before - 1).toFixed(3));
  const statusesOf = [alone, beside].flatMap((part) => Object.keys(part.statuses));
  return {
    result: {
      connections,
      hostile,
      seconds,
      alone,
      beside,
      p99Ratio: ratio,
      memory: { beforeBytes: before, duringBytes: during, afterBytes: after, growth },
      hostileStatuses: statuses,
      answersOf5xx: internal,
      story: server.story().slice(0, 2000),
    },
    pass: {
      "no wrong answer": alone.wrongAnswers + beside.wrongAnswers === 0,
      "no error but 4xx":
        statusesOf.every((status) => status === "200" || /^4/.test(status)) && onlyRejected(statuses),
      "no answer of 500": internal === 0,
      "p99 at most twice": ratio <= 2,
      "memory within 20 %": growth <= 0.2,
      "exit 0": exit === 0,
    },
  };
}

/** Half-open connections against a server with few descriptors. */
export async function halfOpen(
  /** @type {string} */ bundle,
  /** @type {{ sockets: number, seconds: number }} */ { sockets, seconds },
) {
  const server = await startServer(bundle, { openFiles: 1024 });
  const { hostname, port } = new URL(server.url);
  const open = [];
  const stopProbe = probeHealth(server.url, { everyMs: 20, keepAlive: false });
  /** @type {number[]} */
  const closedAfter = [];
  for (let at = 0; at < sockets; at++) {
    const socket = connect({ host: hostname, port: Number(port) });
    const began = performance.now();
    // The end of a connection is seen only by who reads it.
    socket.resume();
    socket.on("error", () => undefined);
    socket.on("close", () => closedAfter.push(performance.now() - began));
    if (at % 2 === 0) socket.write("GET /health HTTP/1.1\r\nHost:");
    open.push(socket);
    if (at % 100 === 99) await sleep(10);
  }
  await sleep(1000 * seconds);
  const health = await stopProbe();
  const waited = performance.now();
  while (closedAfter.length < sockets && performance.now() - waited < 20_000) await sleep(50);
  const closed = closedAfter.length;
  const longestSeconds = Number(
    (closedAfter.reduce((most, one) => Math.max(most, one), 0) / 1000).toFixed(2),
  );
  for (const socket of open) socket.destroy();
  const { exit } = await server.stop();
  return {
    result: { sockets, openFiles: 1024, health, closed, longestSeconds },
    pass: {
      "/health p99 under 1 s": health.p99Ms < 1000 && health.failed === 0,
      "all closed within the header timeout of 10 s, and 1 s": closed === sockets && longestSeconds <= 11,
      "exit 0": exit === 0,
    },
  };
}

/** What SIGTERM finds, and how long the server may take with `--drain 2`. */
const DRAIN_SECONDS = 2;
const SITUATIONS = {
  idle: [],
  rejectedStreams: ["rejectedStream"],
  halfOpen: ["halfOpen", "halfHeaders"],
  slowBodies: ["slowBody"],
  slowReaders: ["slowReader"],
  schemas: ["ambiguous", "wideEnum"],
  bodies: ["spaces", "numbers"],
  everything: [...Object.keys(BODIES), ...Object.keys(CONNECTIONS)],
};

export async function shutdown(
  /** @type {string} */ bundle,
  /** @type {{ grace: number, rounds: number, clients: number }} */ { grace, rounds, clients },
) {
  /** @type {Record<string, { exit: number | string | null, seconds: number }>} */
  const situations = {};
  for (const [name, kinds] of Object.entries(SITUATIONS)) {
    const server = await startServer(bundle, { flags: ["--drain", String(DRAIN_SECONDS)] });
    const stopHostile = kinds.length === 0 ? undefined : startHostile(server.url, 8, kinds);
    await sleep(500);
    situations[name] = await server.stop();
    await stopHostile?.(grace);
  }
  const keepAlive = [];
  for (let round = 0; round < rounds; round++) keepAlive.push(await keepAliveRound(bundle, clients));
  const resets = keepAlive.reduce((sum, { reset }) => sum + reset, 0);
  const slowest = Math.max(...Object.values(situations).map(({ seconds }) => seconds));
  return {
    result: {
      drainSeconds: DRAIN_SECONDS,
      situations,
      slowestSeconds: slowest,
      keepAlive: { rounds, clients, resets, outcomes: keepAlive },
    },
    pass: {
      "ends within drain + 1 s": slowest <= DRAIN_SECONDS + 1,
      "exit 0": [...Object.values(situations), ...keepAlive].every(({ exit }) => exit === 0),
      "no reset": resets === 0,
    },
  };
}

/** Clients that ask again and again over one connection each, until the server says that it closes. */
async function keepAliveRound(/** @type {string} */ bundle, /** @type {number} */ clients) {
  const server = await startServer(bundle);
  const counts = { toldToClose: 0, refused: 0, reset: 0 };
  const all = Array.from({ length: clients }, async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    let isLast = false;
    while (!isLast) {
      isLast = await new Promise((resolve) => {
        const headers = { "content-type": "application/json" };
        const request = http.request(
          `${server.url}/v1/completions`,
          { agent, method: "POST", headers },
          (response) => {
            response.resume();
            response.on("end", () => {
              if (response.headers.connection !== "close") return resolve(false);
              counts.toldToClose++;
              resolve(true);
            });
          },
        );
        request.on("error", (/** @type {NodeJS.ErrnoException} */ { code }) => {
          counts[code === "ECONNREFUSED" ? "refused" : "reset"]++;
          resolve(true);
        });
        request.end('{"prompt":"abc","max_tokens":2}');
      });
    }
    agent.destroy();
  });
  await sleep(400);
  const ended = await server.stop();
  await Promise.all(all);
  return { ...counts, ...ended };
}

/** Which names in `Host` are answered on a loopback address. */
export async function hosts(/** @type {string} */ bundle) {
  const server = await startServer(bundle);
  /** @returns {Promise<number | undefined>} */
  const statusOf = (/** @type {string} */ host) =>
    new Promise((resolve) => {
      http.get(`${server.url}/health`, { headers: { host } }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
    });
  /** @type {Record<string, number | undefined>} */
  const answered = {};
  for (const host of ["localhost", "127.0.0.1:80", "[::1]:80", "evil.example", "127.0.0.1.evil.example"])
    answered[host] = await statusOf(host);
  await server.stop();
  const right = Object.entries(answered).every(
    ([host, status]) => status === (host.includes("evil") ? 403 : 200),
  );
  return { result: { answered }, pass: { "names of this machine alone": right } };
}
