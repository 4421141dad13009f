/** Replaces `node:fs/promises` in the browser with downloaded files in memory, so that the code that reads a model from disk also works here. */

/** Every file of the models, by path. */
export const files = new Map<string, Uint8Array>();

export function readFile(path: string, encoding?: "utf8"): Promise<Uint8Array | string> {
  const bytes = files.get(path);
  if (bytes === undefined) return Promise.reject(noSuchFile(path));
  return Promise.resolve(encoding === "utf8" ? new TextDecoder().decode(bytes) : bytes);
}

export function stat(path: string): Promise<{ readonly size: number }> {
  const bytes = files.get(path);
  return bytes === undefined ? Promise.reject(noSuchFile(path)) : Promise.resolve({ size: bytes.byteLength });
}

function noSuchFile(path: string): Error {
  return Object.assign(new Error(`no such file: ${path}`), { code: "ENOENT" });
}
