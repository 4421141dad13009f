/**
 * The same exported graphs in slm and in Python's onnxruntime, whose caches are bound as slm's are (past and present are one buffer):
 * what the host language costs. Batch 1, greedy, the same threads, exactly `answer` tokens. Versions differ: npm and PyPI have their own.
 *
 *   npm run build && node tools/peers/side-by-side/onnxruntime.mjs [size=tiny|small|paper] [scheme=float32|cpu|int8-dynamic] [source=N] [answer=N]
 */
import { COMMON, compare, openSlm, python, randomModel, settings, startPython, times } from "./harness.mjs";
import { ONNXRUNTIME } from "./python-packages.mjs";
import { shapeOf } from "./shapes.mjs";

const setting = settings({ ...COMMON, size: "tiny", scheme: "float32", source: 64, answer: 32 });
const directory = randomModel(shapeOf(setting.size), { scheme: setting.scheme });
const worker = await startPython(python(ONNXRUNTIME), "./onnxruntime_worker.py", { ...setting, directory });

await compare(
  `Python's onnxruntime, ${setting.size}, ${setting.scheme}, ${setting.source} tokens in, ${setting.answer} out`,
  setting,
  [
    await openSlm(`slm, ${setting.scheme}`, directory, setting),
    {
      name: `onnxruntime ${worker.opened.version}, Python`,
      run: async () => {
        const { firstTokenMs, totalMs } = await worker.ask();
        return times(firstTokenMs, totalMs, setting.answer);
      },
      close: worker.close,
    },
  ],
);
