/** `generate()` of an npm package from `slm deploy --to npm`. The model is in `./model/`, next to this file. */
import { fileURLToPath } from "node:url";
import { openModel, type Model, type Source } from "@slm/inference";
import { createCpuRuntime } from "@slm/runtime-node";
import { imageOfBytes, imageOfFile } from "@slm/vision";

export interface Generated {
  readonly text: string;
  readonly tokens: number;
  readonly finished: boolean;
}

export interface Options {
  /** An image file or its bytes, for a vision-language model. */
  readonly image?: string | Uint8Array;
  readonly maxTokens?: number;
  readonly onToken?: (piece: string) => void;
  readonly signal?: AbortSignal;
}

let loaded: Promise<Model> | undefined;

async function load(): Promise<Model> {
  const runtime = await createCpuRuntime({ inThread: true });
  const directory = fileURLToPath(new URL("model", import.meta.url));
  return openModel(directory, runtime, { closes: () => runtime.close() });
}

export async function generate(
  source: string,
  { image, maxTokens, onToken, signal }: Options = {},
): Promise<Generated> {
  loaded ??= load().catch((error: unknown) => {
    loaded = undefined; // Lets the next call try again.
    throw error;
  });
  const model = await loaded;
  const { text, tokens, finished } = await model.generate(promptOf(source, image), {
    maxTokens,
    signal,
    onToken:
      onToken &&
      ((_row, piece) => {
        onToken(piece);
      }),
  });
  return { text, tokens: tokens.length, finished };
}

function promptOf(text: string, image: Options["image"]): Source {
  if (image === undefined) return text;
  return { text, image: typeof image === "string" ? imageOfFile(image) : imageOfBytes(image, "the image") };
}

export async function close(): Promise<void> {
  const held = loaded;
  loaded = undefined;
  await (await held)?.close();
}
