/** `generate()` and `close()` of an npm package from `slm deploy --to npm`. */
import { fileURLToPath } from "node:url";
import type { Model, Source } from "@slm/inference";

interface Generated {
  readonly text: string;
  readonly confidence: number;
  readonly abstained: boolean;
  readonly tokens: number;
  readonly finished: boolean;
}

interface Options {
  /** An image file or its bytes, for a vision-language model. */
  readonly image?: string | Uint8Array;
  readonly maxTokens?: number;
  readonly onToken?: (piece: string) => void;
  readonly signal?: AbortSignal;
}

export interface Answering {
  readonly generate: (source: string, options?: Options) => Promise<Generated>;
  /** Frees the model. The next call of `generate` loads it again. */
  readonly close: () => Promise<void>;
}

/** Address of a file or folder next to the program. */
export const besides = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/**
 * @param open opens the model in a directory
 * @param sourceOf the model's source for a text and its image
 */
export function answering(
  open: (directory: string) => Promise<Model>,
  sourceOf: (text: string, image: Options["image"]) => Source,
): Answering {
  let loaded: Promise<Model> | undefined;
  return {
    generate: async (source, { image, maxTokens, onToken, signal } = {}) => {
      loaded ??= open(besides("model")).catch((error: unknown) => {
        loaded = undefined; // Lets the next call try again.
        throw error;
      });
      const model = await loaded;
      const { text, confidence, abstained, tokens, finished } = await model.generate(
        sourceOf(source, image),
        {
          maxTokens,
          signal,
          onToken:
            onToken &&
            ((_row, piece) => {
              onToken(piece);
            }),
        },
      );
      return { text, confidence, abstained, tokens: tokens.length, finished };
    },
    close: async () => {
      const held = loaded;
      loaded = undefined;
      await (await held)?.close();
    },
  };
}
