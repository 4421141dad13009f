/** The library that layout transformers.js is made for, reading from a directory of a test's own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { trainSymbolTokenizer, writeTokenizer } from "@slm/tokenizer";

/** What every test uses of `@huggingface/transformers`, a development dependency whose types are not. */
interface Environment {
  readonly env: { allowRemoteModels: boolean; localModelPath: string };
}

/** Models that write texts, with their tokenizers. */
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

/** A place for models, slm's own runtime, and the library looking for models in that place. */
export interface LibrarySetting<Library> {
  readonly library: Library;
  readonly workspace: string;
  readonly runtime: Runtime;
  readonly close: () => Promise<void>;
}

const LIBRARY: string = "@huggingface/transformers";

/** Opens the library beside an empty place, with a tokenizer of 40 symbols in `tokenizer/`. */
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
