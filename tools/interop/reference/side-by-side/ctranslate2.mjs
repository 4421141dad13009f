/**
 * slm beside CTranslate2: encoder-decoders of equal size, random weights, 8 bits, batch 1, greedy, the same threads, exactly `answer`
 * tokens. CTranslate2's model is a T5, written as its converter of transformers writes one; its shape has as many layers and the same width
 * (T5 has no biases, a table of relative positions and a key head for every query head: 347.5M parameters beside 332.0M at the paper's size).
 *
 *   npm run build && node tools/interop/reference/side-by-side/ctranslate2.mjs [size=tiny|small|paper] [scheme=int8-dynamic|cpu] [source=N] [answer=N]
 */
import {
  COMMON,
  PLACE,
  compare,
  openSlm,
  python,
  randomModel,
  settings,
  startPython,
  times,
} from "./harness.mjs";
import { CTRANSLATE2 } from "./python-packages.mjs";
import { parametersOf, shapeOf } from "./shapes.mjs";

const setting = settings({ ...COMMON, size: "tiny", scheme: "int8-dynamic", source: 64, answer: 32 });
const shape = shapeOf(setting.size);
const ours = await openSlm(`slm, ${setting.scheme}`, randomModel(shape, { scheme: setting.scheme }), setting);
ours.about = { parameters: parametersOf(shape) };
const worker = await startPython(python(CTRANSLATE2), "./ctranslate2_worker.py", {
  ...setting,
  shape,
  place: PLACE,
});
const { version, parameters } = worker.opened;

await compare(
  `CTranslate2, ${setting.size}, int8, ${setting.source} tokens in, ${setting.answer} out`,
  setting,
  [
    ours,
    {
      name: `CTranslate2 ${version}, int8`,
      about: { parameters },
      run: async () => {
        const { firstTokenMs, totalMs } = await worker.ask();
        return times(firstTokenMs, totalMs, setting.answer);
      },
      close: worker.close,
    },
  ],
);
