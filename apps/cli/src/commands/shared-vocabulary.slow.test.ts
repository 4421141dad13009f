import { verifyDirectory } from "@slm/core";
import { readSafetensors } from "@slm/checkpoints";
import { loadTeachers } from "@slm/teacher";
import { createEagerEngine } from "@slm/tensor";
import { createTokenizer, readTokenizerFiles, tokenTexts } from "@slm/tokenizer";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import type { MadeTeacher } from "@slm/pipeline/stages/make-teacher";
import { writeExternalModel, type FamilyName } from "../testing/external-model.js";
import { runCommand } from "../testing/run-command.js";
import { tinyRecipe, writeTinyRecipe } from "@slm/pipeline/testing/tiny-run";

const root = temporaryFolder({ each: true });

const CHARACTERS = Array.from("abcdeABCDEWornifgs:.ĠĊ");
/** Merges that the words use and merges that they do not use. The parts of a merge precede it. */
const MERGED = ["ab", "ac", "bc", "de", "abc", "Wo", "rd", "Word", "ĠA", "ĠB", "ĠC", "ĠD", "ĠE", "dr", "gs"];
const PAIRS = [
  "a b",
  "a c",
  "b c",
  "d e",
  "ab c",
  "W o",
  "r d",
  "Wo rd",
  "Ġ A",
  "Ġ B",
  "Ġ C",
  "Ġ D",
  "Ġ E",
  "d r",
  "g s",
];
const MARKS = ["<pad>", "<s>", "</s>", "<turn>"];

/** A published model whose tokenizer has merges that the words of the tiny run do not use. */
async function writeModel(family: FamilyName): Promise<string> {
  const directory = join(root, family);
  await writeExternalModel(directory, family);
  const file = join(directory, "tokenizer.json");
  const written = JSON.parse(await readFile(file, "utf8")) as object;
  const vocab = Object.fromEntries([...MARKS, ...CHARACTERS, ...MERGED].map((token, id) => [token, id]));
  const added = MARKS.map((content, id) => ({ id, content, special: true }));
  const model = { type: "BPE", vocab, merges: PAIRS };
  await writeFile(file, JSON.stringify({ ...written, added_tokens: added, model }));
  return directory;
}

const prompt = { before: "Word: ", after: "\n" };
const KEEP = ["Word: {source}\n"];

function recipeFor(model: string, sections: object = {}, prune: object = { keep: KEEP }): Promise<string> {
  return writeTinyRecipe(root, {
    ...tinyRecipe(root),
    tokenizer: { kind: "pretrained", model, prune },
    teacher: { kind: "import", model, vocabulary: "run", prompt },
    ...sections,
  });
}

const manifestOf = async (directory: string): Promise<{ readonly details: object }> =>
  JSON.parse(await readFile(join(directory, "manifest.json"), "utf8")) as { readonly details: object };

describe("a run with a published model's tokenizer, pruned, and vocabulary: run", () => {
  // smollm2 has a separate output head; gemma3 scales its embedding.
  test.each<FamilyName>(["smollm2", "gemma3"])(
    "distils, exports, quantizes and deploys a student with its teacher's vocabulary (%s)",
    async (family) => {
      const model = await writeModel(family);
      const { distill } = tinyRecipe(root);
      const recipe = await recipeFor(model, {
        teacher: {
          kind: "import",
          model,
          vocabulary: "run",
          prompt,
          finetune: {
            steps: 2,
            warmupSteps: 1,
            evaluateEvery: 2,
            evaluateRows: 2,
            buckets: 1,
          },
        },
        cache: {},
        distill: { ...distill, targets: { onPolicyFraction: 0.4 } },
      });
      const out = join(root, "run");
      const { exitCode, stderr, json } = await runCommand("run", [recipe, "--out", out, "--json"]);
      expect(exitCode, `${stderr}${JSON.stringify(json)}`).toBe(0);
      expect(json).toMatchObject({ result: { deploy: expect.anything() as unknown } });

      const { details } = await manifestOf(join(out, "tokenizer"));
      expect(details).toMatchObject({ rows: 19, pruned: { vocabBefore: 41, keptShare: 1 } });
      const student = await readTokenizerFiles(join(out, "tokenizer"));
      const teacher = await readTokenizerFiles(join(out, "teacher"));
      expect(tokenTexts(student)).not.toContain("gs");
      expect(tokenTexts(student)).not.toContain("<turn>");
      expect(tokenTexts(student)).toContain("Word");
      expect(tokenTexts(teacher)).toEqual(tokenTexts(student));
      const [reads, spells] = [createTokenizer(teacher), createTokenizer(student)];
      expect(reads.encodeTarget("A B C")).toEqual(spells.encodeTarget("A B C"));
      expect(reads.decode(reads.encodeSource("abc"))).toBe("Word: abc");
      expect(spells.decode(spells.encodeSource("abc"))).toBe("abc");
      const made = (await manifestOf(join(out, "teacher"))).details as MadeTeacher;
      expect(made.vocab).toBe(spells.vocabularySize);
      expect(made.shared?.tokensPerSource.run).toBe(made.shared?.tokensPerSource.own);

      const bundle = join(out, "deploy");
      expect((await verifyDirectory(bundle)).problems).toEqual([]);
      for (const stage of ["distill", "export", "deploy"]) {
        const argv = [join(out, stage), "--prompt", "abcd", "--json"];
        expect(await runCommand("generate", argv), stage).toMatchObject({ exitCode: 0 });
      }
      const argv = [join(out, "teacher"), "--data", join(root, "test.jsonl"), "-o", join(root, "p.jsonl")];
      expect(await runCommand("teacher:eval", [...argv, "--metrics", "wer"])).toMatchObject({ exitCode: 0 });
    },
    240_000,
  );

  test.each<FamilyName>(["smollm2", "gemma3"])(
    "cuts the teacher's rows by the texts of tokens (%s)",
    async (family) => {
      const model = await writeModel(family);
      const { data } = tinyRecipe(root);
      const sections = { tokenizer: { kind: "pretrained", model, prune: { keep: KEEP } } };
      const whole = join(root, "whole");
      expect((await runCommand("teacher:import", [model, "-o", whole])).exitCode).toBe(0);
      const teachers = [
        { kind: "import", model, vocabulary: "run" },
        { kind: "checkpoint", path: whole, vocabulary: "run" },
      ];
      const tables: unknown[] = [];
      for (const [index, teacher] of teachers.entries()) {
        const recipe = await writeTinyRecipe(root, { data: data!, ...sections, teacher });
        const out = join(root, `run-${index}`);
        const { exitCode, stderr } = await runCommand("run", [recipe, "--out", out]);
        expect(exitCode, stderr).toBe(0);
        tables.push(await tokenRows(join(out, "teacher")));
      }
      const all = await tokenRows(whole);
      const kept = new Set(tables.flatMap((rows) => Object.keys(rows as object)));
      expect(kept.size).toBeLessThan(Object.keys(all).length - 30);
      const expected = Object.fromEntries(Object.entries(all).filter(([token]) => kept.has(token)));
      expect(tables).toEqual([expected, expected]);
    },
    60_000,
  );

  test("teaches with an ensemble whose members share the vocabulary and one prompt", async () => {
    const model = await writeModel("smollm2");
    const { data, distill } = tinyRecipe(root);
    const member = { kind: "import", model, vocabulary: "run", prompt };
    const run = async (second: object): ReturnType<typeof runCommand> => {
      const recipe = await writeTinyRecipe(root, {
        data: data!,
        tokenizer: { kind: "pretrained", model, prune: { keep: KEEP } },
        teacher: { kind: "ensemble", members: [member, second] },
        cache: { generate: "greedy" },
        distill: distill!,
      });
      return runCommand("run", [recipe, "--out", join(root, "run"), "--json"]);
    };
    const differs = await run({ ...member, prompt: { before: ": ", after: "\n" } });
    expect([differs.exitCode, differs.json]).toMatchObject([78, { error: { code: "CONFIG_INVALID" } }]);
    const { exitCode, stderr } = await run(member);
    expect(exitCode, stderr).toBe(0);
    const teacher = await readTokenizerFiles(join(root, "run", "teacher"));
    expect(teacher.config.source).toMatchObject(prompt);
  });

  test("rejects a prompt with a special token that was not kept, and says how to keep it", async () => {
    const model = await writeModel("smollm2");
    const turn = { before: "<turn>", after: "<turn>:" };
    const { data } = tinyRecipe(root);
    const teacher = { kind: "import", model, vocabulary: "run", prompt: turn };
    const sections = (prune: object): Readonly<Record<string, object>> => ({
      data: data!,
      tokenizer: { kind: "pretrained", model, prune },
      teacher,
    });
    const run = async (prune: object): ReturnType<typeof runCommand> =>
      runCommand("run", [await writeTinyRecipe(root, sections(prune)), "--out", join(root, "run"), "--json"]);
    const { exitCode, json } = await run({});
    expect([exitCode, json]).toMatchObject([78, { error: { context: { token: "<turn>" } } }]);
    expect(await run({ keep: ["<turn>{source}<turn>:"] })).toMatchObject({ exitCode: 0 });
  });

  // The student has its own letters. The teacher keeps the tokens of the words and of its prompt, including special tokens.
  test.each<FamilyName>(["smollm2", "gemma3"])(
    "prunes a teacher's vocabulary for a student with another tokenizer, and keeps the logits of the remaining tokens (%s)",
    async (family) => {
      const model = await writeModel(family);
      const { data } = tinyRecipe(root);
      const turn = { before: "<turn>", after: "<turn>\n" };
      const whole = join(root, "whole");
      expect((await runCommand("teacher:import", [model, "-o", whole])).exitCode).toBe(0);
      const logits: Readonly<Record<string, number>>[] = [];
      for (const [index, teacher] of [
        { kind: "import", model },
        { kind: "import", model, vocabulary: { prune: {} } },
        { kind: "checkpoint", path: whole, vocabulary: { prune: {} } },
      ].entries()) {
        const recipe = await writeTinyRecipe(root, {
          data: data!,
          tokenizer: { kind: "bpe", vocabularySize: 300 },
          teacher: { ...teacher, prompt: turn },
          cache: { distributions: "none", generate: "greedy" },
        });
        const out = join(root, `run-${index}`);
        const { exitCode, stderr } = await runCommand("run", [recipe, "--out", out]);
        expect(exitCode, stderr).toBe(0);
        const kept = await readTokenizerFiles(join(out, "teacher"));
        expect(tokenTexts(kept).includes("gs")).toBe(index === 0);
        expect(tokenTexts(kept)).toContain("<turn>");
        expect(kept.config.source).toMatchObject(turn);
        const made = (await manifestOf(join(out, "teacher"))).details as MadeTeacher;
        expect(made.pruned === undefined).toBe(index === 0);
        expect(await readdir(join(out, "teacher"))).not.toContain("whole");
        logits.push(await nextLogits(join(out, "teacher")));
      }
      const [expected, ...others] = logits;
      for (const other of others) {
        expect(Object.keys(other).length).toBeLessThan(Object.keys(expected!).length);
        for (const [token, value] of Object.entries(other))
          expect(value, token).toBeCloseTo(expected![token]!, 4);
      }
    },
    120_000,
  );

  test("rejects a run whose tokenizer has tokens that the teacher lacks, and names them", async () => {
    const model = await writeModel("smollm2");
    const { data } = tinyRecipe(root);
    const recipe = await writeTinyRecipe(root, {
      data: data!,
      tokenizer: { kind: "bpe", vocabularySize: 300 },
      teacher: { kind: "import", model, vocabulary: "run" },
    });
    const { exitCode, json } = await runCommand("run", [recipe, "--out", join(root, "run"), "--json"]);
    expect([exitCode, json]).toMatchObject([65, { error: { context: { token: "[pad]" } } }]);
  });
});

/** Rows of the embedding table and of the output head, if there is one, by token. */
async function tokenRows(directory: string): Promise<Readonly<Record<string, readonly number[]>>> {
  const { tensors } = await readSafetensors(join(directory, "model.safetensors"));
  const names = tokenTexts(await readTokenizerFiles(directory));
  const tables = ["embedding.weight", "head.weight"].flatMap((name) => tensors.get(name) ?? []);
  return Object.fromEntries(
    names.flatMap((token, id) =>
      token === undefined
        ? []
        : [
            [
              token,
              tables.flatMap(({ shape: [, width = 0], data }) =>
                Array.from((data as Float32Array).subarray(id * width, (id + 1) * width)),
              ),
            ],
          ],
    ),
  );
}

/** The teacher's predictions after a prompted source, by token. */
async function nextLogits(directory: string): Promise<Readonly<Record<string, number>>> {
  const files = await readTokenizerFiles(directory);
  const tokenizer = createTokenizer(files);
  const source = tokenizer.encodeSource("abc");
  const target = tokenizer.encodeTarget("A");
  const engine = await createEagerEngine("js");
  const teacher = await loadTeachers(engine, directory);
  const shape = { batch: 1, source: source.length, target: target.length + 1 };
  const { data } = await engine.download(await teacher.score([{ source, target }], shape));
  await teacher.close();
  return Object.fromEntries(
    tokenTexts(files).flatMap((token, id) => (token === undefined ? [] : [[token, Number(data[id])]])),
  );
}
