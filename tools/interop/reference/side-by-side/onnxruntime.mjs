/**
 * The same exported graphs in slm and in Python's onnxruntime, whose caches grow where they lie, as slm's do:
 * what the host language costs. Batch 1, greedy, the same threads, exactly `answer` tokens. Versions differ: npm and PyPI have their own.
 *
 *   npm run build && node tools/interop/reference/side-by-side/onnxruntime.mjs [size=tiny|small|paper] [scheme=float32|cpu|int8-dynamic] [source=N] [answer=N]
 */
import {
  COMMON,
  compare,
  openSlm,
  promptIds,
  python,
  pythonGenerator,
  randomModel,
  settings,
  startPython,
} from "./harness.mjs";
import { ONNXRUNTIME } from "./python-packages.mjs";
import { shapeOf } from "./shapes.mjs";

const setting = settings({ ...COMMON, size: "tiny", scheme: "float32", source: 64, answer: 32 });
const { source, answer, scheme, size } = setting;
const directory = randomModel(shapeOf(size), { scheme });
const ids = await promptIds(directory, source);
const worker = await startPython(python(ONNXRUNTIME), "./onnxruntime_worker.py", {
  ...setting,
  directory,
  ids,
});

await compare(`Python's onnxruntime, ${size}, ${scheme}, ${source} tokens in, ${answer} out`, setting, [
  await openSlm(`slm, ${scheme}`, directory, setting),
  pythonGenerator(`onnxruntime ${worker.opened.version}, Python`, worker, answer),
]);
