/** Opens the model of an npm package in any JavaScript host. The host provides the bytes of the files, because not every host has a disk. */
import { MANIFEST_FILE } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { DEVICE_MODEL_FILE, filesOfEngine, readDeviceModel } from "@slm/exported-model";
import { openPortableModel } from "@slm/inference/portable";
import { checkFile, listedFiles } from "../bundle-files.js";
import { files } from "../shims/files.js";
import { answering, type Answering } from "./answering.js";

export interface OpenModelOptions {
  /** `kernels.wasm` of the package: its bytes, or the compiled module where the host does not compile bytes. */
  readonly kernels: BufferSource | WebAssembly.Module;
  /** Returns a file of the package's folder `model`, such as `model.json`. Only the files that the model needs are read. */
  readonly read: (path: string) => Bytes | Promise<Bytes>;
}

type Bytes = ArrayBuffer | Uint8Array;

/** Number of models opened in this thread, so that each has its own folder among the files in memory. */
let opened = 0;

/**
 * Opens the model. Every file is compared with its hash in the manifest.
 *
 * @throws SlmError INPUT_MISSING if `read` returns no bytes; Error for a file that does not match its hash
 */
export async function openModel({ kernels, read }: OpenModelOptions): Promise<Answering> {
  const directory = `model-${++opened}`;
  const manifest = new TextDecoder().decode(await bytesOf(MANIFEST_FILE, read));
  const list = listedFiles(JSON.parse(manifest), MANIFEST_FILE);
  const closes = (): Promise<void> => {
    for (const { path } of list) files.delete(`${directory}/${path}`);
    return Promise.resolve();
  };
  const keep = async (paths: readonly string[]): Promise<void> => {
    for (const file of list.filter(({ path }) => paths.includes(path))) {
      const bytes = await bytesOf(file.path, read);
      await checkFile(file, bytes);
      files.set(`${directory}/${file.path}`, bytes);
    }
  };
  try {
    await keep([DEVICE_MODEL_FILE]);
    const description = await readDeviceModel(directory);
    const all = list.map(({ path }) => path);
    await keep(filesOfEngine(description, all, "wasm"));
    const model = await openPortableModel(directory, { module: kernels, closes });
    return answering(model, (text, image) => {
      if (image === undefined) return text;
      throw new SlmError("USAGE", "generate: this model reads text only, got an image");
    });
  } catch (error) {
    await closes();
    throw error;
  }
}

async function bytesOf(path: string, read: OpenModelOptions["read"]): Promise<Uint8Array<ArrayBuffer>> {
  const bytes: unknown = await read(path);
  if (bytes instanceof Uint8Array) return bytes as Uint8Array<ArrayBuffer>;
  if (bytes instanceof ArrayBuffer) return new Uint8Array(bytes);
  throw new SlmError("INPUT_MISSING", `openModel: read("${path}") returned ${typeof bytes}, expected bytes`, {
    suggestions: [`return the bytes of model/${path} of the package`],
  });
}
