import { createProjectGraphAsync } from "@nx/devkit";
import nx from "@nx/eslint-plugin";
import tseslint from "typescript-eslint";

const layers = ["core", "learn", "export", "run"];

/** The order of the layers: learn, export and run import core only; extensions and the apps import all. */
const depConstraints = [
  { sourceTag: "layer:core", onlyDependOnLibsWithTags: ["layer:core"] },
  ...layers.slice(1).map((layer) => ({
    sourceTag: `layer:${layer}`,
    onlyDependOnLibsWithTags: [`layer:${layer}`, "layer:core"],
  })),
  // Dataset modules are written against what the library exports, as a user's are.
  { sourceTag: "layer:task", onlyDependOnLibsWithTags: ["layer:task", "layer:learn", "layer:core"] },
  // Extensions add rows to tables of any layer; only the apps import them.
  ...["extension", "app"].map((layer) => ({
    sourceTag: `layer:${layer}`,
    onlyDependOnLibsWithTags: ["extension", ...layers].map((lower) => `layer:${lower}`),
  })),
  {
    sourceTag: "device:none",
    onlyDependOnLibsWithTags: ["device:none"],
    bannedExternalImports: ["onnxruntime-*", "@oclif/*"],
  },
  { sourceTag: "device:web", onlyDependOnLibsWithTags: ["device:none", "device:web"] },
  { sourceTag: "device:node", onlyDependOnLibsWithTags: ["device:none", "device:node"] },
];

// The rule about module boundaries reads a stored project graph, and says nothing at all where there is none.
await createProjectGraphAsync();

export default tseslint.config(
  { ignores: ["**/dist/**", "dist-package/**", "dist-docs/**", "**/node_modules/**", "runs/**", ".nx/**"] },
  {
    files: ["**/*.ts"],
    // Programs of users, compiled against the published package by the test that installs it.
    ignores: ["tools/install/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { "@nx": nx },
    languageOptions: {
      // One program holds every source and test: a type is computed once for all who use it.
      parserOptions: { project: "tsconfig.json", tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      "@nx/enforce-module-boundaries": [
        "error",
        {
          depConstraints,
          // The command line loads stages only when a command needs them; elsewhere imports are static.
          checkDynamicDependenciesExceptions: ["@slm/.*"],
        },
      ],
      "@typescript-eslint/explicit-module-boundary-types": "error",
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": "error",
      // Typed arrays are read at indices the loop bounds already prove; `noUncheckedIndexedAccess` asks for `!` there.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "max-lines": ["error", 400],
      "no-console": "error",
      "no-new": "error",
    },
  },
  {
    files: ["**/*.test.ts"],
    rules: {
      "no-restricted-properties": [
        "error",
        {
          object: "vi",
          property: "resetModules",
          message: "Files share their modules: what later files load would not be what the libraries know.",
        },
      ],
    },
  },
);
