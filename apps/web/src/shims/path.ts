/** Replaces `node:path` in the browser, where all paths are relative and already checked. */

export function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("/");
}

export function dirname(path: string): string {
  return path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : ".";
}
