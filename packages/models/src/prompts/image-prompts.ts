/** The prompts of `slm generate`, with an image if one is given. */
import { readDeviceModel } from "@slm/exported-model";
import { imageOfFile, readImageBytes } from "@slm/vision";
import type { Source } from "@slm/inference";
import { readPrompts, type PromptStream } from "./prompts.js";

export interface Question {
  readonly prompt: string;
  readonly source: Source;
}

interface ImagePromptRequest {
  /** Values of `--prompt`. */
  readonly prompts: readonly string[];
  /** Image file for all prompts. */
  readonly image: string | undefined;
  /** Source of prompts if neither the flags nor the model have prompts. */
  readonly stream: PromptStream;
  /** Directory of the model. A vision-language model can have a default prompt. */
  readonly model: string;
}

/** The prompts of one call.
 *
 * @throws SlmError INPUT_MISSING or DATA_INVALID for an image file that cannot be read, before the stream is read;
 * and as `readPrompts` does.
 */
export async function readImagePrompts({
  prompts,
  image,
  stream,
  model,
}: ImagePromptRequest): Promise<readonly Question[]> {
  if (image === undefined)
    return (await readPrompts(prompts, stream)).map((prompt) => ({ prompt, source: prompt }));
  await readImageBytes(image);
  const { vision } = await readDeviceModel(model);
  const own = prompts.length === 0 ? vision?.prompt : undefined;
  const asked = own === undefined ? await readPrompts(prompts, stream) : [own];
  const shown = imageOfFile(image);
  return asked.map((prompt) => ({ prompt, source: { text: prompt, image: shown } }));
}
