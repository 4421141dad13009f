/** Downloads the files of a bundle, counted while they come and compared with their hashes. */
import { fileUrl, type SiteFile } from "./messages.js";

/** @param onBytes told how many bytes have come in all @throws Error naming the file that failed or is not what it should be */
export async function downloadFiles(
  list: readonly SiteFile[],
  base: URL,
  onBytes: (loaded: number) => void,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, Uint8Array>> {
  let loaded = 0;
  const count = (bytes: number): void => {
    loaded += bytes;
    onBytes(loaded);
  };
  const entries = await Promise.all(
    list.map(async (file) => [file.path, await downloadFile(file, base, count, signal)] as const),
  );
  return new Map(entries);
}

async function downloadFile(
  file: SiteFile,
  base: URL,
  count: (bytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const response = await fetch(fileUrl(base, file), { signal: signal ?? null });
  if (!response.ok || response.body === null)
    throw new Error(`${file.path}: the server answered ${response.status}`);
  const bytes = new Uint8Array(file.bytes);
  let at = 0;
  const reader = response.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.byteLength > file.bytes) throw new Error(`${file.path}: more than ${file.bytes} bytes`);
    bytes.set(value, at);
    at += value.byteLength;
    count(value.byteLength);
  }
  // Without https there is no way to hash in a browser; localhost counts as https.
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (at !== file.bytes || hex !== file.sha256)
    throw new Error(`${file.path}: not the file that was deployed`);
  return bytes;
}
