/** Jobs and results of workers, which anyone with write access to Redis can change. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalJson } from "@slm/core";
import {
  JOB_PROCESS_VARIABLE,
  serveJobs,
} from "../../../../packages/extension-workers/src/queue/job-body.ts";
import { outcomeOf } from "../../../../packages/extension-workers/src/queue/job-outcome.ts";
import {
  signatureOf,
  WORKER_KEY_VARIABLE,
} from "../../../../packages/extension-workers/src/queue/job-signature.ts";

export const longest = 2 ** 13;

const KEY = "a key of the fuzzer, of more than 32 characters";
const RUN = "label-0123456789abcdef";
const [KIND, ID] = ["label-block", `${RUN}-block-0`];
const JOB = { run: RUN, inputs: { rows: { bytes: 3, sha256: "0".repeat(64) } }, settings: { budget: "b" } };
const RESULT = { outputs: { rows: { bytes: 3, sha256: "0".repeat(64) } }, facts: {}, units: 1, seconds: 1 };

const signed = (/** @type {"job" | "result"} */ part, /** @type {Record<string, unknown>} */ body) =>
  signatureOf(KEY, { part, kind: KIND, id: ID, body });
/** All bodies that the key has signed. A worker and a run must reject everything else. */
const KNOWN = new Set([JOB, RESULT].map((body) => canonicalJson(body)));

export const seeds = () =>
  [
    { job: { ...JOB, signature: signed("job", JOB) } },
    { job: JOB },
    { ended: { returnvalue: { ...RESULT, signature: signed("result", RESULT) } } },
    { ended: { finishedOn: 1, failedReason: "[DATA_INVALID] a reason" } },
  ].map((one) => JSON.stringify(one));

export async function open() {
  const root = await mkdtemp(join(tmpdir(), "slm-fuzz-worker-"));
  const allowed = { commands: false, apiKeys: [] };
  const given = { storage: root, scratch: join(root, "scratch"), threads: 1, redis: "redis://127.0.0.1" };
  process.env[JOB_PROCESS_VARIABLE] = JSON.stringify({ ...given, allowed });
  process.env[WORKER_KEY_VARIABLE] = KEY;
  const done = { jobs: 0 };
  const serve = serveJobs({
    [KIND]: () => {
      done.jobs += 1;
      return Promise.resolve({ outputs: {}, facts: {}, units: 0 });
    },
  });
  /** Throws if a body was accepted that the key has not signed. */
  const requireKnown = (/** @type {unknown} */ body) => {
    const { signature: _, ...rest } = /** @type {Record<string, unknown>} */ (body);
    if (!KNOWN.has(canonicalJson(rest)))
      throw new Error(`accepted ${JSON.stringify(rest)}, which is not signed`);
  };
  return async (/** @type {Uint8Array} */ bytes) => {
    /** @type {unknown} */
    let value;
    try {
      value = JSON.parse(Buffer.from(bytes).toString("utf8"));
    } catch {
      return;
    }
    const { job, ended } = /** @type {{ job?: unknown, ended?: object }} */ (Object(value));
    done.jobs = 0;
    try {
      await serve({ id: ID, name: KIND, data: job }, undefined, undefined);
    } catch (error) {
      // BullMQ stores the reason: it must be an ordinary error with a short text.
      if (!(error instanceof Error) || error.message.length > 1000) throw error;
    }
    if (done.jobs > 0) requireKnown(job);
    if (ended === undefined) return;
    const { failedReason = "" } = /** @type {{ failedReason?: unknown }} */ (ended);
    // Fields of a Redis hash are texts.
    if (typeof failedReason !== "string") return;
    const outcome = outcomeOf(KEY, /** @type {any} */ ({ ...ended, id: ID, name: KIND }));
    if (outcome.result !== undefined) requireKnown(outcome.result);
  };
}
