import { execFileSync } from "node:child_process";

/** A program of the Debian package of its name, installed where it is missing. @returns its path */
export function debianProgram(/** @type {string} */ name) {
  const find = () => execFileSync("sh", ["-c", `command -v ${name} || true`], { encoding: "utf8" }).trim();
  if (find() === "") {
    const install = `apt-get install -y --no-install-recommends ${name}`;
    const script = `run() { ${install} || { apt-get update && ${install}; }; }; run > /dev/null`;
    const sudo = process.getuid?.() === 0 ? [] : ["sudo"];
    const [program, ...argv] = [...sudo, "sh", "-c", script];
    execFileSync(program, argv, { stdio: "inherit" });
  }
  return find();
}
