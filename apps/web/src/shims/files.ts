/** `node:fs/promises` in the browser: files that were downloaded, in memory. What reads a model on disk reads it here too. */

/** Every file of the model by its path. */
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
