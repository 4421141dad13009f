/**
 * Compares an imported teacher's tokenizer with llama.cpp's on twenty texts. Needs `npm run build`.
 *
 * Usage: node tools/interop/reference/llama-cpp/check-tokenizer.mjs MODEL.gguf TEACHER_DIRECTORY
 */
import { loadTokenizer } from "@slm/tokenizer";
import { openLlama } from "./llama.mjs";
import { TEXTS } from "./tokenizer-texts.mjs";

const [model, directory] = process.argv.slice(2);
const llama = await openLlama();
const loaded = await llama.loadModel({ modelPath: model, vocabOnly: true });
const tokenizer = await loadTokenizer(directory);
let [same, tokens] = [0, 0];
for (const text of TEXTS) {
  const theirs = loaded.tokenize(text, false).map(Number);
  const ours = tokenizer.encodeTarget(text);
  tokens += theirs.length;
  if (theirs.join() === ours.join() && tokenizer.decode(ours) === text) same += 1;
  else console.log(JSON.stringify({ text, theirs, ours }));
}
console.log(`${same} of ${TEXTS.length} texts alike, ${tokens} tokens`);
await loaded.dispose();
process.exitCode = same === TEXTS.length ? 0 : 3;
