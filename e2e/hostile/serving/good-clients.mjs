/** Clients of `slm serve` that ask for answers, over connections that stay open. */
import http from "node:http";
import { quantile } from "./server.mjs";

export const PROMPTS = ["abc", "deb", "cab", "bed", "cede", "added", "decade"];

/**
 * @typedef {{ status: number | string | undefined, text: string, ms: number }} Answered
 * @typedef {ReadonlyMap<string, string>} Expected
 */

/** One request. @returns status, text of the answer and milliseconds */
function ask(/** @type {string} */ url, /** @type {http.Agent} */ agent, /** @type {string} */ prompt) {
  const body = JSON.stringify({ prompt });
  const began = performance.now();
  /** @type {Promise<Answered>} */
  const answered = new Promise((resolve) => {
    const finish = (/** @type {number | string | undefined} */ status, /** @type {string} */ text) =>
      resolve({ status, text, ms: performance.now() - began });
    const broken = (/** @type {NodeJS.ErrnoException} */ error) => finish(error.code ?? "broken", "");
    const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
    const request = http.request(`${url}/v1/completions`, { agent, method: "POST", headers }, (response) => {
      let text = "";
      response.on("data", (chunk) => (text += chunk));
      response.on("end", () => finish(response.statusCode, text));
      response.on("error", broken);
    });
    request.on("error", broken);
    request.end(body);
  });
  return answered;
}

/** @returns {string} */
const answerIn = (/** @type {Answered} */ { text }) => JSON.parse(text).choices[0].text;

/** The right answers: each prompt asked alone. @returns {Promise<Expected>} */
export async function answersAlone(/** @type {string} */ url, /** @type {readonly string[]} */ prompts) {
  const agent = new http.Agent({ keepAlive: true });
  const expected = new Map();
  for (const prompt of prompts) expected.set(prompt, answerIn(await ask(url, agent, prompt)));
  agent.destroy();
  return expected;
}

/** Keeps `count` connections busy with the prompts of the right answers. */
export async function load(
  /** @type {string} */ url,
  /** @type {{ count: number, seconds: number, expected: Expected }} */ { count, seconds, expected },
) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: count });
  const prompts = [...expected.keys()];
  const until = performance.now() + seconds * 1000;
  /** @type {Record<string, number>} */
  const statuses = {};
  /** @type {number[]} */
  const times = [];
  let wrongAnswers = 0;
  await Promise.all(
    Array.from({ length: count }, async (_, at) => {
      for (let next = at; performance.now() < until; next += count) {
        const prompt = prompts[next % prompts.length] ?? "";
        const answer = await ask(url, agent, prompt);
        const status = String(answer.status);
        statuses[status] = (statuses[status] ?? 0) + 1;
        if (answer.status !== 200) continue;
        times.push(answer.ms);
        if (answerIn(answer) !== expected.get(prompt)) wrongAnswers++;
      }
    }),
  );
  agent.destroy();
  const at = (/** @type {number} */ share) => quantile(times, share);
  const latency = { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
  return { statuses, wrongAnswers, answersPerSecond: times.length / seconds, ...latency };
}
