/** Advice for a model whose path is too long for ONNX Runtime on Windows. */
import { resolve } from "node:path";

/** Longest path of a file for programs that do not ask Windows for more (MAX_PATH without the final zero) [characters]. */
const LONGEST_WINDOWS_PATH = 259;

/** What to do about the path of a graph that could not be loaded: Node.js reads longer paths than ONNX Runtime, which checks the path of the weights. */
export function pathAdvice(path: string, platform: NodeJS.Platform = process.platform): readonly string[] {
  const { length } = resolve(path);
  if (platform !== "win32" || length <= LONGEST_WINDOWS_PATH) return [];
  return [`move the model to a path of at most ${LONGEST_WINDOWS_PATH} characters; this one has ${length}`];
}
