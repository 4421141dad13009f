import { createProjectGraphAsync } from "@nx/devkit";
import nx from "@nx/eslint-plugin";
import tseslint from "typescript-eslint";

const layers = ["core", "learn", "export", "run"];
const lower = layers.map((layer) => `layer:${layer}`);

/**
 * The order of the layers: learn, export and run import core only; extensions add to any of them; models imports those, the pipeline
 * models, the library the pipeline, the apps all.
 */
const depConstraints = [
  { sourceTag: "layer:core", onlyDependOnLibsWithTags: ["layer:core"] },
  ...layers.slice(1).map((layer) => ({
    sourceTag: `layer:${layer}`,
    onlyDependOnLibsWithTags: [`layer:${layer}`, "layer:core"],
  })),
  // Dataset modules are written against what the library exports, as a user's are.
  { sourceTag: "layer:task", onlyDependOnLibsWithTags: ["layer:task", "layer:learn", "layer:core"] },
  // Extensions add rows to tables of any layer.
  { sourceTag: "layer:extension", onlyDependOnLibsWithTags: ["layer:extension", ...lower] },
  { sourceTag: "layer:models", onlyDependOnLibsWithTags: ["layer:models", "layer:extension", ...lower] },
  { sourceTag: "layer:pipeline", onlyDependOnLibsWithTags: ["layer:models", "layer:extension", ...lower] },
  // The library delivers the page of apps/web.
  {
    sourceTag: "layer:library",
    onlyDependOnLibsWithTags: ["layer:extension", "layer:models", "layer:pipeline", "layer:app", ...lower],
  },
  // The apps call the library, which calls the pipeline and models.
  { sourceTag: "layer:app", onlyDependOnLibsWithTags: ["layer:extension", "layer:library", ...lower] },
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

/** Only the walls between packages: `.oxlintrc.json` has all other rules. */
export default tseslint.config(
  {
    ignores: ["**/dist/**", "dist-package/**", "dist-docs/**", "**/node_modules/**", "runs/**", ".nx/**"],
  },
  {
    files: ["packages/**/*.ts", "apps/**/*.ts", "configs/**/*.ts", "e2e/**/*.ts"],
    languageOptions: { parser: tseslint.parser },
    plugins: { "@nx": nx },
    rules: {
      "@nx/enforce-module-boundaries": [
        "error",
        {
          depConstraints,
          // The command line loads stages only when a command needs them; elsewhere imports are static.
          checkDynamicDependenciesExceptions: ["@slm/.*"],
        },
      ],
    },
  },
);
