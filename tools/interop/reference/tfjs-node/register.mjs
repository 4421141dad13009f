/**
 * Lets a command find tfjs-node outside the tree, for `--engine tensorflow`:
 *
 *   node --import ./tools/interop/reference/tfjs-node/register.mjs apps/cli/bin/run.js run configs/tiny.yaml --engine tensorflow -o DIR
 */
import { register } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { TFJS_NODE, tfjsNode } from "./install.mjs";

const { href } = pathToFileURL(join(tfjsNode(), "dist/index.js"));
register("./resolve.mjs", { parentURL: import.meta.url, data: { name: TFJS_NODE, href } });
