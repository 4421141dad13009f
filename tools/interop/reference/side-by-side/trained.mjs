/**
 * A trained student's own answers in slm, with and without draft rules, in transformers.js with the same weights, and in CTranslate2 with a T5 of
 * equal size: every row of a file once in each round, batch 1, greedy, each program's own end of an answer. CTranslate2's weights are
 * random; it reads as many tokens as slm does and makes as many.
 *
 *   npm run build && node tools/interop/reference/side-by-side/trained.mjs checkpoint=RUN/distill rows=RUN/data/test.jsonl \
 *       [train=RUN/data/train.jsonl] [count=100] [dtype=q8+q4|q8|fp32] [threads=1]
 *
 * `train` are the pairs that draft rules are learnt from; without them there are none.
 */
import { basename, dirname, resolve } from "node:path";
import { readDeviceModel } from "@slm/exported-model";
import { openModel } from "@slm/inference";
import { readModelConfig } from "@slm/checkpoints";
import { createCpuRuntime } from "@slm/runtime-node";
import { loadTokenizer } from "@slm/tokenizer";
import { firstSources } from "../../../lib/first-sources.mjs";
import { COMMON, PLACE, compare, python, settings, startPython, trainedModel } from "./harness.mjs";
import { CTRANSLATE2 } from "./python-packages.mjs";
import { TRANSFORMERS_VERSION, kindOf, openTransformers } from "./transformers-library.mjs";

const setting = settings({
  ...COMMON,
  ...{ rounds: 3, warmup: 1, checkpoint: "", rows: "", train: "", count: 100, dtype: "q8+q4" },
});
const { threads, count, dtype } = setting;
const { scheme, theirDtype } = kindOf(dtype);
const checkpoint = resolve(setting.checkpoint);
const sources = await firstSources(setting.rows, count);

/** Figures of a pass over all rows. */
function figures(answers) {
  const total = answers.reduce((sum, { totalMs }) => sum + totalMs, 0);
  const tokens = answers.reduce((sum, { made }) => sum + made, 0);
  const first = answers.map(({ firstTokenMs }) => firstTokenMs).toSorted((a, b) => a - b);
  return {
    msPerAnswer: total / answers.length,
    firstTokenMs: first[Math.floor(first.length / 2)],
    tokensPerSecond: (1000 * tokens) / total,
  };
}

/** One that answers row by row; `answers` are the last pass's. */
function contestant(name, answer, close, about = {}) {
  const it = { name, about, answers: [], close };
  it.run = async () => {
    const answers = [];
    for (const [row, source] of sources.entries()) answers.push(await answer(source, row));
    it.answers = answers;
    return figures(answers);
  };
  return it;
}

const rules = setting.train === "" ? [] : ["--draft-rules", resolve(setting.train)];
const directory = trainedModel(checkpoint, { scheme, exportFlags: rules });
const runtime = await createCpuRuntime({ threads });
const model = await readDeviceModel(directory);
const ownTokenizer = await loadTokenizer(directory);
async function openAnswering(name, draftTokens) {
  const generator = await openModel(directory, runtime, { draftTokens });
  const answer = async (source) => {
    const [{ tokens, finished, firstTokenMs, totalMs }] = await generator.generate([source], {
      batchSize: 1,
    });
    return { tokens, made: tokens.length + (finished ? 1 : 0), firstTokenMs, totalMs };
  };
  return contestant(name, answer, () => generator.close());
}
const plain = await openAnswering(`slm, ${scheme}, plain greedy`, 0);
const ours =
  rules.length === 0 ? [plain] : [await openAnswering(`slm, ${scheme}, draft rules`, undefined), plain];

const theirs = await openTransformers(trainedModel(checkpoint, { scheme, layout: "transformers.js" }), {
  theirDtype,
  threads,
});
const transformers = contestant(
  `transformers.js ${TRANSFORMERS_VERSION}, ${dtype}`,
  async (source) => {
    const { tokens, ...took } = await theirs.answer(source, { max_new_tokens: model.maxTarget - 1 });
    return { tokens: tokens.filter((token) => token !== model.tokens.eos), made: tokens.length, ...took };
  },
  theirs.close,
);

const shape = await readModelConfig(checkpoint);
const worker = await startPython(python(CTRANSLATE2), "./ctranslate2_worker.py", {
  ...{ threads, shape, place: PLACE },
});
const reference = contestant(
  `CTranslate2 ${worker.opened.version}, int8, random weights`,
  async (source, row) => {
    const answer = plain.answers[row].made;
    const asked = { source: ownTokenizer.encodeSource(source).length, answer };
    return { made: answer, ...(await worker.ask(asked)) };
  },
  worker.close,
  { parameters: worker.opened.parameters },
);

await compare(`${basename(dirname(checkpoint))}, ${sources.length} rows, ${threads} threads`, setting, [
  ...ours,
  transformers,
  reference,
]);
await runtime.close();
const alike = ({ answers }) =>
  answers.filter(({ tokens }, row) => tokens.join() === plain.answers[row].tokens.join()).length;
for (const other of [...ours, transformers])
  console.log(
    `The same answers as slm's plain greedy ones, ${other.name}: ${alike(other)} of ${sources.length}`,
  );
