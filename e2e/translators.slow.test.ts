/**
 * Multilingual translation models with the languages of each request set through the library, commands and the server. Fixtures:
 * packages/checkpoints/fixtures/tiny-translators.py, with torch 2.8.0 and transformers 4.57.1.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { openGraphModel, type Generation, type Model } from "@slm/inference";
import type { Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { serveConfig, startServer } from "@slm/serve";
import { loadTokenizer } from "@slm/tokenizer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../apps/cli/src/testing/run-command.js";

const FIXTURES = join(import.meta.dirname, "../packages/checkpoints/fixtures/translators");
const FAMILIES = ["nllb", "m2m_100", "mbart", "mbart-50"] as const;

interface Row {
  readonly text: string;
  readonly languages: readonly [string, string];
  /** Ids from the decoder's first input on, with padding at the end. */
  readonly greedy: readonly number[];
  readonly beams: readonly number[];
}

const root = temporaryFolder();
let runtime: Runtime;
beforeAll(async () => {
  runtime = await createCpuRuntime({ threads: 1 });
});
afterAll(async () => {
  await runtime.close();
});

const NEW = 10;

describe.each(FAMILIES)("a tiny %s", (family) => {
  const model = (): string => join(root, `${family}-cpu`);
  let rows: readonly Row[];
  let generator: Model;
  let eos: number;
  beforeAll(async () => {
    const text = await readFile(join(FIXTURES, family, "expected.json"), "utf8");
    ({ rows } = JSON.parse(text) as { readonly rows: readonly Row[] });
    const imported = join(root, family);
    await runCommand("import", [join(FIXTURES, family), "-o", imported, "--max-source", "60", "--json"]);
    await runCommand("export", [imported, "-o", model(), "--json"]);
    generator = await openGraphModel(model(), runtime);
    ({ eos } = generator.description.tokens);
  });
  afterAll(() => generator.close());

  /** Ids of an answer, EOS included, as the library lists them after the decoder's first input. */
  const idsOf = ({ tokens, finished }: Generation): readonly number[] =>
    finished ? [...tokens, eos] : tokens;
  const expectedOf = (ids: readonly number[]): readonly number[] => {
    const end = ids.indexOf(eos, 1);
    return ids.slice(1, end === -1 ? undefined : end + 1);
  };
  const asked = (): { readonly text: string; readonly languages: { source: string; target: string } }[] =>
    rows.map(({ text, languages: [source, target] }) => ({ text, languages: { source, target } }));

  test("answers in the language of each row of one batch, as its own library", async () => {
    const answers = await generator.generate(asked(), { maxTokens: NEW });
    expect(answers.map(idsOf)).toEqual(rows.map(({ greedy }) => expectedOf(greedy)));
    expect(new Set(answers.slice(0, 4).map(({ tokens }) => String(tokens))).size).toBe(4);
    const strategy = { kind: "beam", beams: 4, lengthPenalty: 1 } as const;
    const found = await generator.generate(asked(), { maxTokens: NEW, strategy });
    expect(found.map(idsOf)).toEqual(rows.map(({ beams }) => expectedOf(beams)));
  });

  test("answers each of several requests in its language, and is evaluated in the requested one", async () => {
    const tokenizer = await loadTokenizer(model());
    const texts = rows.map(({ greedy }) => tokenizer.decode(expectedOf(greedy)));
    const server = await startServer({
      config: serveConfig.parse({ port: 0 }),
      bundle: model(),
      openEngine: () => createCpuRuntime({ threads: 1 }),
    });
    const asking = rows.map(async ({ text, languages: [source_language, target_language] }) => {
      const response = await fetch(`${server.url}/v1/completions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prompt: text, max_tokens: NEW, source_language, target_language }),
      });
      return ((await response.json()) as { choices: { text: string }[] }).choices[0]!.text;
    });
    const answers = await Promise.all(asking);
    await server.stop();
    expect(answers).toEqual(texts);
    const [{ text, languages }] = rows as [Row];
    const [{ text: target }] = (await generator.generate(asked().slice(0, 1))) as [Generation];
    const data = join(root, `${family}.jsonl`);
    await writeFile(data, JSON.stringify({ source: text, target }));
    const argv = [model(), "--data", data, "--metrics", "exactMatch", "-o", `${data}.out`, "--json"];
    const flags = ["--source-language", languages[0], "--target-language", languages[1]];
    const scored = await runCommand("eval", [...argv, ...flags]);
    expect(scored.json).toMatchObject({ result: { metrics: { exactMatch: 1 } } });
  });
});
