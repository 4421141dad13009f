/**
 * Rules for imports: no cycles of files, and the order of layers, which Nx tags in each package.json name. Imports of types and `import()`
 * count. `npm run structure` checks them.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";

const severity = /** @type {const} */ ("error");
const lower = ["core", "learn", "export", "run"];
const upper = [...lower, "extension"];

/** The layers that each layer can import, in addition to itself. */
const LAYERS = {
  core: [],
  learn: ["core"],
  export: ["core"],
  run: ["core"],
  // Dataset modules are written against what the library exports, as a user's are.
  task: ["learn", "core"],
  // Extensions add rows to tables of any layer.
  extension: lower,
  models: upper,
  pipeline: [...upper, "models"],
  // The library delivers the page of apps/web.
  library: [...upper, "models", "pipeline", "app"],
  // The library calls the pipeline and models for the apps. Tests of apps make runs.
  app: [...upper, "library"],
};
const TEST = "\\.test\\.ts$|/testing/";
const DEVICES = { none: [], web: ["none"], node: ["none"] };

/** Matches the files of a package. */
const PACKAGE = "^(packages/[^/]+|apps/[^/]+|configs)/";

/** The folders of all packages, with their Nx tags. */
const packages = ["configs", ...["packages", "apps"].flatMap(foldersIn)]
  .filter((folder) => existsSync(`${folder}/package.json`))
  .map((folder) => ({
    folder,
    tags: JSON.parse(readFileSync(`${folder}/package.json`, "utf8")).nx?.tags ?? [],
  }));

function foldersIn(/** @type {string} */ parent) {
  return existsSync(parent) ? readdirSync(parent).map((name) => `${parent}/${name}`) : [];
}

/** Matches the files of the packages with one of these tags. */
function tagged(/** @type {readonly string[]} */ tags) {
  const folders = packages.filter((one) => one.tags.some((/** @type {string} */ tag) => tags.includes(tag)));
  return `^(${folders.map(({ folder }) => folder).join("|")})/`;
}

/** A package with this tag imports only packages with one of these. */
function wall(/** @type {string} */ kind, /** @type {Readonly<Record<string, readonly string[]>>} */ table) {
  return Object.entries(table).map(([name, others]) => ({
    name: `${kind}:${name} imports only ${[name, ...others].join(", ")}`,
    severity,
    from: { path: tagged([`${kind}:${name}`]), pathNot: name === "app" ? TEST : "^$" },
    to: { path: PACKAGE, pathNot: tagged([name, ...others].map((one) => `${kind}:${one}`)) },
  }));
}

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    { name: "no cycle of files", severity, from: {}, to: { circular: true } },
    ...wall("layer", LAYERS),
    ...wall("device", DEVICES),
    {
      name: "packages that import others have a layer",
      severity,
      from: { path: PACKAGE, pathNot: tagged(Object.keys(LAYERS).map((name) => `layer:${name}`)) },
      to: { path: PACKAGE, pathNot: "^$1/" },
    },
    {
      name: "device:none imports no runtime",
      severity,
      from: { path: tagged(["device:none"]) },
      to: { path: "(^|/)(onnxruntime-|@oclif/)" },
    },
    {
      name: "packages import each other by name",
      severity,
      from: { path: PACKAGE },
      to: {
        path: PACKAGE,
        pathNot: "^$1/",
        dependencyTypes: ["local"],
        dependencyTypesNot: ["aliased-workspace"],
      },
    },
  ],
  options: {
    parser: "tsc",
    tsPreCompilationDeps: true,
    detectJSDocImports: true,
    skipAnalysisNotInRules: true,
    doNotFollow: { path: "node_modules" },
    exclude: { path: "(^|/)dist/" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["@slm/source", "import", "node", "default"],
    },
  },
};
