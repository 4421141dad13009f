/** A student of the quick start's shape on a Cortex-M4 without an operating system, which QEMU emulates. */
import { execFileSync } from "node:child_process";
import { copyFile, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { compileModel, PortableModel, readModule, writeCFiles } from "@slm/c-export";
import { createRandom } from "@slm/generation";
import { encoderDecoderConfig, initializeWeights } from "@slm/model";
import { expect, test } from "vitest";
import { STRICT } from "./builds.test-support.js";

const BOARD = join(import.meta.dirname, "cortex-m");
const CORE = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16", "-O2"];
const LINKED = ["-ffunction-sections", "-nostartfiles", "--specs=nano.specs", "-Wl,--gc-sections"];
const MACHINE = ["-M", "mps2-an386", "-icount", "shift=0", "-display", "none", "-serial", "none"];
/** Its semihosting prints to stdout. */
const CONSOLE = ["-monitor", "none", "-chardev", "stdio,id=out", "-semihosting-config"];

/** Most instructions for a token that is read or written. int8 takes 1.5 million, int4 1.7. */
const MOST_INSTRUCTIONS = 2_000_000;

/** The quick start's student: 0.63 million weights. */
const config = encoderDecoderConfig.parse({
  architecture: "encoder-decoder",
  width: 96,
  heads: 4,
  kvHeads: 4,
  headDim: 24,
  feedForward: 384,
  encoderLayers: 3,
  decoderLayers: 2,
  bias: false,
  maxSource: 40,
  maxTarget: 40,
  vocabularySize: 70,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
});

const folder = temporaryFolder();

test.each(["int8", "int4"] as const)("an %s student answers with the tokens of WebAssembly", async (form) => {
  const random = createRandom(11);
  const compiled = compileModel({ config, weights: initializeWeights(config, random.next) }, form);
  const model = await PortableModel.open(await readModule(), compiled);
  const sources = [5, 12].map((length) => Array.from({ length }, () => 4 + Math.floor(random.next() * 60)));
  const expected = sources.map((source) => greedy(model, source));

  const directory = await mkdtemp(join(folder, "model-"));
  await writeCFiles(directory, "model", config, compiled);
  for (const file of await readdir(BOARD)) await copyFile(join(BOARD, file), join(directory, file));
  const numbers = [...sources.flatMap((source) => [source.length, ...source]), 0];
  await writeFile(
    join(directory, "problems.h"),
    `static const int32_t problems[] = { ${numbers.join(", ")} };\n`,
  );
  const options = { cwd: directory, encoding: "utf8", timeout: 150_000 } as const;
  const files = ["-T", "mps2.ld", "main.c", "model.c", "weights.S", "-o", "model.elf", "-lm"];
  execFileSync("arm-none-eabi-gcc", [...STRICT, ...CORE, ...LINKED, ...files], options);
  const output = execFileSync(
    "qemu-system-arm",
    [...MACHINE, ...CONSOLE, "enable=on,target=native,chardev=out", "-kernel", "model.elf"],
    options,
  );
  const lines = output
    .trim()
    .split("\n")
    .map((line) => line.split(" ").map(Number));
  expect(lines.map((line) => line.slice(1, -1))).toEqual(expected);
  // Counted by QEMU, so the same on every machine.
  const instructions = lines.reduce((sum, line) => sum + line.at(-1)!, 0);
  const tokens = [...sources, ...expected].reduce((sum, { length }) => sum + length, 0);
  expect(instructions / tokens).toBeLessThan(MOST_INSTRUCTIONS);
  // The page of target c names these sizes.
  expect(compiled.program.arena * 4).toBeLessThan(300_000);
  expect(compiled.weights.byteLength).toBeLessThan(form === "int8" ? 665_000 : 365_000);
});

function greedy(model: PortableModel, source: readonly number[]): readonly number[] {
  const answer: number[] = [];
  model.encode(source);
  model.step([config.tokens.bos]);
  while (model.top() !== config.tokens.eos) {
    answer.push(model.top());
    if (answer.length === config.maxTarget) break;
    model.step([model.top()]);
  }
  return answer;
}
