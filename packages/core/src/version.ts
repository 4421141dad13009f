/** Version of slm, recorded in every manifest and part of every stage's key. A test checks that it equals package.json. */
export const SLM_VERSION = "0.1.0";

/** What mends an installation that lacks files: of the package, or of a clone. */
export const REINSTALL = "npm install --ignore-scripts @encdec/slm (in a clone: npm ci && npm run build)";
