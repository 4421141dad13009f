/** tfjs-node outside the tree: its own sources, compiled here against the libraries inside PyPI's tensorflow-cpu wheel. */
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { once, run } from "../side-by-side/harness.mjs";

export const TFJS_NODE = "@tensorflow/tfjs-node";
const TFJS_NODE_VERSION = "4.22.0";
/**
 * A wheel whose C interface is in a library that needs no Python (`libtensorflow_cc.so.2`). The 2.9.1 that tfjs-node asks for keeps it in
 * an extension module that does.
 */
const TENSORFLOW_VERSION = "2.15.1";
/** Only unpacked, never run: any interpreter's wheel does. */
const WHEEL = ["--python-version", "3.11", "--platform", "manylinux_2_17_x86_64", "--only-binary", ":all:"];
const HEADERS = "node-api-headers@1.9.0";
/** The version of Node's interface for addons, and the folder where tfjs-node looks for an addon of it. */
const NAPI_VERSION = 8;

/** @returns the package's folder; made once, in minutes. Needs python3 with pip, g++ and Linux on x86-64. */
export function tfjsNode() {
  const place = once(`tfjs-node-${TFJS_NODE_VERSION}-${TENSORFLOW_VERSION}`, (folder) => {
    writeFileSync(join(folder, "package.json"), JSON.stringify({ private: true }));
    const packages = [`${TFJS_NODE}@${TFJS_NODE_VERSION}`, HEADERS];
    run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", ...packages], folder);
    const target = join(folder, "node_modules", TFJS_NODE);
    unpackLibraries(folder, join(target, "deps"));
    compile(target, join(folder, "node_modules/node-api-headers/include"));
  });
  return join(place, "node_modules", TFJS_NODE);
}

/** The wheel's libraries and headers, where tfjs-node's own download would be. */
function unpackLibraries(folder, deps) {
  const wheels = join(folder, "wheel");
  run("python3", [
    ...["-m", "pip", "download", "--quiet", "--no-deps", ...WHEEL],
    ...["--dest", wheels, `tensorflow-cpu==${TENSORFLOW_VERSION}`],
  ]);
  const [wheel] = readdirSync(wheels);
  run("python3", ["-m", "zipfile", "-e", join(wheels, wheel), wheels]);
  mkdirSync(join(deps, "lib"), { recursive: true });
  renameSync(join(wheels, "tensorflow/include"), join(deps, "include"));
  for (const name of ["cc", "framework"]) {
    const file = `libtensorflow_${name}.so.2`;
    renameSync(join(wheels, "tensorflow", file), join(deps, "lib", file));
  }
  rmSync(wheels, { recursive: true });
}

/** The addon, two source files: node-gyp would fetch Node's headers, and its rules name a library that no wheel has. */
function compile(target, headers) {
  const output = join(target, "lib", `napi-v${NAPI_VERSION}`);
  mkdirSync(output, { recursive: true });
  run(
    "g++",
    [
      ...["-O2", "-std=c++17", "-shared", "-fPIC", `-DNAPI_VERSION=${NAPI_VERSION}`],
      ...["-I.", "-Ideps/include", `-I${headers}`, "binding/tfjs_backend.cc", "binding/tfjs_binding.cc"],
      ...["-Ldeps/lib", "-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"],
      ...["-Wl,-rpath,$ORIGIN/../../deps/lib", "-o", join(output, "tfjs_binding.node")],
    ],
    target,
  );
}
