/** `node:path` in the browser: the paths there are relative and checked already. */

export function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("/");
}
