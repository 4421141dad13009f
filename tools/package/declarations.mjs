/** Makes one declaration file per entry. It includes our packages; third-party names stay imports. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { rollup } from "rollup";
import { dts } from "rollup-plugin-dts";
import ts from "typescript";
import { output, root, TYPED_ENTRIES } from "./layout.mjs";

/** Declarations of our packages from `tsc -b`. Using sources would create a TypeScript program for each file. */
const ownDeclarations = {
  name: "own-declarations",
  async resolveId(/** @type {string} */ id) {
    const [, name, subpath = ""] = /^@slm\/([^/]+)(\/.+)?$/.exec(id) ?? [];
    if (name === undefined) return undefined;
    const folder = join(root, "packages", name);
    const { exports } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const { types } = exports[`.${subpath}`] ?? exports["./*"];
    return join(folder, types.replace("*", subpath.slice(1)));
  },
  /** The library bundles TensorFlow.js, but users do not have its types. A tensor is the argument and result of `math` in a loss term. */
  load(/** @type {string} */ id) {
    if (!id.endsWith("tensor/dist/recording/tf.d.ts")) return undefined;
    return "/** A value that a program computes. */\nexport interface Tensor { readonly shape: number[]; readonly dtype: string; }\nexport declare const tf: never;\n";
  },
};

export async function rollDeclarations() {
  for (const [name, input] of Object.entries(TYPED_ENTRIES)) {
    const bundle = await rollup({
      input: join(root, input),
      external: (id) => !/^(\.|\/|@slm\/)/.test(id),
      plugins: [
        ownDeclarations,
        dts({
          respectExternal: true,
          compilerOptions: {
            module: ts.ModuleKind.NodeNext,
            moduleResolution: ts.ModuleResolutionKind.NodeNext,
            target: ts.ScriptTarget.ES2022,
            strict: true,
            skipLibCheck: true,
          },
        }),
      ],
      onwarn: ({ message }) => {
        throw new Error(`declarations of ${name}: ${message}`);
      },
    });
    await bundle.write({ file: join(output, "dist", `${name}.d.ts`), format: "es" });
    await bundle.close();
  }
}
