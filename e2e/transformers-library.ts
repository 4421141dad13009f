/** Opens the transformers.js library with a test's own model directory. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";

/** The part of `@huggingface/transformers` that all tests use. Its types are not installed. */
interface Environment {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
}

/** Text generation models with their tokenizers. */
export interface TextLibrary extends Environment {
  readonly AutoTokenizer: {
    from_pretrained: (name: string) => Promise<(text: string | string[], options?: object) => object>;
  };
  readonly AutoModelForSeq2SeqLM: {
    from_pretrained: (
      name: string,
      options: { readonly dtype: string | object },
    ) => Promise<{ generate: (inputs: object) => Promise<{ tolist: () => bigint[][] }> }>;
  };
}

/** A directory for models, slm's own runtime, and the library, which loads models from the directory. */
export interface LibrarySetting<Library> {
  readonly library: Library;
  readonly workspace: string;
  readonly runtime: Runtime;
  readonly close: () => Promise<void>;
}

const LIBRARY: string = "@huggingface/transformers";

/** Opens the library with an empty directory, and writes a tokenizer of 40 symbols to `tokenizer/`. */
export async function openTransformers<Library extends Environment>(): Promise<LibrarySetting<Library>> {
  const library = (await import(LIBRARY)) as Library;
  const workspace = await mkdtemp(join(tmpdir(), "slm-transformers-"));
  library.env.allowRemoteModels = false;
  library.env.localModelPath = `${workspace}/`;
  const runtime = await createCpuRuntime({ inThread: true, threads: 2 });
  const tokenizer = trainSymbolTokenizer({
    sources: ["abcdefhlo"],
    targets: [Array.from({ length: 27 }, (_, index) => `T${index}`).join(" ")],
    sourceLowercase: true,
  });
  await writeTokenizer(tokenizer, join(workspace, "tokenizer"));
  const close = async (): Promise<void> => {
    await runtime.close();
    await rm(workspace, { recursive: true });
  };
  return { library, workspace, runtime, close };
}
