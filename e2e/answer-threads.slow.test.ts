/** The results of an evaluation must not depend on the threads that answer. */
import { compileModule } from "@slm/c-export/portable";
import { evaluateAnswers, openPortableModel, type EvaluationInput, type Model } from "@slm/inference";
import { answerThreads } from "@slm/inference/threads";
import { useExtension } from "@slm/extensions";
import { isMetricName, METRICS } from "@slm/metrics";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { encoderDecoder } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

const ROWS = Array.from({ length: 150 }, (_, at) => ({
  source: ["abc", "bca", "caa", "acb", "b", "bbacabcb"][at % 6]!.slice(0, 1 + (at % 8)),
  references: ["X Y", "Y"].slice(at % 2),
}));

const models = new TinyModels();
let module: WebAssembly.Module;
let model: Model;
beforeAll(async () => {
  module = await compileModule();
  const { directory } = await models.exported({ ...encoderDecoder, vocabularySize: 9 }, { target: "cpu" });
  model = await openPortableModel(directory, { module });
});
afterAll(() => model.close());

const request = (rows: EvaluationInput["rows"] = ROWS): EvaluationInput => ({
  rows,
  metrics: ["exactMatch", "wer", "perplexity"],
  batchSize: 2,
  intervalSeed: 1,
});

test("answers, probabilities and likelihoods are those of the model alone", async () => {
  const { seconds: _, ...expected } = await evaluateAnswers({
    ...request(),
    generator: model,
    scorer: model,
  });
  for (const options of [{ threads: 1 }, { threads: 3 }, { threads: 3, worthMs: 0 }]) {
    const { seconds: __, ...found } = await evaluateAnswers({
      ...request(),
      maker: answerThreads({ model, module, ...options }),
    });
    expect(found).toEqual(expected);
  }
});

test("a metric that only this thread knows is computed from the answers of all", async () => {
  useExtension({ name: "test", metrics: { renamed: METRICS.exactMatch } });
  // Other files of this process list all metrics.
  onTestFinished(() => {
    useExtension({ name: "test" });
  });
  const metrics = ["renamed"].filter(isMetricName);
  const maker = answerThreads({ model, module, threads: 3, worthMs: 0 });
  const { n } = await evaluateAnswers({ ...request(), metrics, maker });
  expect(n).toBe(ROWS.length);
});

test("an error in a thread names its rows", async () => {
  const rows = [...ROWS, { source: "a".repeat(500), references: ["X"] }];
  const maker = answerThreads({ model, module, threads: 3, worthMs: 0 });
  await expect(evaluateAnswers({ ...request(rows), maker })).rejects.toMatchObject({
    code: "DATA_INVALID",
    message: expect.stringContaining("among rows 145 to 151") as string,
  });
});

test("a signal ends all threads", async () => {
  const rows = Array.from({ length: 100 }, () => ROWS).flat();
  const signal = AbortSignal.timeout(300);
  const maker = answerThreads({ model, module, threads: 3, worthMs: 0, signal });
  await expect(evaluateAnswers({ ...request(rows), maker })).rejects.toMatchObject({ code: "INTERRUPTED" });
});
