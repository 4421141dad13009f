import { readFile } from "node:fs/promises";
import { readFailure, resolveInside, SlmError } from "@slm/core";
import { shortlistOf, type LexicalShortlist } from "@slm/generation";
import type { DeviceModel } from "@slm/exported-model";

/** The shortlist next to static graphs, if there is one. @throws SlmError INPUT_MISSING, DATA_INVALID */
export async function readShortlist(
  directory: string,
  model: DeviceModel,
): Promise<LexicalShortlist | undefined> {
  const name = model.static?.lexicalShortlist;
  if (name === undefined) return undefined;
  const file = resolveInside(directory, name);
  const bytes = await readFile(file).catch((error: unknown) => {
    throw readFailure(error, file, ["slm export CHECKPOINT --target npu"]);
  });
  const reject = (message: string): SlmError =>
    new SlmError("DATA_INVALID", `${file}: not a usable lexical shortlist: ${message}`, {
      context: { file },
    });
  return shortlistOf(bytes, model.vocabularySize, reject);
}
