import nx from "@nx/eslint-plugin";
import tseslint from "typescript-eslint";

const layers = ["core", "learn", "lower", "run"];

/** The order of the house: learn, lower and run know only core; the command line knows all. */
const depConstraints = [
  { sourceTag: "layer:core", onlyDependOnLibsWithTags: ["layer:core"] },
  ...layers.slice(1).map((layer) => ({
    sourceTag: `layer:${layer}`,
    onlyDependOnLibsWithTags: [`layer:${layer}`, "layer:core"],
  })),
  { sourceTag: "layer:app", onlyDependOnLibsWithTags: layers.map((layer) => `layer:${layer}`) },
  {
    sourceTag: "device:none",
    onlyDependOnLibsWithTags: ["device:none"],
    bannedExternalImports: ["onnxruntime-*", "@oclif/*"],
  },
  { sourceTag: "device:web", onlyDependOnLibsWithTags: ["device:none", "device:web"] },
  { sourceTag: "device:cpu", onlyDependOnLibsWithTags: ["device:none", "device:cpu"] },
  // Other devices are other execution providers of the same worker, and the processor is what they fall back to.
  ...["gpu", "npu"].map((device) => ({
    sourceTag: `device:${device}`,
    onlyDependOnLibsWithTags: ["device:none", "device:cpu", `device:${device}`],
  })),
];

export default tseslint.config(
  { ignores: ["**/dist/**", "**/node_modules/**", "runs/**", ".nx/**"] },
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked],
    plugins: { "@nx": nx },
    languageOptions: {
      parserOptions: {
        project: ["tsconfig.build.json", "tsconfig.spec.json"],
        tsconfigRootDir: process.cwd(),
      },
    },
    rules: {
      "@nx/enforce-module-boundaries": [
        "error",
        {
          depConstraints,
          // The command line loads stages only when a command needs them; elsewhere imports are static.
          checkDynamicDependenciesExceptions: ["@slm/.*"],
          allow: ["../../vitest.base.mjs", "../../../vitest.base.mjs"],
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
);
