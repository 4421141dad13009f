import { execFileSync } from "node:child_process";
import { join } from "node:path";

/** The folder of the repository. */
export const repository = join(import.meta.dirname, "../../../..");

/** Files that git knows, by patterns such as `*.md` (also in folders). Paths start from {@link repository}. */
export function repositoryFiles(...patterns: readonly string[]): readonly string[] {
  return execFileSync("git", ["ls-files", ...patterns], { cwd: repository, encoding: "utf8" })
    .split("\n")
    .filter((file) => file !== "");
}
