/** `generate()` of an npm package that `slm deploy --to npm` makes: the model lies in `./model/` beside this file. */
import { fileURLToPath } from "node:url";
import { openModel, type Model, type Source } from "@slm/inference";
import { createCpuRuntime } from "@slm/runtime-node";
import type { Runtime } from "@slm/runtime";
import { imageOfBytes, imageOfFile } from "@slm/vision";

export interface Generated {
  readonly text: string;
  readonly tokens: number;
  readonly finished: boolean;
}

export interface Options {
  /** A file or its bytes, for a vision-language model. */
  readonly image?: string | Uint8Array;
  readonly maxTokens?: number;
  readonly onToken?: (piece: string) => void;
  readonly signal?: AbortSignal;
}

interface Loaded {
  readonly runtime: Runtime;
  readonly generator: Model;
}

let loaded: Promise<Loaded> | undefined;

async function load(): Promise<Loaded> {
  const runtime = await createCpuRuntime({ inThread: true });
  return {
    runtime,
    generator: await openModel(fileURLToPath(new URL("model", import.meta.url)), runtime),
  };
}

export async function generate(
  source: string,
  { image, maxTokens, onToken, signal }: Options = {},
): Promise<Generated> {
  loaded ??= load().catch((error: unknown) => {
    loaded = undefined; // The next call tries again.
    throw error;
  });
  const { generator } = await loaded;
  const [generation] = await generator.generate([promptOf(source, image)], {
    maxTokens,
    signal,
    onToken:
      onToken &&
      ((_row, piece) => {
        onToken(piece);
      }),
  });
  const { text, tokens, finished } = generation!;
  return { text, tokens: tokens.length, finished };
}

function promptOf(text: string, image: Options["image"]): Source {
  if (image === undefined) return text;
  return { text, image: typeof image === "string" ? imageOfFile(image) : imageOfBytes(image, "the image") };
}

export async function close(): Promise<void> {
  const held = loaded;
  loaded = undefined;
  if (held === undefined) return;
  const { generator, runtime } = await held;
  await generator.close();
  await runtime.close();
}
