#!/usr/bin/env node
// Starts slm. Plain JavaScript, because it must also run before the first build and say that a build is needed.
import { existsSync } from "node:fs";

const main = new URL("../dist/main.js", import.meta.url);
if (existsSync(main)) {
  const { main: run } = await import(main.href);
  await run(process.argv.slice(2));
} else {
  process.stderr.write("slm has not been built yet\nTry this:\n  npm run build\n");
  process.exitCode = 70;
}
