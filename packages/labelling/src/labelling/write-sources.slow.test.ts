import { mkdtemp, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SILENT } from "@slm/core";
import { createRandom } from "@slm/generation";
import { trainBpeTokenizer, createTokenizer } from "@slm/tokenizer";
import { createEagerEngine } from "@slm/tensor";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { madeUpTeacher } from "@slm/teacher/testing";
import { apiFileOf, writeApiFile } from "../api/api-file.js";
import type { CompletionOptions, Labeller } from "../labeller/labeller.js";
import { openLabeller } from "../teachers/open-labeller.js";
import { ApiFixture } from "../test-support/api-fixture.test-support.js";
import { chatAnswer } from "../test-support/fake-api.test-support.js";
import { localLabeller } from "../teachers/local-labeller.js";
import { jaccard, trigrams } from "../selection/similar-texts.js";
import { syntheticSourcesConfig } from "../config/synthetic-config.js";
import {
  roundName,
  writeRound,
  writeSources,
  type WriteRequest,
  type WritingMaker,
  type WrittenSources,
} from "./write-sources.js";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "write-sources-"));
});
afterEach(() => rm(root, { recursive: true }));

const train = [
  "play a song by adele",
  "turn off the kitchen light",
  "book a table for two",
  "what is the time",
];
const heldOut = { dev: ["play a song by queen"], test: ["set an alarm for six"] };

async function writeData(): Promise<void> {
  await mkdir(join(root, "data"), { recursive: true });
  for (const [split, sources] of Object.entries({ train, ...heldOut })) {
    const lines = sources.map((source) => `${JSON.stringify({ source, target: "X" })}\n`);
    await writeFile(join(root, "data", `${split}.jsonl`), lines.join(""));
  }
}

const WORDS = [
  "play",
  "open",
  "the",
  "a",
  "door",
  "song",
  "light",
  "for",
  "six",
  "queen",
  "now",
  "please",
  "find",
];

/** A writer of random words, now and then of a held-out source, of something too long, or of nothing. */
function writer(): Labeller & { readonly prompts: string[] } {
  const prompts: string[] = [];
  const special = [
    "",
    "two\nlines",
    "x".repeat(99),
    " set an alarm for six",
    "Play a song by Queen",
    train[0]!,
  ];
  return {
    name: "writer",
    identity: "writer",
    prompts,
    answer: () => Promise.reject(new Error("no answers")),
    complete: (given, { seed }: CompletionOptions) => {
      prompts.push(...given);
      const { next } = createRandom(seed);
      const pick = <T>(list: readonly T[]): T => list[Math.floor(next() * list.length)]!;
      return Promise.resolve(
        given.map(() =>
          next() < 0.3 ? pick(special) : Array.from({ length: 4 }, () => pick(WORDS)).join(" "),
        ),
      );
    },
    close: () => Promise.resolve(),
  };
}

async function write(changes: Partial<WriteRequest> = {}, settings: object = {}): Promise<WrittenSources> {
  await writeData();
  return writeSources({
    settings: syntheticSourcesConfig.parse({ sources: 300, examples: 3, ...settings }),
    labeller: writer(),
    dataDirectory: join(root, "data"),
    rounds: join(root, "rounds"),
    context: { progress: SILENT, signal: new AbortController().signal, seed: 1 },
    ...changes,
  });
}

describe(writeSources, () => {
  test("gives as many new sources as asked for, none similar to one of any split or to another one", async () => {
    const { sources, report } = await write();
    expect(sources).toHaveLength(300);
    const data = [...train, ...heldOut.dev, ...heldOut.test].map(trigrams);
    const grams = sources.map(trigrams);
    grams.forEach((one, index) => {
      for (const other of [...data, ...grams.slice(0, index)]) expect(jaccard(one, other)).toBeLessThan(0.7);
    });
    for (const { length } of sources) {
      expect(length).toBeGreaterThanOrEqual(16);
      expect(length).toBeLessThanOrEqual(26);
    }
    const { written, kept, unfinished, otherLength, similar } = report;
    expect(kept).toBe(300);
    expect(kept + unfinished + otherLength + similar).toBe(written);
    for (const count of [unfinished, otherLength, similar]) expect(count).toBeGreaterThan(0);
  });

  test("shows different training sources in every prompt, and nothing of dev or test", async () => {
    const labeller = writer();
    await write({ labeller }, { instruction: "Requests:\n\n", before: "* " });
    for (const prompt of labeller.prompts) {
      const [head, , ...lines] = prompt.split("\n");
      expect([head, lines.at(-1)]).toEqual(["Requests:", "*"]);
      const shown = lines.slice(0, -1).map((line) => line.slice(2));
      expect(new Set(shown).size).toBe(3);
      expect(shown.filter((source) => !train.includes(source))).toEqual([]);
    }
    expect(new Set(labeller.prompts).size).toBeGreaterThan(5);
  });

  test("interrupted and continued, gives the same sources and asks for no finished round again", async () => {
    const expected = await write();
    const controller = new AbortController();
    const plain = writer();
    let rounds = 0;
    const stopping: Labeller = {
      ...plain,
      complete: (prompts, options) => {
        rounds += 1;
        if (rounds === 2) controller.abort();
        return plain.complete!(prompts, options);
      },
    };
    const again = { rounds: join(root, "again") };
    const context = { progress: SILENT, signal: controller.signal, seed: 1 };
    await expect(write({ ...again, labeller: stopping, context })).rejects.toMatchObject({
      code: "INTERRUPTED",
    });
    expect(await readdir(again.rounds)).toHaveLength(2);
    const labeller = writer();
    expect(await write({ ...again, labeller })).toEqual(expected);
    expect(labeller.prompts.length).toBe(256 * ((await readdir(again.rounds)).length - 2));
  });

  test("written elsewhere, in any order, gives the same sources, and no round is written in vain", async () => {
    const settings = { sources: 600 };
    const expected = await write({}, settings);
    const labeller = writer();
    const waves: number[][] = [];
    const maker: WritingMaker = {
      make: async ({ rounds, accept, signal, seed }) => {
        waves.push(rounds.map(({ number }) => number));
        const context = { progress: SILENT, signal, seed };
        const given = {
          settings: syntheticSourcesConfig.parse({ ...settings, examples: 3 }),
          labeller,
          context,
        };
        for (const round of [...rounds].reverse()) {
          expect(roundName(given, round)).toBe(round.name);
          await accept(round.name, await writeRound(given, round));
        }
      },
    };
    const here: Labeller = { ...writer(), complete: () => Promise.reject(new Error("not here")) };
    const elsewhere = join(root, "elsewhere");
    expect(await write({ maker, labeller: here, rounds: elsewhere }, settings)).toEqual(expected);
    // 600 sources need three rounds of 256 prompts at least.
    expect(waves[0]).toEqual([0, 1, 2]);
    expect(waves.flat()).toEqual(waves.flat().map((_, number) => number));
    expect((await readdir(elsewhere)).sort()).toEqual((await readdir(join(root, "rounds"))).sort());
  });

  test("ends where the teacher brings nothing new, and rejects one that cannot write", async () => {
    const labeller: Labeller = {
      ...writer(),
      complete: (prompts) => Promise.resolve(prompts.map(() => "find the door now")),
    };
    const { sources, report } = await write({ labeller });
    expect(sources).toEqual(["find the door now"]);
    expect(report).toMatchObject({ kept: 1, written: 4 * 256 });
    await expect(write({ labeller: { ...writer(), complete: undefined } })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });
});

describe("completions", () => {
  const api = new ApiFixture();

  test("of a server are asked for without the task's prompt, and end at the given text", async () => {
    const prompt = { chat: true, system: "Answer.", before: "Request: ", after: "" };
    await writeApiFile(api.root, apiFileOf(api.settingsOf({ prompt }), []));
    api.api.answering = ({ asked }) =>
      chatAnswer(` ${asked.length}`, { finish: asked === "long" ? "length" : "stop" });
    const labeller = await openLabeller(api.root, {
      progress: SILENT,
      answersDirectory: api.answersDirectory,
    });
    const options = { temperature: 0.8, seed: 5, end: "\n", signal: new AbortController().signal };
    expect(await labeller!.complete!(["a", "long", "abc"], options)).toEqual(["1", "", "3"]);
    const bodies = api.api.calls.map(({ body }) => body);
    expect(bodies).toHaveLength(3);
    for (const body of bodies) {
      expect(body).toMatchObject({ stop: ["\n"], temperature: 0.8 });
      expect(body.messages).toHaveLength(1);
    }
    await labeller!.close();
  });

  test("of a local teacher begin after the text's last token and end at the first token of the end", async () => {
    const files = await trainBpeTokenizer([{ source: "ab", target: "cd" }], {
      vocabularySize: 260,
      minCount: 2,
      spaces: "apart",
      sourceLowercase: false,
    });
    const tokenizer = createTokenizer(files);
    const teacher = madeUpTeacher(await createEagerEngine("js"), {
      vocabularySize: tokenizer.vocabularySize,
    });
    const script = tokenizer.encodeTarget("xyz\n");
    const fed: number[][] = [];
    // Writes "xyz" and a line break, whatever it reads.
    const start: typeof teacher.start = (sources, { batch }) => {
      let step = 0;
      fed.push(...sources.map((source) => [...source]));
      return Promise.resolve({
        rows: batch,
        vocabularySize: tokenizer.vocabularySize,
        step: (tokens) => {
          if (step === 0) fed.push([...tokens].slice(0, sources.length));
          const logits = new Float32Array(batch * tokenizer.vocabularySize);
          for (let row = 0; row < batch; row++)
            logits[row * tokenizer.vocabularySize + script[step % script.length]!] = 100;
          step += 1;
          return Promise.resolve(logits);
        },
        permuteRows: () => Promise.resolve(),
      });
    };
    const labeller = localLabeller({
      name: "t",
      identity: "t",
      teacher: { ...teacher, start },
      tokenizer,
      plain: tokenizer,
      single: { kind: "greedy" },
      topK: undefined,
    });
    const options = { temperature: 1, seed: 1, end: "\n", signal: new AbortController().signal };
    expect(await labeller.complete!(["a-", "b-", "far too long to read-"], options)).toEqual([
      "xyz",
      "xyz",
      "",
    ]);
    const [a, b, dash] = ["a", "b", "-"].map((text) => tokenizer.encodeSource(text)[0]!);
    expect(fed).toEqual([[a], [b], [dash, dash]]);
  });
});
