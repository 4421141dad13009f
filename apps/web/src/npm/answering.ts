/** `generate()` and `close()` of an npm package from `slm deploy --to npm`. */
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
  /** Frees the model. */
  readonly close: () => Promise<void>;
}

/** @param sourceOf the model's source for a text and its image */
export function answering(
  model: Model,
  sourceOf: (text: string, image: Options["image"]) => Source,
): Answering {
  return {
    generate: async (source, { image, maxTokens, onToken, signal } = {}) => {
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
    close: () => model.close(),
  };
}

/** Opens the model with the first call of `generate`, and again with the first after `close`. */
export function openedOnFirstUse(open: () => Promise<Answering>): Answering {
  let loaded: Promise<Answering> | undefined;
  return {
    generate: async (source, options) => {
      loaded ??= open().catch((error: unknown) => {
        loaded = undefined; // Lets the next call try again.
        throw error;
      });
      return (await loaded).generate(source, options);
    },
    close: async () => {
      const held = loaded;
      loaded = undefined;
      await (await held)?.close();
    },
  };
}
