/**
 * Mutated bundles, archives, manifests, registry answers and HTTP requests: nothing may be written outside the target, nothing
 * may crash, and every rejection must be one of slm's own errors.
 *
 *   npm run build && nice -n 10 node tools/fuzz/bundles.mjs [--cases 5000] [--seed 1] [--bundle DIRECTORY]
 *     [--progress FILE] [--only NUMBER]
 *
 * Prints how each case ended; exit 1 at the first that breaks the rules, with what reproduces it. Every case draws from a seed of
 * its own, so that `--only` repeats one, and a run that was stopped goes on from what `--progress` holds. Files lie in memory
 * where the system has a place for that: bundles are written through to the disk, which takes most of the time elsewhere.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { cp, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  copyBundle,
  packBundle,
  parseOciReference,
  pullBundle,
  pushBundle,
  unpackBundle,
  verifyBundle,
} from "../../packages/deploy/dist/index.js";
import { writeArtifact } from "../../packages/core/dist/index.js";
import { createRandom } from "../../packages/generation/dist/index.js";
import { SlmError } from "../../packages/core/dist/index.js";

const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "5000" },
    seed: { type: "string", default: "1" },
    bundle: { type: "string" },
    progress: { type: "string" },
    only: { type: "string" },
  },
});
const cases = Number(values.cases);
const seed = Number(values.seed);
/** Cases of one seed that no other seed draws. */
const SEED_STRIDE = 1_000_003;
let random = createRandom(seed);
const startCase = (number) => {
  random = createRandom((seed * SEED_STRIDE + number) >>> 0);
};
const below = (limit) => Math.floor(random.next() * limit);
const pick = (list) => list[below(list.length)];

const root = await mkdtemp(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "slm-fuzz-"));
const bundle = join(root, "bundle");
const bench = join(root, "bench");
const PATHS = [
  "../escape",
  "/escape",
  "a/../../escape",
  "C:\\escape",
  "onnx/../x",
  "",
  ".",
  "manifest.json",
  "x".repeat(5000),
  "a\0b",
  "README.md",
];
const VALUES = [null, -1, 1e300, 2 ** 53, "", "x", [], {}, true, ...PATHS];

await writeArtifact(
  { directory: bundle, kind: "bundle", key: "k", inputs: [], settings: {}, origins: {}, seed: 1 },
  async (work) => {
    await mkdir(join(work, "onnx"));
    await writeFile(join(work, "README.md"), "# fuzz\n");
    await writeFile(join(work, "decoder.onnx"), Buffer.alloc(3000, 7));
    await writeFile(join(work, "onnx", "encoder.onnx"), Buffer.alloc(513, 8));
    return {};
  },
);
await rm(`${bundle}.lock`, { recursive: true, force: true });
await packBundle(bundle, join(root, "bundle.slm"));
const archive = await readFile(join(root, "bundle.slm"));
const manifest = JSON.parse(await readFile(join(bundle, "manifest.json"), "utf8"));

/** Some bytes changed, cut out, doubled or put in. */
function mutateBytes(bytes) {
  let changed = Buffer.from(bytes);
  for (let edits = 1 + below(4); edits > 0 && changed.length > 0; edits--) {
    const at = below(changed.length);
    const size = pick([1, 8, 512, 1024]);
    const [head, cut, tail] = [
      changed.subarray(0, at),
      changed.subarray(at, at + size),
      changed.subarray(at + size),
    ];
    changed = pick([
      () => Buffer.concat([head, Buffer.from([below(256)]), changed.subarray(at + 1)]),
      () => Buffer.concat([head, tail]),
      () => Buffer.concat([head, cut, cut, tail]),
      () => Buffer.from(head),
      () => Buffer.concat([head, Buffer.from(pick(PATHS)), tail]),
    ])();
  }
  return changed;
}

/** A header's field replaced and its checksum made right again: past the first check. */
function forgeHeader(bytes) {
  const changed = Buffer.from(bytes);
  const headers = [];
  for (let at = 0; at + 512 <= changed.length; at += 512)
    if (changed.toString("latin1", at + 257, at + 262) === "ustar") headers.push(at);
  const at = pick(headers);
  const [offset, length, texts] = pick([
    [0, 100, PATHS],
    [124, 12, ["77777777777", "00000000000", "-0000000001", "00000001000", "zzz"]],
    [156, 1, ["1", "2", "3", "4", "5", "6", "x", "g", "L", "S", "\0"]],
    [345, 155, ["..", "/", "a/..", "x"]],
  ]);
  changed.fill(0, at + offset, at + offset + length);
  changed.write(pick(texts).slice(0, length), at + offset, length, "latin1");
  changed.fill(" ", at + 148, at + 156);
  const sum = changed.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
  changed.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148);
  return changed;
}

/** One value somewhere in a document replaced, removed or doubled. */
function mutateJson(value) {
  const copy = structuredClone(value);
  let at = copy;
  for (;;) {
    const keys = Object.keys(at);
    if (keys.length === 0) return copy;
    const key = pick(keys);
    if (typeof at[key] === "object" && at[key] !== null && below(4) > 0) {
      at = at[key];
      continue;
    }
    if (below(5) === 0) {
      if (Array.isArray(at)) at.push(structuredClone(at[key]));
      else delete at[key];
    } else at[key] = pick(VALUES);
    return copy;
  }
}

const mutatedManifest = () =>
  below(2) === 0 ? mutateBytes(JSON.stringify(manifest)) : Buffer.from(JSON.stringify(mutateJson(manifest)));

let registry;
const registryHost = await new Promise((resolve) => {
  const blobs = new Map();
  registry = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const name = new URL(request.url, "http://x").pathname.split("/").at(-1);
    if (request.method === "POST") return response.writeHead(202, { location: `${request.url}1` }).end();
    if (request.method === "PUT") {
      blobs.set(new URL(request.url, "http://x").searchParams.get("digest") ?? name, Buffer.concat(chunks));
      return response.writeHead(201).end();
    }
    const found = registry.change?.(name, blobs.get(name)) ?? blobs.get(name);
    if (found === undefined) return response.writeHead(404).end();
    response.writeHead(200).end(request.method === "HEAD" ? undefined : found);
  }).listen(0, "127.0.0.1", () => resolve(`127.0.0.1:${registry.address().port}`));
});
const reference = parseOciReference(`${registryHost}/fuzz/model:1`);
await pushBundle(bundle, reference);

const KINDS = {
  archive: async (target) => {
    await writeFile(join(bench, "in.slm"), below(2) === 0 ? mutateBytes(archive) : forgeHeader(archive));
    await unpackBundle(join(bench, "in.slm"), target);
  },
  manifest: async (target) => {
    const from = join(bench, "in");
    await cp(bundle, from, { recursive: true });
    await writeFile(join(from, "manifest.json"), mutatedManifest());
    const { problems } = await verifyBundle(from);
    if (problems.length > 0) throw new SlmError("DATA_INVALID", "rejected by verify");
    await copyBundle(from, target);
  },
  directory: async (target) => {
    const from = join(bench, "in");
    await cp(bundle, from, { recursive: true });
    const name = pick(["README.md", "decoder.onnx", "manifest.json", "onnx", "extra", "onnx/extra"]);
    await rm(join(from, name), { recursive: true, force: true });
    if (below(2) === 0) await symlink(pick(["/etc/passwd", "../../bundle", "."]), join(from, name));
    else await writeFile(join(from, name), Buffer.alloc(below(2000)));
    await copyBundle(from, target);
  },
  registry: async (target) => {
    const victim = below(3);
    let asked = 0;
    registry.change = (_name, bytes) => {
      if (asked++ !== victim || bytes === undefined) return undefined;
      const text = bytes.toString();
      return text.startsWith("{") && below(2) === 0
        ? Buffer.from(JSON.stringify(mutateJson(JSON.parse(text))))
        : mutateBytes(bytes);
    };
    await pullBundle(reference, target);
  },
};

const done = await readProgress();
const counts = done.counts;

/** What a run with the same seed has finished. */
async function readProgress() {
  const fresh = { seed, next: 0, counts: {} };
  if (values.progress === undefined || !existsSync(values.progress)) return fresh;
  const held = JSON.parse(await readFile(values.progress, "utf8"));
  return held.seed === seed ? held : fresh;
}

/** Cases between two notes of how far the run is. */
const NOTE_EVERY = 100;
async function note(next) {
  if (values.progress === undefined) return;
  if (next % NOTE_EVERY === 0 || next === cases)
    await writeFile(values.progress, JSON.stringify({ seed, next, counts }));
}

const count = (kind, outcome) => {
  counts[kind] ??= {};
  counts[kind][outcome] = (counts[kind][outcome] ?? 0) + 1;
};
function broken(kind, number, problem) {
  process.stdout.write(`case ${number} (${kind}, seed ${values.seed}): ${problem}\n`);
  process.exit(1);
}

const before = (await readdir(root)).sort().join();
const fileCases = Math.floor(cases * 0.8);
const [firstCase, lastCase] =
  values.only === undefined ? [done.next, fileCases] : [Number(values.only), Number(values.only) + 1];
for (let number = firstCase; number < Math.min(lastCase, fileCases); number++) {
  startCase(number);
  const kind = Object.keys(KINDS)[number % 4];
  await mkdir(bench);
  const target = join(bench, "target");
  let outcome = "accepted";
  try {
    await KINDS[kind](target);
  } catch (error) {
    if (!(error instanceof SlmError) || error.code === "UNEXPECTED")
      broken(kind, number, error?.stack ?? String(error));
    if (error.message.length < 10) broken(kind, number, `an unclear rejection: ${error.message}`);
    outcome = error.code;
  }
  const left = (await readdir(bench)).filter(
    (name) => !["in", "in.slm", "target"].includes(name) && !name.includes(".lock"),
  );
  const isThere = (await readdir(bench)).includes("target");
  if (left.length > 0) broken(kind, number, `left behind ${left.join()}`);
  if (isThere !== (outcome === "accepted"))
    broken(kind, number, `${outcome}, but the target is ${isThere ? "there" : "missing"}`);
  if (isThere && (await verifyBundle(target)).problems.length > 0)
    broken(kind, number, "accepted what does not verify");
  await rm(bench, { recursive: true });
  const now = (await readdir(root)).sort().join();
  if (now !== before) broken(kind, number, `written outside: ${now}`);
  count(kind, outcome);
  await note(number + 1);
}

/** Raw requests to a server: each gets an answer or a closed connection, and the server goes on. */
if (values.bundle !== undefined && values.only === undefined) {
  const bin = join(import.meta.dirname, "..", "..", "apps", "cli", "bin", "run.js");
  const server = spawn(
    process.execPath,
    [bin, "serve", values.bundle, "--port", "0", "--threads", "1", "--timeout", "5"],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  let story = "";
  const url = await new Promise((resolve, reject) => {
    server.on("exit", (code) =>
      reject(new Error(`the server ended with ${code} before it listened: ${story}`)),
    );
    server.stderr.on("data", (chunk) => {
      story += chunk;
      const found = /http:\/\/\S+/.exec(story)?.[0];
      if (found !== undefined) resolve(new URL(found));
    });
  });
  const request = (number) => {
    startCase(number);
    const path = pick([
      "/generate",
      "/v1/completions",
      "/v1/chat/completions",
      "/health",
      "/admin/reload",
      "/metrics",
      "/x",
    ]);
    const body = JSON.stringify(
      mutateJson({
        prompt: "abc",
        source: ["abc", "de"],
        messages: [{ role: "user", content: "abc" }],
        max_tokens: 3,
        stream: below(2) === 0,
      }),
    );
    const text =
      `${pick(["POST", "GET", "PUT", "POST", "POST"])} ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
    return below(2) === 0 ? Buffer.from(text) : mutateBytes(text);
  };
  const send = (bytes) =>
    new Promise((resolve) => {
      let answer = "";
      const socket = net.connect(Number(url.port), url.hostname, () => socket.write(bytes));
      socket.setTimeout(400, () => socket.destroy());
      socket.on("data", (chunk) => (answer += chunk));
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? "closed"));
    });
  for (let number = Math.max(fileCases, done.next); number < cases;) {
    const batch = Array.from({ length: Math.min(20, cases - number) }, (_, at) => request(number + at));
    number += batch.length;
    for (const status of await Promise.all(batch.map(send))) {
      if (status === "500") broken("http", number, `the server failed: ${story}`);
      count("http", status);
    }
    if (server.exitCode !== null) broken("http", number, `the server ended: ${story}`);
    await note(number);
  }
  const health = await fetch(new URL("/health", url));
  const { active, waiting } = await health.json();
  if (health.status !== 200 || active + waiting !== 0)
    broken("http", cases, `after all: ${health.status}, ${active} active, ${waiting} waiting`);
  const ended = new Promise((resolve) => server.on("exit", resolve));
  server.kill("SIGTERM");
  if ((await ended) !== 0) broken("http", cases, "the server did not end well");
}
registry.closeAllConnections();
registry.close();
await rm(root, { recursive: true, force: true });
process.stdout.write(
  `${JSON.stringify(
    {
      cases: Object.values(counts)
        .flatMap(Object.values)
        .reduce((a, b) => a + b, 0),
      seed,
      counts,
    },
    null,
    2,
  )}\n`,
);
