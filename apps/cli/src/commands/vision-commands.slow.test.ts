/** A random vision-language model, from its shape to HTTP: every command accepts it and rejects images that it cannot read. */
import { copyFile, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { temporaryFolder } from "@slm/core/testing";
import { createCpuRuntime } from "@slm/runtime-node";
import { serveConfig, startServer, type RunningServer } from "@slm/serve";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { runCommand, type CommandOutcome } from "../testing/run-command.js";
import { SEEING_SHAPE } from "../testing/tiny-shape.js";

const FIXTURES = fileURLToPath(new URL("../../../../packages/vision/fixtures/", import.meta.url));
/** Of different formats and sizes. */
const PICTURES = ["colour.png", "grey.jpg", "lossless.webp", "plain.tif"] as const;

const root = temporaryFolder();
beforeAll(async () => {
  await mkdir(at("images"));
  for (const name of PICTURES) await copyFile(join(FIXTURES, "files", name), at("images", name));
  await writeRows("rows.jsonl", (picture) => ({ image: `images/${picture}` }));
  await made(
    "model:init",
    await written("shape.yaml", { ...SEEING_SHAPE, vision: { ...SEEING_SHAPE.vision, prompt: "?" } }),
    "-o",
    at("checkpoint"),
  );
  await made("export", at("checkpoint"), "-o", at("exported"));
});

const at = (...parts: readonly string[]): string => join(root, ...parts);
const picture = (at_ = 0): string => at("images", PICTURES[at_]!);

/** JSON is YAML. */
async function written(name: string, value: object): Promise<string> {
  await writeFile(at(name), JSON.stringify(value));
  return at(name);
}

async function writeRows(name: string, more: (picture: string, row: number) => object): Promise<string> {
  const rows = Array.from({ length: 16 }, (_, row) => {
    const source = ["ab", "c", "def", "ghij"][row % 4]!;
    const image = PICTURES[Math.floor(row / 4)]!;
    return { source, target: "A B", ...more(image, row) };
  });
  await writeFile(at(name), rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
  return at(name);
}

/** Commands without a flag for threads. */
const UNTHREADED: ReadonlySet<string> = new Set(["model:init", "verify", "analyze"]);

const run = (command: string, ...argv: readonly string[]): Promise<CommandOutcome> =>
  runCommand(command, [...argv, ...(UNTHREADED.has(command) ? [] : ["--threads", "1"]), "--json"]);

const outcomeSchema = z.object({
  result: z.record(z.string(), z.unknown()).optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
});

/** Result of a command that must succeed. */
async function made(command: string, ...argv: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
  const { json, exitCode } = await run(command, ...argv);
  const { result, error } = outcomeSchema.parse(json);
  if (result === undefined || exitCode !== 0) throw new Error(error?.message ?? `exit code ${exitCode}`);
  return result;
}

/** Exit code, error code and message of a command that must fail. */
async function rejected(command: string, ...argv: readonly string[]): Promise<string> {
  const { json, exitCode } = await run(command, ...argv);
  const { error } = outcomeSchema.parse(json);
  return `${exitCode} ${error?.code ?? "no error"}: ${error?.message ?? ""}`;
}

describe("a vision-language model", () => {
  test("is planned, exported and bundled with a separate graph for images", async () => {
    const { plan } = z
      .object({
        plan: z.object({ graphs: z.array(z.object({ file: z.string(), weightBytes: z.number() })) }),
      })
      .parse(await made("export", at("checkpoint"), "--dry-run"));
    expect(plan.graphs.map(({ file }) => file)).toEqual(["vision.onnx", "encoder.onnx", "decoder.onnx"]);
    expect(plan.graphs[0]!.weightBytes).toBeGreaterThan(30_000);
    await made("deploy", at("exported"), "--to", "dir", "-o", at("bundle"));
    expect(await made("verify", at("bundle"))).toMatchObject({ pass: true });
    const card = await readFile(at("bundle", "README.md"), "utf8");
    expect(card).toMatch(/tokens of an image\s*\|\s*8 /);
    expect(card).toContain("--image FILE");
  });

  test.each(["checkpoint", "exported", "bundle"])("%s answers questions about an image", async (model) => {
    const argv = [at(model), "--prompt", "ab", "--prompt", "cd", "--image"];
    const first = await made("generate", ...argv, picture(0));
    expect(first).toMatchObject({ prompt: "ab", imageMs: expect.any(Number) as unknown });
    expect((await made("generate", ...argv, picture(0)))["generations"]).toHaveLength(2);
    // The model's default question.
    expect(await made("generate", at(model), "--image", picture(1))).toMatchObject({ prompt: "?" });
  });

  test("is measured on rows with images, whose paths start from the file", async () => {
    const argv = [at("exported"), "--data", at("rows.jsonl"), "--metrics", "exactMatch,perplexity"];
    const result = await made("eval", ...argv, "-o", at("predictions.jsonl"));
    expect(result).toMatchObject({ n: 16 });
    const lines = (await readFile(at("predictions.jsonl"), "utf8")).trimEnd().split("\n");
    expect(JSON.parse(lines[5]!)).toMatchObject({ source: "c", image: "images/grey.jpg" });
  });

  test.each(["int8-dynamic", "int4-block", "int8-qdq"])(
    "is quantized to %s, with images for calibration and the gate",
    async (scheme) => {
      const rows = at("rows.jsonl");
      const argv = [
        "--scheme",
        scheme,
        "--calibration",
        rows,
        "--gate",
        "logitDivergence:0.5",
        "-o",
        at(scheme),
      ];
      const report = z
        .object({
          bytesBefore: z.number(),
          bytesAfter: z.number(),
          divergence: z.number().gt(0).lt(0.5),
          nodes: z.array(z.object({ graph: z.string(), name: z.string() })),
        })
        .parse(await made("quantize", at("exported"), ...argv));
      expect(report.bytesAfter).toBeLessThan(report.bytesBefore);
      const seen = report.nodes.filter(({ graph }) => graph === "vision").map(({ name }) => name);
      expect(seen.some((name) => name.includes("patch"))).toBe(true);
      const answer = await made("generate", at(scheme), "--image", picture(0), "--prompt", "ab");
      expect(answer).toMatchObject({ prompt: "ab" });
    },
    30_000,
  );

  test("does not support a decoder-only baseline", async () => {
    const argv = ["--data", at("rows.jsonl"), "--baseline", "decoder-only"];
    expect(await rejected("bench", at("exported"), ...argv)).toMatch(
      /^65 OP_UNSUPPORTED: bench: .* is a vision-language model/,
    );
  });
});

describe("an invalid image", () => {
  test("is rejected: no image, no file, corrupt files", async () => {
    const ask = ["generate", at("exported"), "--prompt", "ab"] as const;
    expect(await rejected(...ask)).toMatch(/^65 DATA_INVALID: generate: source 1 has no image/);
    expect(await rejected(...ask, "--image", at("none.png"))).toMatch(/^66 INPUT_MISSING: .*none.png/);
    for (const [file, reason] of [
      ["truncated.png", /corrupt or truncated png/],
      ["jpeg-2000.jp2", /it is JPEG 2000/],
      ["two-frames.gif", /has 2 frames/],
      ["drawing.svg", /not a supported image/],
    ] as const) {
      const told = await rejected(...ask, "--image", join(FIXTURES, "rejected", file));
      expect(told).toMatch(/^65 DATA_INVALID/);
      expect(told).toMatch(reason);
    }
  });

  test("rows without images, with paths outside their folder, or with missing images name the problem", async () => {
    const evaluate = [
      "eval",
      at("exported"),
      "--metrics",
      "exactMatch",
      "-o",
      at("p.jsonl"),
      "--data",
    ] as const;
    const without = await writeRows("without.jsonl", () => ({}));
    expect(await rejected(...evaluate, without)).toMatch(/^65 DATA_INVALID: .*has no image/);
    const outside = await writeRows("outside.jsonl", () => ({ image: "../rows.jsonl" }));
    expect(await rejected(...evaluate, outside)).toMatch(/^65 DATA_INVALID: .*'..' part/);
    await symlink(join(FIXTURES, "files", "colour.png"), at("link.png"));
    const linked = await writeRows("linked.jsonl", () => ({ image: "link.png" }));
    expect(await rejected(...evaluate, linked)).toMatch(/^65 DATA_INVALID: .*a link leads out/);
    const gone = await writeRows("gone.jsonl", () => ({ image: "gone.png" }));
    expect(await rejected(...evaluate, gone)).toMatch(/^66 INPUT_MISSING: .*gone.png/);
    expect(
      await rejected("quantize", at("exported"), "--scheme", "a8w8", "--calibration", without, "-o", at("q")),
    ).toMatch(/^65 DATA_INVALID: .*row 1 has no image/);
  });

  test("an image for a text model is rejected", async () => {
    await made(
      "model:init",
      await written("blind.yaml", { ...SEEING_SHAPE, vision: undefined }),
      "-o",
      at("blind"),
    );
    expect(await rejected("generate", at("blind"), "--prompt", "ab", "--image", picture())).toMatch(
      /^65 DATA_INVALID: .*the model reads only text/,
    );
  });
});

describe("slm serve", () => {
  let server: RunningServer;
  beforeAll(async () => {
    server = await startServer({
      config: serveConfig.parse({ port: 0, maxImageBytes: 4096, maxBodyBytes: 2048 }),
      bundle: at("exported"),
      openEngine: () => createCpuRuntime({ threads: 1 }),
    });
  });
  afterAll(async () => {
    await server.stop();
  });

  const post = async (path: string, body: object): Promise<{ status: number; json: unknown }> => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) });
    return { status: response.status, json: await response.json() };
  };
  const chat = (parts: readonly object[]): Promise<{ status: number; json: unknown }> =>
    post("/v1/chat/completions", { messages: [{ role: "user", content: parts }] });
  const base64 = async (name: string): Promise<string> =>
    (await readFile(join(FIXTURES, name))).toString("base64");
  const imagePart = (url: string): object => ({ type: "image_url", image_url: { url } });
  const text = { type: "text", text: "ab" };

  test("answers like generate, to OpenAI's image parts and to plain requests", async () => {
    const expected = (await made("generate", at("exported"), "--prompt", "ab", "--image", picture(0)))[
      "text"
    ];
    const image = await base64("files/colour.png");
    const { status, json } = await chat([text, imagePart(`data:image/png;base64,${image}`)]);
    expect([status, json]).toMatchObject([
      200,
      { choices: [{ message: { content: expected } }], usage: { prompt_tokens: 8 + 2 } },
    ]);
    const plain = await post("/generate", { source: ["ab", "cd"], image });
    expect(plain).toMatchObject({
      status: 200,
      json: { results: [{ text: expected, imageMs: expect.any(Number) as unknown }, {}] },
    });
    // The model's default question.
    expect(await chat([imagePart(`data:image/png;base64,${image}`)])).toMatchObject({ status: 200 });
    expect(await post("/generate", { image })).toMatchObject({ status: 200 });
  });

  test("rejects addresses, several images, missing images, other files, and images that are too large", async () => {
    const image = await base64("files/colour.png");
    const url = `data:image/png;base64,${image}`;
    const cases: readonly (readonly [Promise<{ status: number; json: unknown }>, number, string])[] = [
      [chat([text, imagePart("https://example.com/a.png")]), 400, "other URLs are not downloaded"],
      [chat([text, imagePart(url), imagePart(url)]), 400, "one image in a request"],
      [chat([text]), 400, "has no image"],
      [chat([text, imagePart("data:image/png;base64,AAAA")]), 400, "not a supported image"],
      [chat([text, imagePart(`${url}!`)]), 400, "not valid base64"],
      [post("/generate", { source: "ab", image: await base64("rejected/truncated.png") }), 400, "truncated"],
      [post("/generate", { source: "ab", image: "A".repeat(5600) }), 400, "more than 4096 bytes"],
      [post("/generate", { source: "ab", image: "A".repeat(10_000) }), 413, "too large"],
      [post("/v1/completions", { prompt: "ab" }), 400, "has no image"],
    ];
    for (const [answer, status, reason] of cases) {
      const got = await answer;
      expect([got.status, JSON.stringify(got.json)]).toEqual([status, expect.stringContaining(reason)]);
    }
  });
});
